package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

const failed = "failed"

// countRow is a row of an import and what became of it.
type countRow struct {
	SKU      string `json:"sku"`
	Location string `json:"location"`
	OnHand   int64  `json:"on_hand" minimum:"0" maximum:"1000000000"`

	number int
	result string
	faults fault.List
}

func (r countRow) key() string {
	if r.SKU == "" && r.Location == "" {
		return ""
	}
	return r.SKU + "/" + r.Location
}

// readRow reads a line and notes all its faults.
func readRow(line []byte) countRow {
	var row countRow
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(line, &members); err != nil || members == nil {
		row.faults.Add("", "malformed", "the row is not a JSON object")
		return row
	}
	take := func(name string, into any, takes string) {
		value, there := members[name]
		delete(members, name)
		switch {
		case !there:
			row.faults.Add("/"+name, "required", "the row has no %s", name)
		case bytes.Equal(value, []byte("null")) || json.Unmarshal(value, into) != nil:
			row.faults.Add("/"+name, "type", "takes %s", takes)
		}
	}
	take("sku", &row.SKU, "text")
	take("location", &row.Location, "text")
	take("on_hand", &row.OnHand, "a whole number")
	for name := range members {
		row.faults.Add("/"+pointerOf(name), "unknown", "a row has sku, location and on_hand")
	}
	return row
}

// pointerOf escapes a member's name for a JSON pointer, and shortens what only
// somebody who wants to be echoed would send.
func pointerOf(name string) string {
	if len(name) > 64 {
		name = name[:64]
	}
	var b bytes.Buffer
	for _, c := range name {
		switch c {
		case '~':
			b.WriteString("~0")
		case '/':
			b.WriteString("~1")
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

var errDryRun = errors.New("dry run")

// countRows counts the rows that can be read, in one transaction, and notes
// what became of each.
func countRows(ctx context.Context, db postgres.DB, cause stock.Cause, rows []countRow, dryRun bool) error {
	ctx, cancel := context.WithTimeout(ctx, importBatchTime)
	defer cancel()
	var readable []int
	var countings []stock.Counting
	for i := range rows {
		rows[i].result = failed
		if len(rows[i].faults) == 0 {
			readable = append(readable, i)
			countings = append(countings, stock.Counting{SKU: rows[i].SKU, Location: rows[i].Location, OnHand: rows[i].OnHand})
		}
	}
	if len(countings) == 0 {
		return nil
	}
	// Each batch is a request of its own to the ledger.
	batch := stock.OfNobody(cause.Actor, cause.Reason)
	var counted []stock.Counted
	err := postgres.InTx(ctx, db, func(tx pgx.Tx) (err error) {
		counted, err = stock.CountAll(ctx, tx, batch, countings)
		if err == nil && dryRun {
			return errDryRun
		}
		return err
	})
	if err != nil && !errors.Is(err, errDryRun) {
		return err
	}
	for n, i := range readable {
		if f := counted[n].Err; f != nil {
			rows[i].faults = slices.Clone(fault.As(f).Fields)
			continue
		}
		rows[i].result = counted[n].Result
	}
	return nil
}

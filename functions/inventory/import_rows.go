package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

const failed = "failed"

// countRow is a row of an import and what became of it.
type countRow struct {
	SKU      string `json:"sku" pattern:"^[A-Za-z0-9._~-]{1,64}$"`
	Location string `json:"location" pattern:"^[A-Za-z0-9._~-]{1,64}$"`
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
func readRow(check func(any) fault.List, line []byte) countRow {
	var row countRow
	var value any
	if err := json.Unmarshal(line, &value); err != nil {
		row.faults.Add("", "malformed", "the row is not JSON")
		return row
	}
	if faults := check(value); len(faults) > 0 {
		// What can be read of a bad row is shown as its key.
		_ = json.Unmarshal(line, &row)
		row.faults = faults
		return row
	}
	if err := json.Unmarshal(line, &row); err != nil {
		row.faults.Add("", "malformed", "the row cannot be read")
	}
	return row
}

var errDryRun = errors.New("dry run")

// countRows counts the rows that have no fault, in one transaction, and notes
// what became of each.
func countRows(ctx context.Context, db postgres.DB, cause stock.Cause, rows []countRow, dryRun bool) error {
	ctx, cancel := context.WithTimeout(ctx, importBatchTime)
	defer cancel()
	countings := make([]stock.Counting, len(rows))
	for i, row := range rows {
		countings[i] = stock.Counting{SKU: row.SKU, Location: row.Location, OnHand: row.OnHand, Faults: row.faults}
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
	for i, c := range counted {
		rows[i].result = c.Result
		if c.Err != nil {
			rows[i].result, rows[i].faults = failed, fault.As(c.Err).Fields
		}
	}
	return nil
}

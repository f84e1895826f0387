package stock

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// Check reports everything that is wrong with the policy itself.
func (p Policy) Check() error {
	var faults fault.List
	checkID(&faults, "/sku", p.SKU)
	switch p.WhenOutOfStock {
	case Deny:
		if p.BackorderLimit != nil {
			faults.Add("/backorder_limit", "contradiction", "nothing is ordered beyond the stock: when_out_of_stock is deny")
		}
		if p.AvailableOn != nil {
			faults.Add("/available_on", "contradiction", "nothing is ordered beyond the stock: when_out_of_stock is deny")
		}
	case Preorder:
		if p.AvailableOn == nil {
			faults.Add("/available_on", "required", "a preorder has a date on which it ends")
		}
	case Backorder:
	default:
		faults.Add("/when_out_of_stock", "not_allowed", "takes deny, backorder or preorder")
	}
	if on := p.AvailableOn; on != nil && (on.UTC().Year() < 1 || on.UTC().Year() > 9999) {
		faults.Add("/available_on", "out_of_range", "in UTC a year from 1 to 9999")
	}
	checkRange(&faults, "/backorder_limit", p.BackorderLimit, 0)
	checkRange(&faults, "/safety_stock", &p.SafetyStock, 0)
	checkRange(&faults, "/low_stock_threshold", &p.LowStockThreshold, 0)
	checkRange(&faults, "/max_per_order", p.MaxPerOrder, 1)
	checkRange(&faults, "/incoming", &p.Incoming, 0)
	return faults.Err()
}

func checkRange(faults *fault.List, pointer string, n *int64, least int64) {
	if n != nil && (*n < least || *n > MaxOnHand) {
		faults.Add(pointer, "out_of_range", "takes %d to %d", least, MaxOnHand)
	}
}

// The row before the levels, always: a SKU without a level has nothing else to
// be locked by. Locks take levels alone, so that nobody waits in a circle.
const lockStock = `
	select sku
	from inventory.stock
	where sku = @sku
	for no key update`

const insertFirstLevel = `
	insert into inventory.levels (sku, location)
	select @sku, code
	from inventory.locations
	where not exists (select from inventory.levels where sku = @sku)
	order by priority, code
	limit 1
	on conflict do nothing`

const updatePolicy = `
	update inventory.stock
	set track = @track,
		when_out_of_stock = @when_out_of_stock,
		backorder_limit = @backorder_limit,
		available_on = @available_on,
		safety_stock = @safety_stock,
		low_stock_threshold = @low_stock_threshold,
		max_per_order = @max_per_order,
		incoming = @incoming,
		version = version + 1,
		updated_at = now()
	where sku = @sku`

// SetPolicy replaces how a SKU is sold, provided that its stock is as the
// writer expects it, and returns the stock after it; created says that nobody
// knew the SKU. What is held beyond a lowered limit becomes a shortfall. The
// ledger has no row of it: nothing moves.
func SetPolicy(ctx context.Context, db postgres.DB, p Policy, expect Expectation) (after Stock, created bool, err error) {
	if err := p.Check(); err != nil {
		return Stock{}, false, err
	}
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		var book *Book
		if book, created, err = openPolicy(ctx, tx, p, expect); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, updatePolicy, policyArgs(p)); err != nil {
			return err
		}
		book.replace(p)
		after, err = book.settled(ctx, tx, p.SKU)
		return err
	})
	if err != nil {
		return Stock{}, false, fmt.Errorf("policy of %s: %w", p.SKU, err)
	}
	return after, created, nil
}

// openPolicy locks the SKU and its levels. What may be ordered beyond the
// stock needs a level to lie on; the first location gets one where there is none.
func openPolicy(ctx context.Context, tx pgx.Tx, p Policy, expect Expectation) (*Book, bool, error) {
	tag, err := tx.Exec(ctx, insertStock, pgx.NamedArgs{"skus": []string{p.SKU}})
	if err != nil {
		return nil, false, err
	}
	created := tag.RowsAffected() == 1
	if _, err := tx.Exec(ctx, lockStock, pgx.NamedArgs{"sku": p.SKU}); err != nil {
		return nil, false, err
	}
	var made int64
	if p.allowance() > 0 {
		tag, err := tx.Exec(ctx, insertFirstLevel, pgx.NamedArgs{"sku": p.SKU})
		if err != nil {
			return nil, false, err
		}
		made = tag.RowsAffected()
	}
	book, err := Open(ctx, tx, []string{p.SKU})
	if err != nil {
		return nil, false, err
	}
	at := book.pages[p.SKU]
	if at.fresh = created; created {
		err = expect.Create()
	} else {
		err = expect.Change(at.revision() - made)
	}
	if err == nil && p.allowance() > 0 && len(at.levels) == 0 {
		err = fault.Clash("no_location", "what is ordered beyond the stock needs a location to lie at; PUT /v1/locations/{code} creates one")
	}
	return book, created, err
}

func policyArgs(p Policy) pgx.NamedArgs {
	return pgx.NamedArgs{
		"sku": p.SKU, "track": p.Track, "when_out_of_stock": p.WhenOutOfStock, "backorder_limit": p.BackorderLimit,
		"available_on": p.AvailableOn, "safety_stock": p.SafetyStock, "low_stock_threshold": p.LowStockThreshold,
		"max_per_order": p.MaxPerOrder, "incoming": p.Incoming,
	}
}

// replace puts the policy into the book and shares its allowance out: what a
// location holds beyond its stock keeps its place, the rest lies on the first.
func (b *Book) replace(p Policy) {
	at := b.pages[p.SKU]
	at.Policy = p
	shares, left := make([]int64, len(at.levels)), p.allowance()
	for i, e := range at.levels {
		shares[i] = min(max(e.Reserved-e.OnHand, 0), left)
		left -= shares[i]
	}
	for i, e := range at.levels {
		if i == 0 {
			shares[i] += left
		}
		e.allowance += shares[i] - e.BackorderAllowance
		e.BackorderAllowance = shares[i]
		e.lack(e.lacking())
		e.touched = true
	}
}

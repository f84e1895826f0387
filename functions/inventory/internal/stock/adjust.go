package stock

import (
	"context"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// Adjustment is what came to a location, or went from it.
type Adjustment struct {
	SKU      string
	Location string
	Delta    int64
}

// Adjust makes one adjustment in the caller's transaction, which is to be
// rolled back when there is an error, and returns the SKU's stock after it.
// Below what is reserved is taken as it is, as by a count; below nothing is a
// fault of kind Conflict. What comes to a SKU makes it known; of one that nobody
// knows nothing can go.
func Adjust(ctx context.Context, tx postgres.DB, c Cause, a Adjustment) (Stock, error) {
	if err := a.check(ctx, tx); err != nil {
		return Stock{}, err
	}
	book, _, err := openPlaces(ctx, tx, []place{{a.SKU, a.Location}})
	if err != nil {
		return Stock{}, err
	}
	e := book.entry(a.SKU, a.Location)
	switch {
	case a.Delta < 0 && book.pages[a.SKU].fresh:
		return Stock{}, errUnknown()
	case e.OnHand+a.Delta < 0:
		return Stock{}, fault.Clash("insufficient_stock", "there is less of it at this location than is to go")
	case e.OnHand+a.Delta > MaxOnHand:
		return Stock{}, fault.InvalidInput(fault.At("/delta", "out_of_range", "a location takes %d at most", MaxOnHand))
	}
	book.apply(c, AdjustmentKind, e, a.Delta, 0)
	return book.settled(ctx, tx, a.SKU)
}

func (a Adjustment) check(ctx context.Context, tx postgres.DB) error {
	known, err := codes(ctx, tx)
	if err != nil {
		return err
	}
	var faults fault.List
	checkID(&faults, "/sku", a.SKU)
	checkID(&faults, "/location", a.Location)
	checkKnown(&faults, "/location", a.Location, known)
	if a.Delta == 0 || a.Delta < -MaxOnHand || a.Delta > MaxOnHand {
		faults.Add("/delta", "out_of_range", "takes -%d to %d, and not 0", MaxOnHand, MaxOnHand)
	}
	return faults.Err()
}

func errUnknown() error { return fault.Missing("nobody counted this sku or said how it is sold") }

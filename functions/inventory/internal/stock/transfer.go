package stock

import (
	"context"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// Transfer is what goes from one location to another.
type Transfer struct {
	SKU      string
	From, To string
	Quantity int64
}

// MakeTransfer makes one transfer in the caller's transaction, which is to be
// rolled back when there is an error, and returns the SKU's stock after it.
// Only what nobody has reserved at a location can leave it, so that no
// transfer makes a shortfall; where it arrives it may fill one.
func MakeTransfer(ctx context.Context, tx postgres.DB, c Cause, t Transfer) (Stock, error) {
	if err := t.check(ctx, tx); err != nil {
		return Stock{}, err
	}
	book, _, err := openPlaces(ctx, tx, []place{{t.SKU, t.To}})
	if err != nil {
		return Stock{}, err
	}
	from, to := book.entry(t.SKU, t.From), book.entry(t.SKU, t.To)
	switch {
	case book.pages[t.SKU].fresh:
		return Stock{}, errUnknown()
	case from == nil || from.OnHand-from.Reserved < t.Quantity:
		return Stock{}, fault.Clash("insufficient_stock", "there is not so much of it at the location that nobody has reserved")
	case to.OnHand+t.Quantity > MaxOnHand:
		return Stock{}, fault.InvalidInput(fault.At("/quantity", "out_of_range", "a location takes %d at most", MaxOnHand))
	}
	book.apply(c, TransferOut, from, -t.Quantity, 0)
	book.apply(c, TransferIn, to, t.Quantity, 0)
	return book.settled(ctx, tx, t.SKU)
}

func (t Transfer) check(ctx context.Context, tx postgres.DB) error {
	known, err := codes(ctx, tx)
	if err != nil {
		return err
	}
	var faults fault.List
	checkID(&faults, "/sku", t.SKU)
	checkID(&faults, "/from", t.From)
	checkKnown(&faults, "/from", t.From, known)
	checkID(&faults, "/to", t.To)
	checkKnown(&faults, "/to", t.To, known)
	if t.From == t.To {
		faults.Add("/to", "same_location", "it is there already")
	}
	if t.Quantity < 1 || t.Quantity > MaxOnHand {
		faults.Add("/quantity", "out_of_range", "takes 1 to %d", MaxOnHand)
	}
	return faults.Err()
}

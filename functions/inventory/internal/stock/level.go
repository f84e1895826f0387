// Package stock knows how much there is of each SKU and where: locations,
// levels, the policy of selling, and the ledger of everything that moved. It
// owns the tables locations, stock, levels and movements; every change of a
// level goes through a Book, which writes its movement with it.
package stock

import (
	"time"
)

// Level is what one location holds of a SKU.
type Level struct {
	SKU                string
	Location           string
	Priority           int32
	OnHand             int64
	Reserved           int64
	BackorderAllowance int64
	Shortfall          int64
	Version            int64
}

// free is what may still be reserved here; negative where a count found less
// than was reserved already.
func (l Level) free() int64 { return l.OnHand + l.BackorderAllowance - l.Reserved }

// lacking is what is reserved beyond all that it may be reserved of.
func (l Level) lacking() int64 { return max(l.Reserved-l.OnHand-l.BackorderAllowance, 0) }

// Policy says how a SKU is sold.
type Policy struct {
	SKU               string
	Track             bool
	WhenOutOfStock    string
	BackorderLimit    *int64
	AvailableOn       *time.Time
	SafetyStock       int64
	LowStockThreshold int64
	MaxPerOrder       *int64
	Incoming          int64
	Version           int64
	// Beyond says that more may be ordered now than there is: until a
	// preorder's date, and without an end where there is none.
	Beyond bool
}

// What becomes of orders when nothing is left.
const (
	Deny      = "deny"
	Backorder = "backorder"
	Preorder  = "preorder"
)

// allowance is how many may be locked beyond what there is.
func (p Policy) allowance() int64 {
	switch {
	case p.WhenOutOfStock == Deny:
		return 0
	case p.BackorderLimit == nil:
		return MaxOnHand
	default:
		return *p.BackorderLimit
	}
}

// supply is how well a SKU can be sold. Crossing from one to the other is
// announced.
type supply uint8

const (
	depleted supply = iota
	low
	plenty
)

func (p Policy) supply(available int64) supply {
	switch {
	case !p.Track || available > p.LowStockThreshold:
		return plenty
	case available > 0:
		return low
	default:
		return depleted
	}
}

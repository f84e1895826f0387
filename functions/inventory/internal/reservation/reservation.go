// Package reservation decides what an order gets and keeps what it got: lock,
// commit, release, return, extend, expire. What each message does in each
// state is one table, in outcomes.go. It owns the tables reservations,
// reservation_lines and messages, and moves stock only through a stock.Book.
package reservation

import (
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
)

// State of a reservation.
type State string

// The states.
const (
	Locked          State = "locked"
	PartiallyLocked State = "partially_locked"
	Committed       State = "committed"
	Released        State = "released"
	Expired         State = "expired"
	Rejected        State = "rejected"
)

// Holding says whether a reservation in this state runs out when its time is
// over.
func (s State) Holding() bool { return s == Locked || s == PartiallyLocked }

// Rules are the bounds of how long a reservation holds.
type Rules struct {
	TTL    time.Duration // when the order names none
	MaxTTL time.Duration
}

// Order asks for stock. Lines of one SKU are summed. ExpiresAt and ExpiresIn
// are alternatives; neither means the usual time.
type Order struct {
	ID           string
	Lines        []event.OrderLine
	ExpiresAt    *time.Time
	ExpiresIn    time.Duration
	AllowPartial bool
	Actor        string
	// Announce sends the reply through the outbox, because whoever asks gets
	// an answer that is not the reply event. Traceparent goes with it.
	Announce    bool
	Traceparent string
}

// Answer is what became of an order or a message about it.
type Answer struct {
	Reply    event.Event
	Data     event.ReservationData
	Repeated bool // it was decided before; this is the stored reply
	Appended bool // something waits in the outbox: wake the relay
}

// Refused says that the order got nothing, or the message changed nothing, for
// a reason that lies in the business and not in the message.
func (a Answer) Refused() bool { return a.Reply.Type == event.InventoryRejected }

// maxQuantity bounds a line, so that no sum overflows.
const maxQuantity = 1_000_000_000

// Check reports everything that is wrong with the order itself.
func (o Order) Check() error {
	var faults fault.List
	if !stock.ValidID(o.ID) {
		faults.Add("/order_id", "format", "takes 1 to 64 characters of A-Z a-z 0-9 . _ ~ -")
	}
	if len(o.Lines) == 0 {
		faults.Add("/lines", "required", "an order has at least one line")
	}
	checkLines(&faults, o.Lines)
	return faults.Err()
}

func checkLines(faults *fault.List, lines []event.OrderLine) {
	for i, l := range lines {
		at := "/lines/" + strconv.Itoa(i)
		if !stock.ValidID(l.SKU) {
			faults.Add(at+"/sku", "format", "takes 1 to 64 characters of A-Z a-z 0-9 . _ ~ -")
		}
		if l.Quantity < 1 || l.Quantity > maxQuantity {
			faults.Add(at+"/quantity", "out_of_range", "takes 1 to %d", maxQuantity)
		}
	}
}

// summed has one line for each SKU, in the order in which they first appear;
// of no lines it is nil.
func summed(lines []event.OrderLine) []event.OrderLine {
	if len(lines) == 0 {
		return nil
	}
	at := make(map[string]int, len(lines))
	sums := make([]event.OrderLine, 0, len(lines))
	for _, l := range lines {
		if i, seen := at[l.SKU]; seen {
			sums[i].Quantity += l.Quantity
			continue
		}
		at[l.SKU] = len(sums)
		sums = append(sums, l)
	}
	return sums
}

// fingerprint is the same for the same quantities of the same SKUs, however
// the lines are split and ordered. It takes summed lines.
func fingerprint(lines []event.OrderLine) []byte {
	sorted := slices.Clone(lines)
	slices.SortFunc(sorted, func(a, b event.OrderLine) int { return strings.Compare(a.SKU, b.SKU) })
	var text strings.Builder
	for _, l := range sorted {
		text.WriteString(l.SKU)
		text.WriteByte(' ')
		text.WriteString(strconv.FormatInt(l.Quantity, 10))
		text.WriteByte('\n')
	}
	sum := sha256.Sum256([]byte(text.String()))
	return sum[:16]
}

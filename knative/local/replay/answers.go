package replay

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"sync"

	"github.com/mallhive/product-service/knative/local/client"
)

// answers reads what inventory replied, as the order service receives it.
type answers struct{ inbox client.Inbox }

// Types of the replies.
const (
	locked    = "com.mallhive.inventory.locked.v1"
	rejected  = "com.mallhive.inventory.rejected.v1"
	committed = "com.mallhive.inventory.committed.v1"
)

// count is how many replies of these types were received so far.
func (a answers) count(ctx context.Context, types ...string) (int64, error) {
	var sum int64
	for _, t := range types {
		var page struct {
			Total int64 `json:"total"`
		}
		path := "/" + a.inbox.Name + "/received?limit=1&type=" + url.QueryEscape(t)
		if err := a.inbox.Sinks.Get(ctx, path, &page); err != nil {
			return 0, fmt.Errorf("ask the %s stand-in: %w", a.inbox.Name, err)
		}
		sum += page.Total
	}
	return sum, nil
}

// replies are the answers to one order.placed, one for each delivery.
type replies []client.Received

// ofOrders lists the replies to order.placed of each order.
func (a answers) ofOrders(ctx context.Context, workers int, orders []Order) (map[string]replies, error) {
	var mu sync.Mutex
	all := make(map[string]replies, len(orders))
	err := each(ctx, workers, orders, func(ctx context.Context, o Order) error {
		events, err := a.inbox.Events(ctx, "", o.OrderID)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, e := range events {
			if e.Type == locked || e.Type == rejected {
				all[o.OrderID] = append(all[o.OrderID], e)
			}
		}
		return nil
	})
	return all, err
}

// differ says how the replies to one order contradict each other, or "".
func (r replies) differ() string {
	at := slices.IndexFunc(r, func(e client.Received) bool {
		return e.ID != r[0].ID || e.Type != r[0].Type || e.Time != r[0].Time || string(e.Data) != string(r[0].Data)
	})
	if at < 0 {
		return ""
	}
	return fmt.Sprintf("was answered %s %s, but also %s %s", r[0].Type, r[0].ID, r[at].Type, r[at].ID)
}

// checkReplies makes sure that each order was answered in this pass, and always
// in the same words.
func checkReplies(orders []Order, before, after map[string]replies) []Violation {
	var broken []Violation
	for _, o := range orders {
		all := after[o.OrderID]
		if len(all) <= len(before[o.OrderID]) {
			broken = append(broken, Violation{"order " + o.OrderID, "was not answered in this pass"})
		}
		if what := all.differ(); what != "" {
			broken = append(broken, Violation{"order " + o.OrderID, what})
		}
	}
	return broken
}

// checkSame makes sure that what was answered is what is kept: a locked reply
// belongs to an order that got its stock, a rejected one to an order that did
// not.
func checkSame(after map[string]replies, reservations map[string]Reservation) []Violation {
	var broken []Violation
	for id, all := range after {
		state := reservations[id].State
		if len(all) > 0 && (all[0].Type == rejected) != (state == "rejected") {
			broken = append(broken, Violation{"order " + id, fmt.Sprintf("was answered %s and is %s", all[0].Type, state)})
		}
	}
	return broken
}

// checkKept makes sure that an order that had its outcome before this pass has
// the same lines still. Its state may only have gone on by itself: a lock runs
// out, or is paid.
func checkKept(before, after map[string]Reservation) []Violation {
	var broken []Violation
	for id, was := range before {
		is := after[id]
		goneOn := was.State == "locked" && (is.State == "expired" || is.State == "committed")
		if is.State != was.State && !goneOn {
			broken = append(broken, Violation{"order " + id, "was " + was.State + " and is " + is.State})
		}
		same := func(x, y ReservationLine) bool {
			return x.SKU == y.SKU && x.Requested == y.Requested && x.Locked == y.Locked
		}
		if !slices.EqualFunc(was.Lines, is.Lines, same) {
			broken = append(broken, Violation{"order " + id, "has other lines than before"})
		}
	}
	return broken
}

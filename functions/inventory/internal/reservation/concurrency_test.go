package reservation_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

func TestConcurrentMessagesInAnyOrderKeepTheBooks(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	db, owner := base.Pool(t, "inventory"), base.Owner(t)
	given(t, db, stock.Counting{SKU: "A", Location: "near", OnHand: 40}, stock.Counting{SKU: "A", Location: "far", OnHand: 60})
	require.NoError(t, count(db, stock.Counting{SKU: "B", Location: "near", OnHand: 50}, stock.Counting{SKU: "C", Location: "far", OnHand: 10}))
	queues := []*reservation.Queue{reservation.NewQueue(db, rules, reservation.Options{MaxWait: time.Minute}), reservation.NewQueue(db, rules, reservation.Options{MaxWait: time.Minute})}
	ctx := context.Background()
	var mu sync.Mutex
	replies := map[string]event.Event{}
	once := func(what string, a reservation.Answer, err error) {
		if fault.Is(err, fault.Unavailable) {
			return // paid before it was placed: the broker brings it again
		}
		require.NoError(t, err)
		mu.Lock()
		defer mu.Unlock()
		if first, seen := replies[what]; seen {
			require.Equal(t, first, a.Reply, what)
		}
		replies[what] = a.Reply
	}
	work := make(chan func(), 2000) // so that a failing worker holds up nobody
	var workers sync.WaitGroup
	for range 12 {
		workers.Go(func() {
			for do := range work {
				do()
			}
		})
	}
	for i := range 1500 {
		id := fmt.Sprint("o", i/5*7%307)
		if i%25 == 0 {
			work <- func() { age(t, owner, id) }
		}
		switch i % 5 {
		case 0, 1, 2:
			lines := map[string]int64{"A": int64(len(id)), "B": 1}
			if len(id)%2 == 0 {
				lines = map[string]int64{"C": 1, "A": 2}
			}
			work <- func() {
				a, err := queues[i%2].Place(ctx, orderOf(id, lines))
				once("placed "+id, a, err)
			}
		default:
			m := reservation.Message{Step: reservation.Paid, OrderID: id, Source: "/test", ID: "m"}
			if i%3 == 0 {
				m.Step, m.ID = reservation.Cancelled, "c"
			}
			work <- func() {
				a, err := reservation.Apply(ctx, db, m)
				once(m.ID+" "+id, a, err)
			}
		}
	}
	close(work)
	workers.Wait()
	differences, err := stock.Audit(ctx, db, 10)
	require.NoError(t, err)
	require.Empty(t, differences)
	require.Greater(t, len(replies), 400)
}

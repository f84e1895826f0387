package reservation_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

func TestOrdersDecidedTogetherAreDecidedInTheOrderOfTheirComing(t *testing.T) {
	t.Parallel()
	db := testdb.New(t).Pool(t, "inventory")
	given(t, db, stock.Counting{SKU: "A", Location: "near", OnHand: 6})
	orders := []reservation.Order{}
	for _, id := range []string{"z", "b", "y", "a", "x"} {
		orders = append(orders, orderOf(id, map[string]int64{"A": 2}))
	}
	decisions, err := reservation.PlaceAll(context.Background(), db, rules, orders)
	require.NoError(t, err)
	states := []string{}
	for _, d := range decisions {
		require.NoError(t, d.Err)
		states = append(states, d.Answer.Data.State)
	}
	require.Equal(t, []string{"locked", "locked", "locked", "rejected", "rejected"}, states)
	require.EqualValues(t, 4, decisions[1].Answer.Data.Lines[0].Available)
}

func TestAQueueWithoutADatabaseAnswersEverybody(t *testing.T) {
	t.Parallel()
	db := testdb.New(t).Pool(t, "inventory")
	db.Close()
	q := reservation.NewQueue(db, rules)
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			_, err := q.Place(context.Background(), orderOf(fmt.Sprint("o", i), map[string]int64{"A": 1}))
			require.Error(t, err)
		})
	}
	all.Wait()
}

func TestAQueueTurnsAwayWhatItCannotDecideInTime(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	db, owner := base.Pool(t, "inventory"), base.Owner(t)
	ctx := context.Background()
	given(t, db, stock.Counting{SKU: "A", Location: "near", OnHand: 10_000})
	tx, err := owner.Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, `select from inventory.levels for update`)
	require.NoError(t, err)
	q := reservation.NewQueue(db, rules)
	turnedAway := make(chan struct{}, 3000)
	var all sync.WaitGroup
	for i := range 1500 {
		all.Go(func() {
			_, err := q.Place(ctx, orderOf(fmt.Sprint("o", i), map[string]int64{"A": 1}))
			if err != nil {
				require.True(t, fault.Is(err, fault.Unavailable), err)
				turnedAway <- struct{}{}
			}
		})
	}
	for range 100 { // those who come too late hear it while the stock is still held
		<-turnedAway
	}
	require.NoError(t, tx.Rollback(ctx))
	all.Wait()
	found, err := stock.Read(ctx, db, []string{"A"})
	require.NoError(t, err)
	require.EqualValues(t, 1500-100-len(turnedAway), found["A"].Reserved())
}

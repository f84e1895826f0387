package reservation_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/postgres"
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
	q := reservation.NewQueue(db, rules, reservation.Options{MaxWait: time.Minute})
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			_, err := q.Place(context.Background(), orderOf(fmt.Sprint("o", i), map[string]int64{"A": 1}))
			require.Error(t, err)
		})
	}
	all.Wait()
}

func TestALoneOrderWaitsForNobody(t *testing.T) {
	t.Parallel()
	db := testdb.New(t).Pool(t, "inventory")
	given(t, db, stock.Counting{SKU: "A", Location: "near", OnHand: 100})
	waits := make(chan time.Duration, 30)
	q := reservation.NewQueue(db, rules, reservation.Options{MaxWait: time.Minute, Observe: func(r reservation.Report) { waits <- r.Waited[0] }})
	shortest := time.Hour
	for i := range 30 { // one after the other; the machine may be busy with other tests
		_, err := q.Place(context.Background(), orderOf(fmt.Sprint("o", i), map[string]int64{"A": 1}))
		require.NoError(t, err)
		shortest = min(shortest, <-waits)
	}
	require.Less(t, shortest, time.Millisecond)
}

// Without a turn the second batch would take B while the first waits for A.
func TestABatchThatCameLaterIsDecidedLater(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	db, owner := base.Pool(t, "inventory"), base.Owner(t)
	ctx := context.Background()
	given(t, db, stock.Counting{SKU: "A", Location: "near", OnHand: 5}, stock.Counting{SKU: "B", Location: "near", OnHand: 5})
	letGo := held(t, owner)
	q := reservation.NewQueue(db, rules, reservation.Options{MaxWait: time.Minute})
	place := func(id string, lines map[string]int64) <-chan string {
		state := make(chan string, 1)
		go func() {
			a, err := q.Place(ctx, orderOf(id, lines))
			state <- fmt.Sprint(a.Data.State, err)
		}()
		return state
	}
	early := place("early", map[string]int64{"A": 5, "B": 5})
	stuck(t, owner)
	late := place("late", map[string]int64{"B": 1})
	require.Eventually(t, func() bool { return q.Waiting() == 1 }, 20*time.Second, time.Millisecond)
	letGo()
	require.Equal(t, "locked<nil>", <-early)
	require.Equal(t, "rejected<nil>", <-late)
}

// Orders of a SKU without levels lock no stock that would keep them apart.
func TestInstancesThatDecideOneOrderAtOnceGiveItOneReply(t *testing.T) {
	t.Parallel()
	db := testdb.New(t).Pool(t, "inventory")
	var mu sync.Mutex
	replies := map[string][]reservation.Answer{}
	var all sync.WaitGroup
	for range 4 {
		q := reservation.NewQueue(db, rules, reservation.Options{MaxWait: time.Minute})
		for i := range 200 {
			all.Go(func() {
				id := fmt.Sprint("o", i)
				a, err := q.Place(context.Background(), orderOf(id, map[string]int64{"UNKNOWN": 1}))
				require.NoError(t, err)
				mu.Lock()
				defer mu.Unlock()
				replies[id] = append(replies[id], a)
			})
		}
	}
	all.Wait()
	for id, got := range replies {
		require.Len(t, got, 4, id)
		for _, a := range got[1:] {
			require.Equal(t, got[0].Reply, a.Reply, id)
		}
	}
}

func TestACancelThatOvertakesADecisionUnderWayWins(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	db, owner := base.Pool(t, "inventory"), base.Owner(t)
	ctx := context.Background()
	given(t, db, stock.Counting{SKU: "A", Location: "near", OnHand: 5})
	letGo := held(t, owner)
	placed := make(chan reservation.Answer, 1)
	go func() {
		a, err := reservation.Place(ctx, db, rules, orderOf("o", map[string]int64{"A": 1}))
		if err != nil {
			t.Error(err)
		}
		placed <- a
	}()
	stuck(t, owner)
	cancelled, err := reservation.Apply(ctx, db, reservation.Message{Step: reservation.Cancelled, OrderID: "o", Source: "/test", ID: "c"})
	require.NoError(t, err)
	require.Equal(t, "released", cancelled.Data.State)
	letGo()
	a := <-placed
	require.Equal(t, "order_cancelled", a.Data.Reason)
	require.Greater(t, a.Reply.Sequence, cancelled.Reply.Sequence)
	found, err := stock.Read(ctx, db, []string{"A"})
	require.NoError(t, err)
	require.Zero(t, found["A"].Reserved())
}

// What does not fit into one transaction together with what came before it.
func TestAnOrderOfManyLinesIsNotOvertaken(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	db, owner := base.Pool(t, "inventory"), base.Owner(t)
	levels := []stock.Counting{{SKU: "A", Location: "near", OnHand: 5}, {SKU: "B", Location: "near", OnHand: 5}}
	large, larger := map[string]int64{}, map[string]int64{"B": 5}
	for i := range 1200 {
		sku := fmt.Sprint("L", i)
		levels = append(levels, stock.Counting{SKU: sku, Location: "near", OnHand: 5})
		if i%2 == 0 {
			large[sku] = 1
		} else {
			larger[sku] = 1
		}
	}
	given(t, db, levels...)
	letGo := held(t, owner)
	q := reservation.NewQueue(db, rules, reservation.Options{MaxWait: time.Minute})
	states := make([]chan string, 4)
	for i, lines := range []map[string]int64{{"A": 1}, large, larger, {"B": 1}} {
		states[i] = make(chan string, 1)
		go func() {
			a, err := q.Place(context.Background(), orderOf(fmt.Sprint("o", i), lines))
			states[i] <- fmt.Sprint(a.Data.State, err)
		}()
		if i == 0 {
			stuck(t, owner)
		}
		require.Eventually(t, func() bool { return q.Waiting() == i }, 20*time.Second, time.Millisecond)
	}
	letGo()
	for i, want := range []string{"locked<nil>", "locked<nil>", "locked<nil>", "rejected<nil>"} {
		require.Equal(t, want, <-states[i], i)
	}
}

func TestAFewOrdersWaitForCompanyWhileManyAreDecided(t *testing.T) {
	t.Parallel()
	whileTwoAreDecided(t, time.Hour, func(q *reservation.Queue, place func(int), deciding func(int)) {
		place(2)
		require.Eventually(t, func() bool { return q.Waiting() == 1 }, 20*time.Second, time.Millisecond, "two are being decided")
		place(3)
		deciding(3)
	})
}

func TestNobodyWaitsForCompanyForLong(t *testing.T) {
	t.Parallel()
	whileTwoAreDecided(t, time.Millisecond, func(_ *reservation.Queue, place func(int), deciding func(int)) {
		place(2)
		deciding(3)
		place(3)
	})
}

// whileTwoAreDecided lets the test place orders 2 and 3 while the transactions of
// 0 and 1 hang before their end.
func whileTwoAreDecided(t *testing.T, company time.Duration, test func(q *reservation.Queue, place, deciding func(int))) {
	t.Helper()
	base := testdb.New(t)
	db, owner := base.Pool(t, "inventory"), base.Owner(t)
	ctx := context.Background()
	var levels []stock.Counting
	for i := range 4 {
		levels = append(levels, stock.Counting{SKU: fmt.Sprint("S", i), Location: "near", OnHand: 5})
	}
	given(t, db, levels...)
	tx, err := owner.Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, `lock table inventory.movements in share mode`) // what is decided cannot be written
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(ctx) })
	q := reservation.NewQueue(db, rules, reservation.Options{MaxWait: time.Minute, Company: company})
	states := make([]chan string, 4)
	place := func(i int) {
		states[i] = make(chan string, 1)
		go func() {
			a, err := q.Place(ctx, orderOf(fmt.Sprint("o", i), map[string]int64{fmt.Sprint("S", i): 1}))
			states[i] <- fmt.Sprint(a.Data.State, err)
		}()
	}
	deciding := func(n int) {
		require.Eventually(t, func() bool {
			var stuck int
			require.NoError(t, owner.QueryRow(ctx, `
				select count(*) from pg_locks join pg_stat_activity using (pid)
				where datname = current_database() and not granted`).Scan(&stuck))
			return stuck == n && q.Waiting() == 0
		}, 20*time.Second, time.Millisecond)
	}
	for i := range 2 {
		place(i)
		deciding(i + 1)
	}
	test(q, place, deciding)
	require.NoError(t, tx.Rollback(ctx))
	for i := range states {
		require.Equal(t, "locked<nil>", <-states[i], i)
	}
}

func TestAReservationThatIsReadIsOnTheDisk(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	ctx := context.Background()
	url := base.URL("inventory")
	sign := "?"
	if strings.Contains(url, "?") {
		sign = "&"
	}
	db, err := postgres.Open(ctx, postgres.Options{
		Logins: postgres.Fixed(url + sign + "synchronous_commit=on"), Application: "inventory", MaxConns: 2, StatementTimeout: time.Minute,
	})
	require.NoError(t, err)
	defer db.Close()
	given(t, db, stock.Counting{SKU: "A", Location: "near", OnHand: 50})
	for i := range 40 { // the server writes its log now and then by itself
		id := fmt.Sprint("o", i)
		var at string
		require.NoError(t, postgres.InTx(ctx, db, func(tx pgx.Tx) error {
			if _, err := reservation.Place(ctx, tx, rules, orderOf(id, map[string]int64{"A": 1})); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `set local synchronous_commit = off`); err != nil {
				return err
			}
			return tx.QueryRow(ctx, `select pg_current_wal_insert_lsn()::text`).Scan(&at)
		}))
		if i%2 == 0 {
			_, err = reservation.Get(ctx, db, id)
		} else {
			_, err = reservation.List(ctx, db, reservation.Filter{State: reservation.Locked}, "", 100)
		}
		require.NoError(t, err)
		var written bool
		require.NoError(t, db.QueryRow(ctx, `select pg_current_wal_flush_lsn() > $1::text::pg_lsn`, at).Scan(&written))
		require.True(t, written, id)
	}
}

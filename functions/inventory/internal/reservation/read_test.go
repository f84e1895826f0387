package reservation_test

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// inAllStates has four orders of each state, and four each of what is over and
// not recorded: expired, and committed because a part of it was paid.
func inAllStates(t *testing.T, db, owner postgres.DB) {
	t.Helper()
	ctx := context.Background()
	given(t, db, stock.Counting{SKU: "A", Location: "near", OnHand: 1000})
	send := func(id string, step reservation.Step, lines ...event.OrderLine) {
		t.Helper()
		_, err := reservation.Apply(ctx, db, reservation.Message{Step: step, OrderID: id, Lines: lines})
		require.NoError(t, err)
	}
	var over []string
	for i := range 32 {
		o := orderOf(fmt.Sprintf("o%02d", i*13%32), map[string]int64{"A": 2})
		if i%8 < 2 {
			o.Lines = append(o.Lines, event.OrderLine{SKU: "UNKNOWN", Quantity: 2})
			o.AllowPartial = i%8 == 1
		}
		_, err := reservation.Place(ctx, db, rules, o)
		require.NoError(t, err)
		switch i % 8 {
		case 2:
			send(o.ID, reservation.Paid)
		case 3:
			send(o.ID, reservation.Cancelled)
		case 4:
			age(t, owner, o.ID)
			_, err := reservation.ExpireDue(ctx, db, 10)
			require.NoError(t, err)
		case 5:
			send(o.ID, reservation.Paid, event.OrderLine{SKU: "A", Quantity: 1})
			over = append(over, o.ID)
		case 6:
			over = append(over, o.ID)
		}
	}
	for _, id := range over {
		age(t, owner, id)
	}
}

var states = map[reservation.State]int{
	reservation.Locked: 4, reservation.PartiallyLocked: 4, reservation.Committed: 8,
	reservation.Released: 4, reservation.Expired: 8, reservation.Rejected: 4,
}

func TestReservationsOfAStateAreFoundPageByPage(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	db, ctx := base.Pool(t, "inventory"), context.Background()
	inAllStates(t, db, base.Owner(t))
	all, err := reservation.List(ctx, db, reservation.Filter{}, "", 100)
	require.NoError(t, err)
	for state, many := range states {
		var want, got []reservation.Reservation
		for _, r := range all {
			if r.State == string(state) {
				want = append(want, r)
			}
		}
		require.Len(t, want, many, state)
		for after := ""; ; after = got[len(got)-1].OrderID {
			page, err := reservation.List(ctx, db, reservation.Filter{State: state}, after, 3)
			require.NoError(t, err)
			require.LessOrEqual(t, len(page), 3)
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
			require.LessOrEqual(t, len(got), many, state)
		}
		require.Equal(t, want, got, state)
	}
}

// heard is the last query of a pool that had arguments.
type heard struct{ last pgx.TraceQueryStartData }

func (h *heard) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if len(data.Args) > 0 {
		h.last = data
	}
	return ctx
}
func (h *heard) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

var (
	removed = regexp.MustCompile(`Rows Removed by Filter: (\d+)`)
	passed  = regexp.MustCompile(`actual rows=(\d+)`)
	visits  = regexp.MustCompile(`on reservations r .*loops=(\d+)`)
	visited = regexp.MustCompile(`on reservations r .*actual rows=(\d+)`)
)

func TestAPageOfReservationsDoesNotReadThemAll(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	owner, ctx := base.Owner(t), context.Background()
	inAllStates(t, base.Pool(t, "inventory"), owner)
	_, err := owner.Exec(ctx, `
		insert into inventory.reservations (order_id, state, placed)
		select 'n' || n, 'committed', placed
		from inventory.reservations, generate_series(1, 5000) n
		where order_id = 'o00'`)
	require.NoError(t, err)
	_, err = owner.Exec(ctx, `analyze inventory.reservations`)
	require.NoError(t, err)
	db, told := overheard(t, base)
	page := func(f reservation.Filter) []string {
		found, err := reservation.List(ctx, db, f, "", 3)
		require.NoError(t, err)
		require.NotEmpty(t, found)
		return explained(t, owner, told.last)
	}
	for state := range states {
		require.Less(t, most(t, removed, page(reservation.Filter{State: state})), 100, state)
	}
	_, err = owner.Exec(ctx, `
		insert into inventory.reservations (order_id, state, expires_at, placed)
		select 'r' || n, 'locked', now() + interval '1 hour', placed
		from inventory.reservations, generate_series(1, 5000) n
		where order_id = 'o00'`)
	require.NoError(t, err)
	for _, state := range []reservation.State{reservation.Released, reservation.Rejected} {
		require.Less(t, most(t, passed, page(reservation.Filter{State: state})), 100, "%s: what runs is none of them", state)
	}
	_, err = owner.Exec(ctx, `
		insert into inventory.movements (request, kind, sku, location, on_hand_delta, reserved_delta, on_hand_after, reserved_after, actor, order_id)
		select 'n' || n || ':placed', 'reserve', 'A', 'near', 0, 1, 1, 1, 'test', 'n' || n
		from generate_series(1, 5000) n`)
	require.NoError(t, err)
	for _, state := range []reservation.State{"", reservation.Committed} {
		plan := page(reservation.Filter{SKU: "A", State: state})
		require.Positive(t, most(t, visits, plan))
		require.Less(t, most(t, visits, plan)*most(t, visited, plan), 100, "orders that took of a SKU are read as the page wants them")
	}
}

// overheard is a pool of the function, and what it asks.
func overheard(t *testing.T, base *testdb.Database) (*postgres.Pool, *heard) {
	t.Helper()
	told := &heard{}
	db, err := postgres.Open(context.Background(), postgres.Options{
		Logins: postgres.Fixed(base.URL("inventory")), Application: "inventory", MaxConns: 1, Tracer: told, Planning: postgres.ByIndex,
	})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	return db, told
}

// explained is how the server runs a query of a pool that is ByIndex.
func explained(t *testing.T, owner *pgxpool.Pool, q pgx.TraceQueryStartData) []string {
	t.Helper()
	ctx := context.Background()
	tx, err := owner.Begin(ctx)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(ctx) }()
	for name, value := range postgres.ByIndex {
		_, err := tx.Exec(ctx, "select set_config($1, $2, true)", name, value)
		require.NoError(t, err)
	}
	sql, args, err := q.Args[0].(pgx.QueryRewriter).RewriteQuery(ctx, nil, q.SQL, nil)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, "prepare explained as "+sql)
	require.NoError(t, err)
	literals := make([]string, len(args))
	for i, arg := range args {
		literals[i] = literal(arg)
	}
	rows, err := tx.Query(ctx, "explain (analyze, costs off, timing off) execute explained ("+strings.Join(literals, ", ")+")", pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	_, err = tx.Exec(ctx, "deallocate explained")
	require.NoError(t, err)
	return plan
}

// most is the largest number of its kind in a plan.
func most(t *testing.T, kind *regexp.Regexp, plan []string) (n int) {
	t.Helper()
	for _, line := range plan {
		if m := kind.FindStringSubmatch(line); m != nil {
			found, err := strconv.Atoi(m[1])
			require.NoError(t, err)
			n = max(n, found)
		}
	}
	return n
}

func literal(arg any) string {
	if list, ok := arg.([]string); ok {
		return "'{" + strings.Join(list, ",") + "}'"
	}
	return fmt.Sprintf("'%v'", arg)
}

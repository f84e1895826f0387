package reservation_test

import (
	"context"
	"flag"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

var rules = reservation.Rules{TTL: 15 * time.Minute, MaxTTL: 24 * time.Hour}

// given opens locations with stock: location, sku, on hand.
func given(t testing.TB, db postgres.DB, levels ...stock.Counting) {
	t.Helper()
	ctx := context.Background()
	for i, l := range levels {
		_, err := stock.CreateLocation(ctx, db, stock.Location{Code: l.Location, Name: l.Location, Priority: int32(i)})
		require.True(t, err == nil || fault.Is(err, fault.Precondition), err)
	}
	require.NoError(t, count(db, levels...))
}

func count(db postgres.DB, levels ...stock.Counting) error {
	ctx := context.Background()
	tx, err := db.Begin(ctx)
	if err != nil {
		return err
	}
	if _, err := stock.CountAll(ctx, tx, stock.OfNobody("test", "count"), levels); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// age makes a reservation one whose time is over.
func age(t require.TestingT, owner postgres.DB, order string) {
	for _, table := range []string{"reservations", "reservation_lines"} {
		_, err := owner.Exec(context.Background(), `update inventory.`+table+`
			set expires_at = now() - interval '1 second'
			where order_id = $1 and expires_at is not null`, order)
		require.NoError(t, err)
	}
}

func orderOf(id string, lines map[string]int64) reservation.Order {
	o := reservation.Order{ID: id, Actor: "test"}
	for sku, q := range lines {
		o.Lines = append(o.Lines, event.OrderLine{SKU: sku, Quantity: q})
	}
	return o
}

// world is the service, beside the books that tell what it must be like.
type world struct {
	*books
	db    *postgres.Pool
	owner *pgxpool.Pool

	placings   []reservation.Order
	messages   []reservation.Message
	remembered map[string]event.Event // answers, by order and message
	replies    map[string]string      // the same, and to placings, as they are stored
	shortfalls map[string]int64
	supplies   map[string]supply
	position   int64    // in the outbox
	news       []string // what this step must put there
	mayLack    bool     // this step may raise a shortfall
	met        map[cell]int
}

// cell is one of the table of outcomes.
type cell struct {
	step     reservation.Step
	standing reservation.Standing
}

func (w *world) outcome(step reservation.Step, id string) reservation.Outcome {
	at := cell{step, w.standing(id)}
	w.met[at]++
	return reservation.OutcomeOf(at.step, at.standing)
}

func (w *world) announce(typ, subject string) { w.news = append(w.news, typ+" "+subject) }

const begin = `
	truncate inventory.movements, inventory.messages, inventory.reservation_lines, inventory.reservations,
		inventory.levels, inventory.stock, inventory.locations, events.outbox;
	insert into inventory.locations (code, name, priority) values ('near', 'near', 0), ('far', 'far', 1), ('away', 'away', 2)`

// create begins with four SKUs: of C more can be ordered than there is, of D
// nobody has heard.
func create(r *rapid.T, db *postgres.Pool, owner *pgxpool.Pool, met map[cell]int) *world {
	w := &world{
		books: &books{
			places: []string{"near", "far", "away"}, priorities: map[string]int32{"near": 0, "far": 1, "away": 2},
			items: map[string]*item{}, orders: map[string]*order{},
		},
		db: db, owner: owner, met: met, remembered: map[string]event.Event{}, replies: map[string]string{},
	}
	_, err := owner.Exec(context.Background(), begin)
	require.NoError(r, err)
	levels := []stock.Counting{
		{SKU: "A", Location: "near", OnHand: 4}, {SKU: "A", Location: "far", OnHand: 6},
		{SKU: "B", Location: "near", OnHand: 5}, {SKU: "C", Location: "far", OnHand: 3},
	}
	require.NoError(r, count(db, levels...))
	for _, l := range levels {
		w.open(l.SKU, l.Location).onHand = l.OnHand
	}
	w.setPolicy(r, stock.Policy{SKU: "C", Track: true, WhenOutOfStock: stock.Backorder, LowStockThreshold: 3})
	return w
}

func refused(r *rapid.T, err error, kind fault.Kind, code string) {
	require.Error(r, err)
	f := fault.As(err)
	require.Equal(r, kind.String()+" "+code, f.Kind.String()+" "+f.Code, "%v", err)
}

// sums has one line for each SKU, in the order of their first.
func sums(lines []event.OrderLine) []event.OrderLine {
	var all []event.OrderLine
	for _, l := range lines {
		if i := slices.IndexFunc(all, func(s event.OrderLine) bool { return s.SKU == l.SKU }); i >= 0 {
			all[i].Quantity += l.Quantity
		} else {
			all = append(all, l)
		}
	}
	return all
}

func quantities(lines []event.OrderLine) map[string]int64 {
	if lines == nil {
		return nil
	}
	all := map[string]int64{}
	for _, l := range lines {
		all[l.SKU] += l.Quantity
	}
	return all
}

func replyType(state string) string {
	return map[string]string{
		"locked": event.InventoryLocked, "partially_locked": event.InventoryLocked, "committed": event.InventoryCommitted,
		"released": event.InventoryReleased, "expired": event.InventoryExpired, "rejected": event.InventoryRejected,
	}[state]
}

// usual is how many sequences are enough beside all other tests.
const usual = 40

// TestAnySequenceOfOperationsKeepsTheBooks runs random sequences against the
// books; make model CHECKS=5000 runs thousands.
func TestAnySequenceOfOperationsKeepsTheBooks(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	db, owner := base.Pool(t, "inventory"), base.Owner(t)
	begun, ended, steps, met := 0, 0, 0, map[cell]int{}
	checks := flag.Lookup("rapid.checks")
	asked := checks.Value.String() != checks.DefValue
	rapid.Check(t, func(r *rapid.T) {
		if !asked && begun >= usual && begun == ended {
			return // one that failed is still made smaller
		}
		begun++
		w := create(r, db, owner, met)
		actions := w.actions()
		actions[""] = func(r *rapid.T) {
			steps++
			w.check(r)
		}
		r.Repeat(actions)
		w.repeatAll(r)
		ended++
	})
	all := len(reservation.Steps())*len(reservation.Standings()) - 1 // one cannot be
	t.Logf("%d sequences, %d steps, %d of %d cells of the table of outcomes", begun, steps, len(met), all)
}

// repeatAll is P2 at the end: everything that was ever sent comes again. What was
// refused then, because it came too early, may be done now.
func (w *world) repeatAll(r *rapid.T) {
	for _, o := range w.placings {
		w.place(r, o)
	}
	for _, m := range w.messages {
		if m.ID == "" {
			continue
		}
		_, answered := w.remembered[m.OrderID+" "+m.ID]
		w.send(r, m)
		if !answered {
			w.check(r)
		}
	}
	w.check(r)
}

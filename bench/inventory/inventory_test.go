package main

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/bench/drive"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

func TestOrdersAreOfOneToThreeDifferentSKUsEvenlySpread(t *testing.T) {
	t.Parallel()
	const orders = 300_000
	lengths, asked := map[int]int{}, map[int]int{}
	for n := range int64(orders) {
		numbers := randomWishes(draw("random1", n))
		seen := map[int]bool{}
		for _, number := range numbers {
			require.False(t, seen[number], "an order has a SKU once")
			seen[number] = true
			asked[number]++
		}
		lengths[len(numbers)]++
	}
	for _, length := range []int{1, 2, 3} {
		require.InDelta(t, orders/3, lengths[length], orders/100)
	}
	require.Len(t, lengths, 3)
	require.Len(t, asked, skus, "all SKUs are asked for, and no others")
	for number, times := range asked {
		require.True(t, number >= firstSKU && number < firstSKU+skus)
		require.InDelta(t, 2*orders/skus, times, orders/skus, number)
	}
}

func TestWindowsDrawDifferentOrdersAndRepeatTheirOwn(t *testing.T) {
	t.Parallel()
	first := func(window string) (all [][]int) {
		for n := range int64(20) {
			all = append(all, randomWishes(draw(window, n)))
		}
		return all
	}
	one, again := first("random1"), first("random1")
	require.Equal(t, one, again)
	require.NotEqual(t, first("random1"), first("random2"))
}

func TestACartHasTenDifferentSKUs(t *testing.T) {
	t.Parallel()
	for n := range int64(10_000) {
		seen := map[int]bool{}
		for _, number := range cart(draw("cart1", n)) {
			require.True(t, number >= firstSKU && number < firstSKU+skus)
			seen[number] = true
		}
		require.Len(t, seen, cartLines)
	}
}

func TestADeliveryIsAnOrderPlacedInBinaryMode(t *testing.T) {
	t.Parallel()
	headers, data, err := delivery("token", orderID("w1", 63, 7), []int{firstSKU, firstSKU + 1}, 1, time.Now())
	require.NoError(t, err)
	text := "POST / HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(data)) + "\r\n" + headers + "\r\n" + string(data)
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	require.NoError(t, err)
	require.Equal(t, "Bearer token", r.Header.Get("Authorization"))
	e, err := event.FromRequest(r)
	require.NoError(t, err)
	require.NoError(t, event.NewSchemas().Check(e))
	require.Equal(t, event.OrderPlaced, e.Type)
	require.Equal(t, "w1-163000000007", e.Subject)
	var placed event.OrderPlacedData
	require.NoError(t, e.Decode(&placed))
	require.Equal(t, event.OrderPlacedData{OrderID: e.Subject, Lines: []event.OrderLine{{SKU: "BENCH-10000", Quantity: 1}, {SKU: "BENCH-10001", Quantity: 1}}}, placed)
}

// reference is a database with the reference's tables and some stock.
type reference struct{ url string }

func newReference(t *testing.T, onHand map[int]int) reference {
	t.Helper()
	d := testdb.New(t)
	owner := d.Owner(t)
	ctx := context.Background()
	_, err := owner.Exec(ctx, "insert into inventory.locations (code, name, priority) values ('bench', 'Bench', 1)")
	require.NoError(t, err)
	for number, n := range onHand {
		_, err = owner.Exec(ctx, "insert into inventory.stock (sku) values ($1)", skuOf(number))
		require.NoError(t, err)
		_, err = owner.Exec(ctx, "insert into inventory.levels (sku, location, on_hand) values ($1, 'bench', $2)", skuOf(number), n)
		require.NoError(t, err)
	}
	at, err := url.Parse(os.Getenv(testdb.Variable))
	require.NoError(t, err)
	at.Path = "/" + owner.Config().ConnConfig.Database
	r := reference{url: at.String()}
	conn := r.connect(t)
	require.NoError(t, makeReference(ctx, conn))
	return r
}

func (r reference) connect(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), r.url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

var variable = regexp.MustCompile(`:[a-z]+`)

func lock(t *testing.T, conn *pgx.Conn, order int, skus ...int) bool {
	t.Helper()
	ok, err := ask(conn, order, skus...)
	require.NoError(t, err)
	return ok
}

// ask runs the reference's statement as pgbench would, and says what it answers.
func ask(conn *pgx.Conn, order int, skus ...int) (ok bool, err error) {
	values := map[string]string{":window": "'w1'", ":order": "'" + strconv.Itoa(order) + "'"}
	names := []string{"a", "b", "c"}[:len(skus)]
	for i, name := range names {
		values[":"+name] = "'" + strconv.Itoa(skus[i]) + "'"
	}
	sql := variable.ReplaceAllStringFunc(statement(names...), func(name string) string { return values[name] })
	err = conn.QueryRow(context.Background(), sql).Scan(&ok)
	return ok, err
}

func (r reference) left(t *testing.T, conn *pgx.Conn) rows {
	t.Helper()
	d := database{&drive.Postgres{Conn: conn}}
	found, err := d.find(context.Background(), "reference", "w1")
	require.NoError(t, err)
	require.NoError(t, d.auditReference(context.Background()))
	found.transactions = 0
	return found
}

func TestTheReferenceLocksAllOfAnOrderOrNothing(t *testing.T) {
	t.Parallel()
	r := newReference(t, map[int]int{firstSKU: 5, firstSKU + 1: 1, firstSKU + 2: 0})
	conn := r.connect(t)
	require.True(t, lock(t, conn, 1, firstSKU))
	require.True(t, lock(t, conn, 2, firstSKU+1, firstSKU))
	want := rows{locked: 2, lines: 3, movements: 3}
	require.Equal(t, want, r.left(t, conn))

	require.False(t, lock(t, conn, 3, firstSKU+1), "sold out by the second")
	require.False(t, lock(t, conn, 4, firstSKU, firstSKU+1), "the second of two is sold out")
	require.False(t, lock(t, conn, 5, firstSKU, firstSKU+2, firstSKU+1))
	require.False(t, lock(t, conn, 6, firstSKU+3), "nobody knows it")
	require.False(t, lock(t, conn, 7, firstSKU, firstSKU+3))
	require.Equal(t, want, r.left(t, conn), "what does not fit writes nothing")
	require.True(t, lock(t, conn, 8, firstSKU), "and takes nothing")
}

func TestTheReferenceNeverSellsTwiceNorWaitsForEver(t *testing.T) {
	t.Parallel()
	const pieces, buyers = 40, 8
	r := newReference(t, map[int]int{firstSKU: pieces, firstSKU + 1: pieces, firstSKU + 2: pieces})
	conns := make([]*pgx.Conn, buyers)
	for i := range conns {
		conns[i] = r.connect(t)
	}
	var all sync.WaitGroup
	got, failed := make([]int64, buyers), make([]error, buyers)
	for buyer, conn := range conns {
		all.Go(func() {
			for n := range pieces {
				// Each names the SKUs in another order.
				a, b, c := firstSKU+(buyer+n)%3, firstSKU+(buyer+n+1)%3, firstSKU+(buyer+n+2)%3
				ok, err := ask(conn, 1000*(buyer+1)+n, a, b, c)
				if err != nil {
					failed[buyer] = err
					return
				}
				if ok {
					got[buyer]++
				}
			}
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(failed...))
	var sum int64
	for _, n := range got {
		sum += n
	}
	require.EqualValues(t, pieces, sum)
	require.Equal(t, rows{locked: pieces, lines: 3 * pieces, movements: 3 * pieces}, r.left(t, conns[0]))
}

const shapeSQL = `
select coalesce(string_agg(line, e'\n' order by line), '') from (
	select format('column %s %s %s %s', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attcollation::regcollation) as line
	from pg_attribute a where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped
	union all
	select 'check ' || replace(pg_get_constraintdef(oid), ' NOT VALID', '') from pg_constraint where conrelid = $1::regclass and contype = 'c'
	union all
	select 'index ' || substring(pg_get_indexdef(indexrelid) from ' USING .*') || indisunique from pg_index where indrelid = $1::regclass
	union all
	select 'room ' || coalesce(reloptions::text, '') from pg_class where oid = $1::regclass
) shape`

func TestTheReferenceHasTheTablesOfTheFunction(t *testing.T) {
	t.Parallel()
	conn := newReference(t, nil).connect(t)
	for _, table := range copied {
		var ours, theirs string
		require.NoError(t, conn.QueryRow(context.Background(), shapeSQL, "inventory."+table).Scan(&ours))
		require.NoError(t, conn.QueryRow(context.Background(), shapeSQL, "reference."+table).Scan(&theirs))
		require.NotEmpty(t, ours)
		require.Equal(t, ours, theirs, table)
	}
}

func TestAServerThatCanLoseWhatItConfirmedIsRefused(t *testing.T) {
	t.Parallel()
	conn := newReference(t, nil).connect(t)
	_, err := conn.Exec(context.Background(), "set synchronous_commit = off")
	require.NoError(t, err)
	_, err = drive.NewPostgres(context.Background(), conn)
	require.ErrorContains(t, err, "make starts a durable one")
}

func TestAnOrderThatIsNotFoundFailsTheWindow(t *testing.T) {
	t.Parallel()
	answered := rows{locked: 2, lines: 3, movements: 3}
	require.NoError(t, answered.compare(rows{locked: 2, lines: 3, movements: 3, transactions: 1}))
	require.Error(t, answered.compare(rows{locked: 1, rejected: 1, lines: 3, movements: 3}))
	require.Error(t, answered.compare(rows{locked: 2, lines: 3, movements: 2}))
}

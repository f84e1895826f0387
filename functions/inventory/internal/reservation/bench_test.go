package reservation_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

const benchSKUs = 5000

// BenchmarkLocks is what a lock costs without HTTP: 64 callers of one queue.
// go test -bench Locks -run '^$' -benchtime 40000x
func BenchmarkLocks(b *testing.B) {
	b.Run("random", func(b *testing.B) { benchLocks(b, randomLines) })
	b.Run("hot", func(b *testing.B) {
		benchLocks(b, func() []event.OrderLine { return []event.OrderLine{{SKU: "S0000", Quantity: 1}} })
	})
	b.Run("sold_out", func(b *testing.B) {
		benchLocks(b, func() []event.OrderLine { return []event.OrderLine{{SKU: "NONE", Quantity: 1}} })
	})
}

func randomLines() []event.OrderLine {
	lines := make([]event.OrderLine, 1+rand.IntN(3))
	for i := range lines {
		lines[i] = event.OrderLine{SKU: fmt.Sprintf("S%04d", rand.IntN(benchSKUs)), Quantity: 1}
	}
	return lines
}

func benchLocks(b *testing.B, lines func() []event.OrderLine) {
	base := testdb.New(b)
	trips := &roundTrips{}
	db, err := postgres.Open(context.Background(), postgres.Options{
		Logins: postgres.Fixed(base.URL("inventory")), Application: "inventory", MaxConns: 8, Tracer: trips, Planning: postgres.ByIndex,
	})
	require.NoError(b, err)
	defer db.Close()
	levels := []stock.Counting{{SKU: "NONE", Location: "main"}}
	for i := range benchSKUs {
		levels = append(levels, stock.Counting{SKU: fmt.Sprintf("S%04d", i), Location: "main", OnHand: 100_000_000})
	}
	given(b, db, levels...)
	admin := base.Owner(b)
	q := reservation.NewQueue(db, rules, reservation.Options{MaxWait: time.Minute})
	b.ResetTimer()
	before, mine, server := trips.n.Load(), cpu(), serverCPU(b, admin)
	var next atomic.Int64
	var callers sync.WaitGroup
	for range 64 {
		callers.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				_, err := q.Place(context.Background(), reservation.Order{ID: fmt.Sprint("o", n), Lines: lines(), Actor: "/bench"})
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	callers.Wait()
	b.StopTimer()
	n := float64(b.N)
	b.ReportMetric(n/b.Elapsed().Seconds(), "orders/s")
	b.ReportMetric(float64(trips.n.Load()-before)/n, "trips/order")
	b.ReportMetric(float64((cpu()-mine).Microseconds())/n, "go-µs/order")
	b.ReportMetric(float64((serverCPU(b, admin)-server).Microseconds())/n, "pg-µs/order")
	differences, err := stock.Audit(context.Background(), db, 10)
	require.NoError(b, err)
	require.Empty(b, differences)
}

// roundTrips counts what the client waits for: statements sent alone, and batches.
type roundTrips struct{ n atomic.Int64 }

func (r *roundTrips) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	r.n.Add(1)
	return ctx
}
func (r *roundTrips) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (r *roundTrips) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	r.n.Add(1)
	return ctx
}
func (r *roundTrips) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (r *roundTrips) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// serverCPU is what the backends of this database have used, where /proc tells.
func serverCPU(b *testing.B, admin postgres.DB) time.Duration {
	rows, err := admin.Query(context.Background(), `select pid from pg_stat_activity where datname = current_database()`)
	require.NoError(b, err)
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	require.NoError(b, err)
	var ticks int64
	for _, pid := range pids {
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		_, after, _ := strings.Cut(string(stat), ") ")
		var user, system int64
		if f := strings.Fields(after); len(f) > 12 {
			_, _ = fmt.Sscan(f[11]+" "+f[12], &user, &system)
		}
		ticks += user + system
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

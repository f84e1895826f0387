package faults

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/mallhive/product-service/shared/web/webtest"

	"github.com/stretchr/testify/require"
)

// Nothing but PostgreSQL is started again: the functions must find it anew.
func TestAPostgresThatDiesLosesNothing(t *testing.T) {
	n := rounds(t)
	w := newWorld(t)
	for round := range n {
		w.run("one backend is killed, which makes it recover from a crash", func(t *testing.T) {
			orders := w.orders(2 * round)
			running, s, products := w.replay(orders), w.watch(), w.importing(2*round)
			w.killBackend()
			products.finish()
			running.await(orders)
			s.end()
			w.prove()
		})
		w.run("the whole server goes away and comes back", func(t *testing.T) {
			orders := w.orders(2*round + 1)
			running, s, products := w.replay(orders), w.watch(), w.importing(2*round+1)
			w.killPostgres(syscall.SIGQUIT)
			for _, f := range w.manifest.Functions {
				w.eventually(f.Name+" says 503", func() bool { return s.unavailable(f.Name) > 0 })
			}
			w.startPostgres()
			products.finish()
			running.await(orders)
			s.end()
			w.prove()
		})
	}
}

// Here not even the server's parent process gets to say a word: its children
// find themselves alone, and what they share stays in memory for a moment.
func TestAPostgresKilledWithoutAWordLosesNothing(t *testing.T) {
	n := rounds(t)
	w := newWorld(t)
	for round := range n {
		orders := w.orders(round)
		s, products := w.watch(), w.importing(round)
		running := w.replay(orders)
		w.killPostgres(syscall.SIGKILL)
		for _, f := range w.manifest.Functions {
			w.eventually(f.Name+" says 503", func() bool { return s.unavailable(f.Name) > 0 })
		}
		w.startPostgres()
		products.finish()
		running.await(orders)
		s.end()
		w.prove()
	}
}

func (w *world) killPostgres(signal syscall.Signal) {
	w.t.Helper()
	require.NoError(w.t, syscall.Kill(w.pg.Pid(), signal))
	<-w.pg.Exited()
	report.fault("PostgreSQL ended with " + map[syscall.Signal]string{syscall.SIGQUIT: "SIGQUIT", syscall.SIGKILL: "SIGKILL"}[signal])
}

// killBackend ends one of inventory's, which makes the whole server recover.
func (w *world) killBackend() {
	w.t.Helper()
	ctx := context.Background()
	witness, err := w.owner.Acquire(ctx)
	require.NoError(w.t, err)
	defer witness.Release()
	pid := w.count(`select pid from pg_stat_activity where usename = 'inventory_app' limit 1`)
	require.NoError(w.t, syscall.Kill(pid, syscall.SIGKILL))
	report.fault("PostgreSQL backend killed with SIGKILL")
	w.eventually("the server cuts all connections", func() bool { return witness.Ping(ctx) != nil })
	w.eventually("it works again", w.postgresAnswers)
	w.owner.Reset()
}

func (w *world) postgresAnswers() bool {
	var one int
	return w.owner.QueryRow(context.Background(), `select 1`).Scan(&one) == nil
}

// Idle connections that were cut are found before they are used: not even the
// first request after it fails.
func TestConnectionsCutWhileIdleFailNoRequest(t *testing.T) {
	n := rounds(t)
	w := newWorld(t)
	for range 20 * n {
		w.healed()
		cut := w.count(`select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity where usename like '%\_app'`)
		require.Positive(t, cut)
		report.fault("idle connections cut")
		s := &watch{w: w, seen: map[string]map[int]int{}}
		for _, p := range probes() {
			s.ask(webtest.Client, p)
		}
		for _, f := range w.manifest.Functions {
			require.Zero(t, s.unavailable(f.Name), "%s, %d connections cut", f.Name, cut)
		}
	}
}

// disturb lays a toxic on the line to PostgreSQL, in both directions.
func (w *world) disturb(kind, attributes string) (heal func()) {
	w.t.Helper()
	report.fault("line to PostgreSQL: " + kind)
	for _, stream := range []string{"upstream", "downstream"} {
		_, err := w.link.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(
			`{"name":"%[1]s-%[2]s","type":"%[1]s","stream":"%[2]s","attributes":%[3]s}`, kind, stream, attributes)))
		require.NoError(w.t, err)
	}
	return func() {
		for _, stream := range []string{"upstream", "downstream"} {
			require.NoError(w.t, w.link.Toxics.RemoveToxic(context.Background(), kind+"-"+stream))
		}
	}
}

func TestABadLineToPostgresIsFeltAndForgotten(t *testing.T) {
	n := rounds(t)
	w := newWorld(t)
	for round := range n {
		for i, line := range []struct {
			name, kind, attributes string
			works                  bool // it is slow but works
		}{
			{"connections are reset", "reset_peer", `{"timeout":50}`, false},
			{"half open: data stops, connections stay", "timeout", `{"timeout":0}`, false},
			{"latency", "latency", `{"latency":4,"jitter":3}`, true},
			{"bandwidth", "bandwidth", `{"rate":2000}`, true},
		} {
			w.run(line.name, func(t *testing.T) {
				nth := 4*round + i
				orders := w.orders(nth)
				running, s, products := w.replay(orders), w.watch(), w.importing(nth)
				heal := w.disturb(line.kind, line.attributes)
				if !line.works {
					for _, f := range w.manifest.Functions {
						w.eventually(f.Name+" says 503", func() bool { return s.unavailable(f.Name) > 1 })
					}
					w.eventually("the import gives up", products.over)
				}
				if line.works {
					running.await(orders)
				}
				heal()
				products.finish()
				if !line.works {
					running.await(orders)
				}
				s.end()
				w.prove()
			})
		}
	}
	w.proveNoGoroutinesLeak()
}

// proveNoGoroutinesLeak compares the functions with fresh ones. It ends them.
func (w *world) proveNoGoroutinesLeak() {
	w.t.Helper()
	for _, f := range w.manifest.Functions {
		w.eventually(f.Name+" holds no connection", func() bool {
			s, err := w.status(f.Name)
			return err == nil && s.Connections.Busy == 0
		})
		used := w.goroutines(f.Name)
		w.start(f.Name)
		_, err := w.status(f.Name)
		require.NoError(w.t, err)
		fresh := w.goroutines(f.Name)
		require.LessOrEqual(w.t, used, fresh+2, "goroutines of %s", f.Name)
		w.t.Logf("%s: %d goroutines in our code and pgx, a fresh one has %d", f.Name, used, fresh)
	}
}

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/bench/drive"
)

// anatomy is where the time of an order goes: what the function's sessions did
// when they were looked at, and what the check of tokens costs.
type anatomy struct {
	looks    int
	sessions map[string]int
	looked   run
	network  run // the same with EVENT_AUTH=network
}

const lookEvery = 5 * time.Millisecond

// What a session does is one of a few things that differ in who could make them
// shorter.
const look = `
select case
		when state = 'idle' then '6 has nothing to do'
		when state like 'idle in transaction%' then '1 waits for the function, within a transaction'
		when wait_event in ('WALSync', 'WALWrite', 'WalSync', 'WalWrite') then '3 waits for the disk to have its WAL'
		when wait_event_type = 'Lock' then '4 waits for a row that another has locked'
		when wait_event is null then '2 works'
		else '5 waits for something else'
	end as what, count(*)
from pg_stat_activity
where usename = $1 and datname = $2 and backend_type = 'client backend'
group by 1`

// dissect looks at the sessions while orders run, in windows that are in no
// other figure.
func (w *world) dissect(ctx context.Context) (a anatomy, err error) {
	a.sessions = map[string]int{}
	conn, err := pgx.Connect(ctx, w.stage.URL(nil))
	if err != nil {
		return a, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	looking, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- a.watch(ctx, looking, conn) }()
	a.looked, err = w.orders(ctx, w.own, "looked", randomWishes, locked)
	stop()
	if watched := <-done; watched != nil {
		return a, watched
	}
	if err != nil {
		return a, err
	}
	open, err := w.serve(ctx, "EVENT_AUTH=network")
	if err != nil {
		return a, err
	}
	defer open.Stop()
	a.network, err = w.orders(ctx, open, "network", randomWishes, locked)
	return a, err
}

func (a *anatomy) watch(ctx, looking context.Context, conn *pgx.Conn) error {
	for drive.Wait(looking, lookEvery) == nil {
		rows, err := conn.Query(ctx, look, databaseName+"_inventory", databaseName)
		if err != nil {
			return err
		}
		var what string
		var sessions int
		if _, err := pgx.ForEachRow(rows, []any{&what, &sessions}, func() error {
			a.sessions[what] += sessions
			return nil
		}); err != nil {
			return err
		}
		a.looks++
	}
	return nil
}

func (a anatomy) print(row func(string, ...any)) {
	row("\nwhere the rest goes, 1–3 random SKUs: a session of the function in PostgreSQL\tsessions on average\t\n")
	for _, what := range slices.Sorted(maps.Keys(a.sessions)) {
		row("%s\t%.2f\t\n", what[2:], float64(a.sessions[what])/float64(max(a.looks, 1)))
	}
	row("\nthe check of tokens\tper second\tCPU µs of the function\t\n")
	for _, side := range []struct {
		name string
		run
	}{{"EVENT_AUTH=oidc (while looked at)", a.looked}, {"EVENT_AUTH=network", a.network}} {
		row("%s\t%.0f\t%s\t\n", side.name, side.Rate(), fmt.Sprint(side.Each(side.Server).Microseconds()))
	}
}

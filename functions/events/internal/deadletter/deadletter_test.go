package deadletter

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

func TestALetterIsKeptHoweverLongItsSubject(t *testing.T) {
	t.Parallel()
	ctx, db := context.Background(), testdb.New(t).Pool(t, "events")
	long := make([]byte, 6000)
	_, err := rand.Read(long) // what cannot be compressed is what an index cannot take
	require.NoError(t, err)
	e, err := event.New(event.StockLow, event.FromInventory, base64.StdEncoding.EncodeToString(long), event.StockData{SKU: "A"})
	require.NoError(t, err)
	short, err := event.New(event.StockLow, event.FromInventory, "A", event.StockData{SKU: "A"})
	require.NoError(t, err)
	require.NoError(t, Store(ctx, db, Letter{Event: e}, Letter{Event: short}))
	found, err := List(ctx, db, Filter{Subject: e.Subject}, uuid.Nil, 10)
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, e.Subject, *found[0].Subject)
	found, err = List(ctx, db, Filter{EventID: short.ID}, uuid.Nil, 10)
	require.NoError(t, err)
	require.Len(t, found, 1)
}

func TestManyLettersAreNotCountedOneByOne(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	ctx, db, owner := context.Background(), base.Pool(t, "events"), base.Owner(t)
	_, err := owner.Exec(ctx, `
		insert into events.dead_letters (id, event_id, source, type, event, destination, reason)
		select gen_random_uuid(), n::text, '/s', 't', '{}', 'd', '' from generate_series(1, 30000) n`)
	require.NoError(t, err)
	_, err = owner.Exec(ctx, "vacuum analyze events.dead_letters")
	require.NoError(t, err)
	var counts Counts
	var before, after int
	require.NoError(t, postgres.InTx(ctx, db, func(tx pgx.Tx) (err error) {
		read := func(n *int) error {
			return tx.QueryRow(ctx, `
				select pg_stat_get_xact_tuples_returned('events.dead_letters'::regclass)
					+ sum(pg_stat_get_xact_tuples_returned(indexrelid))
				from pg_index where indrelid = 'events.dead_letters'::regclass`).Scan(n)
		}
		err = read(&before)
		if err == nil {
			counts, err = Count(ctx, tx)
		}
		return errors.Join(err, read(&after))
	}))
	require.EqualValues(t, Counted, counts.Waiting)
	require.InDelta(t, 30_000, counts.Kept, 3000)
	require.LessOrEqual(t, after-before, 2*Counted+10)

	_, err = owner.Exec(ctx, "update events.dead_letters set replayed_at = now() where event_id::int > 3")
	require.NoError(t, err)
	counts, err = Count(ctx, db)
	require.NoError(t, err)
	require.EqualValues(t, 3, counts.Waiting)
}

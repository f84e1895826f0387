package servicetest

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// checkEmitted reads what a test left in the outbox as the relay would, and
// holds each event to the schema of its type.
func checkEmitted(t testing.TB, db *testdb.Database) {
	t.Helper()
	if t.Failed() {
		return
	}
	ctx, pool, schemas := context.Background(), db.Pool(t, "events"), event.NewSchemas()
	var place outbox.Place
	for {
		var rows []outbox.Claimed
		require.NoError(t, postgres.InTx(ctx, pool, func(tx pgx.Tx) (err error) {
			rows, err = place.Claim(ctx, tx, 1000, time.Minute)
			return err
		}))
		if len(rows) == 0 {
			return
		}
		for _, row := range rows {
			_, known := event.TypeOf(row.Event.Type)
			require.True(t, known, "%s is not of the contract", row.Event.Type)
			require.NoError(t, schemas.Check(row.Event), "%s of %s: %s", row.Event.Type, row.Event.Subject, row.Event.Data)
		}
		require.NoError(t, outbox.Remove(ctx, pool, rows...))
	}
}

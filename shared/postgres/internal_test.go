package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// SpokeUnasked shows the look at an idle connection to tests.
func SpokeUnasked(conn *pgx.Conn) bool { return spokeUnasked(conn) }

// Age lets time pass for what was fetched.
func (r *Rotating) Age(by time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fetched, r.refused, r.failed = r.fetched.Add(-by), r.refused.Add(-by), r.failed.Add(-by)
}

func TestConnectionsAreRenewedAndNotAllAtOnce(t *testing.T) {
	t.Parallel()
	pool, err := Open(context.Background(), Options{Logins: Fixed("postgres://localhost/x"), MaxConns: 4})
	require.NoError(t, err)
	defer pool.Close()
	c := pool.pool.Config()
	require.Positive(t, c.MaxConnLifetime)
	require.Positive(t, c.MaxConnLifetimeJitter)
	require.Less(t, c.MaxConnLifetimeJitter, c.MaxConnLifetime)
	require.Zero(t, c.MinConns, "an instance that sleeps keeps no connection for its own sake")
}

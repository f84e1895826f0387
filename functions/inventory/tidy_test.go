package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/postgres"
)

// After a sale there may be more to expire than a tick has time for: the rest of
// the tick has its share all the same.
func TestAPartOfATickThatIsNotDoneInTimeGoesOnAtTheNext(t *testing.T) {
	t.Parallel()
	asked, woken := 0, 0
	endless := func(context.Context, postgres.DB, int) (int, error) { asked++; return tidyBatch, nil }
	require.NoError(t, inBatches(context.Background(), nil, func() { woken++ }, 0, endless))
	require.Equal(t, 1, asked)
	require.Equal(t, 1, woken)
	few := func(context.Context, postgres.DB, int) (int, error) { asked++; return tidyBatch - asked + 1, nil }
	asked = 0
	require.NoError(t, inBatches(context.Background(), nil, func() {}, time.Hour, few))
	require.Equal(t, 2, asked, "until there is no more")
	require.Less(t, 2*tidyShare, tidyFor)
}

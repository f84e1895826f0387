package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/service/servicetest"
)

// Statistics take seconds: they are made when an import has turned the tables
// into other ones, not whenever it is long.
func TestAnImportMakesStatisticsOnlyOfTablesThatHaveMultiplied(t *testing.T) {
	t.Parallel()
	s := start(t)
	owner := s.DB.Owner(t)
	_, err := owner.Exec(context.Background(), `alter table catalog.products set (autovacuum_enabled = false)`) // it would make them too
	require.NoError(t, err)
	known := func() (products int) {
		require.NoError(t, owner.QueryRow(context.Background(), `select reltuples::int from pg_class where oid = 'catalog.products'::regclass`).Scan(&products))
		return products
	}
	load := func(batch string, rows int) {
		var lines strings.Builder
		for i := range rows {
			_, _ = fmt.Fprintf(&lines, `{"slug":"%[1]s-%[2]d","name":"Thing","status":"active","variants":[{"sku":"%[1]s-%[2]d"}]}`+"\n", batch, i)
		}
		a := s.Do(t, "POST", "/v1/products:import?results=failed", lines.String(), s.Bearer(t, write),
			servicetest.Header{Name: "Content-Type", Value: "application/x-ndjson"})
		require.Contains(t, string(a.Body), fmt.Sprintf(`"created":%d`, rows), "%s", a.Body)
	}
	load("first", 1200)
	first := known()
	require.Positive(t, first, "an empty table is another one with a thousand rows")
	load("second", 1000)
	require.Equal(t, first, known(), "it had a thousand already")
}

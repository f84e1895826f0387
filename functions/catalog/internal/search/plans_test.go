package search

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// reads is every statement of a search on a large table, and what its plan
// must go by.
var reads = map[string][]string{
	codesSQL:      {"search_documents_codes"},
	titlesSQL:     {"search_names_words"},
	everywhereSQL: {"search_documents_words", "search_names_pkey", "NOT (hashed SubPlan"},
	namesWithSQL:  {"search_names_words"},
	namesBegunSQL: {"search_names_beginning", "Index Cond: ((name_key ~>=~"},
	brandsSQL:     {"search_names_brand", "Index Cond: ((brand_key ~>=~", "Index Cond: ((brand_key ~>~"},
	beginningSQL:  {"Index Cond: ((word ~>=~"},
	similarSQL:    {"words_similar", "search_documents_words"},
}

// The planner is asked for the plan that it keeps when it no longer looks at
// what is asked for, the worst that it may have.
func TestNoSearchReadsAWholeTable(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := testdb.New(t)
	conn, err := db.Pool(t, "catalog").Acquire(ctx)
	require.NoError(t, err)
	defer conn.Release()
	tx, err := conn.Begin(ctx)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(ctx) }()
	entries := make([]Entry, 5000)
	for i := range entries {
		id, err := uuid.NewV7()
		require.NoError(t, err)
		entries[i] = Entry{ProductID: id, Name: fmt.Sprintf("Common thing %d", i), Brand: fmt.Sprintf("Maker %d", i%50), Codes: []string{fmt.Sprintf("C-%d", i)}}
	}
	require.NoError(t, Write(ctx, tx, nil, entries, nil))
	_, err = tx.Exec(ctx, "set local plan_cache_mode = force_generic_plan")
	require.NoError(t, err)
	f := &finding{tx: tx, score: map[uuid.UUID]float64{}}
	require.NoError(t, f.codes(ctx, "x"), "sets how plans are made")
	number := 0
	for sql, want := range reads {
		number++
		text, args, err := pgx.NamedArgs{}.RewriteQuery(ctx, nil, sql, nil)
		require.NoError(t, err)
		nulls := strings.TrimSuffix(strings.Repeat("null,", len(args)), ",")
		_, err = tx.Exec(ctx, fmt.Sprintf("prepare p%d as %s", number, text))
		require.NoError(t, err, sql)
		rows, err := tx.Query(ctx, fmt.Sprintf("explain execute p%d (%s)", number, nulls))
		require.NoError(t, err, sql)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err, sql)
		plan := strings.Join(lines, "\n")
		require.NotContains(t, plan, "Seq Scan", plan)
		for _, w := range want {
			require.Contains(t, plan, w, plan)
		}
	}
}

func TestALargeCatalogueIsCutWhereASmallOneIsNot(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := testdb.New(t)
	pool := db.Pool(t, "catalog")
	entries := make([]Entry, mostOfMany+500)
	for i := range entries {
		id, err := uuid.NewV7()
		require.NoError(t, err)
		entries[i] = Entry{ProductID: id, Name: fmt.Sprintf("Common thing %d", i), Codes: []string{fmt.Sprintf("C-%d", i)}}
	}
	require.NoError(t, pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return Write(ctx, tx, nil, entries, nil) }))
	r, err := Find(ctx, pool, "common thing")
	require.NoError(t, err)
	require.Len(t, r.Hits, len(entries))
	require.True(t, r.Complete)
	require.NoError(t, pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		f := &finding{tx: tx, most: mostOfMany, score: map[uuid.UUID]float64{}}
		err := f.all(ctx, parse("common thing"))
		r = f.result("")
		return err
	}))
	require.Len(t, r.Hits, mostOfMany)
	require.False(t, r.Complete)
}

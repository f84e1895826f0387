package main

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/postgres/testdb"
)

func TestEveryQueryFitsTheSchema(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	conn, err := testdb.New(t).Pool(t, "inventory").Acquire(ctx)
	require.NoError(t, err)
	defer conn.Release()
	files, err := filepath.Glob("internal/*/*.go")
	require.NoError(t, err)
	prepared := 0
	for _, file := range files {
		for name, text := range queriesOf(t, file) {
			sql, _, err := pgx.NamedArgs{}.RewriteQuery(ctx, conn.Conn(), text, nil)
			require.NoError(t, err)
			_, err = conn.Conn().Prepare(ctx, name, sql)
			require.NoError(t, err, "%s %s", file, name)
			prepared++
		}
	}
	require.Greater(t, prepared, 25)
}

// queriesOf are a file's constants that are SQL.
func queriesOf(t testing.TB, file string) map[string]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	sql := regexp.MustCompile(`^\s*(select|insert|update|delete|with)\s`)
	found := map[string]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, value := range spec.Values {
			if lit, ok := value.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, err := strconv.Unquote(lit.Value)
				require.NoError(t, err)
				if sql.MatchString(text) {
					found[spec.Names[i].Name] = text
				}
			}
		}
		return true
	})
	return found
}

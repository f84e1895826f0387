package main

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// queries collects the constants named …SQL of a package, put together as Go
// does.
func queries(t testing.TB, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	consts := map[string]ast.Expr{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range file.Decls {
			group, ok := d.(*ast.GenDecl)
			if !ok || group.Tok != token.CONST {
				continue
			}
			for _, s := range group.Specs {
				v := s.(*ast.ValueSpec)
				for i, n := range v.Names {
					if i < len(v.Values) {
						consts[n.Name] = v.Values[i]
					}
				}
			}
		}
	}
	found := map[string]string{}
	for name, value := range consts {
		if strings.HasSuffix(name, "SQL") {
			found[name] = evaluate(t, consts, value)
		}
	}
	return found
}

func evaluate(t testing.TB, consts map[string]ast.Expr, e ast.Expr) string {
	t.Helper()
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		require.NoError(t, err)
		return text
	case *ast.BinaryExpr:
		return evaluate(t, consts, e.X) + evaluate(t, consts, e.Y)
	case *ast.Ident:
		return evaluate(t, consts, consts[e.Name])
	}
	require.Fail(t, "a query of another form", "%T", e)
	return ""
}

func TestEveryQueryFitsTheSchema(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pool := testdb.New(t).Pool(t, "catalog")
	dirs, err := filepath.Glob("internal/*")
	require.NoError(t, err)
	conn, err := pool.Acquire(ctx)
	require.NoError(t, err)
	defer conn.Release()
	prepared := 0
	for _, dir := range dirs {
		for name, sql := range queries(t, dir) {
			if strings.HasPrefix(strings.TrimSpace(sql), "set ") {
				continue
			}
			sql, _, err := pgx.NamedArgs{}.RewriteQuery(ctx, conn.Conn(), sql, nil)
			require.NoError(t, err)
			_, err = conn.Conn().Prepare(ctx, fmt.Sprintf("q%d", prepared), sql)
			require.NoError(t, err, "%s %s", dir, name)
			prepared++
		}
	}
	require.Greater(t, prepared, 60)
}

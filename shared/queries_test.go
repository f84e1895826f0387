package shared_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// query is a SQL constant somewhere in the code.
type query struct {
	where, dir, name, text string
}

// queries reads the SQL constants of all packages that ship.
func queries(t *testing.T) []query {
	t.Helper()
	var all []query
	for _, root := range []string{".", "../functions"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() || d.Name() == "testdata" {
				return err
			}
			found, err := queriesIn(path)
			all = append(all, found...)
			return err
		})
		require.NoError(t, err)
	}
	return all
}

func queriesIn(dir string) ([]query, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	consts := map[string]ast.Expr{}
	at := map[string]token.Pos{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			return nil, err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, id := range spec.Names {
				if i < len(spec.Values) {
					consts[id.Name], at[id.Name] = spec.Values[i], id.Pos()
				}
			}
			return true
		})
	}
	var found []query
	for name, expr := range consts {
		text, ok := evaluate(expr, consts)
		if ok && statement.MatchString(text) {
			found = append(found, query{where: set.Position(at[name]).String(), dir: filepath.ToSlash(dir), name: name, text: text})
		}
	}
	return found, nil
}

// statement recognizes a whole statement; fragments that Go code puts together
// are exercised by the tests of their package.
var statement = regexp.MustCompile(`(?is)^\s*(select|insert\s+into|update|delete\s+from|with|merge\s+into)\s`)

// exported are the parts of statements that other packages take.
var exported = map[string]string{"outbox.Numbers": outbox.Numbers}

func evaluate(e ast.Expr, consts map[string]ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		left, ok1 := evaluate(e.X, consts)
		right, ok2 := evaluate(e.Y, consts)
		return left + right, ok1 && ok2
	case *ast.ParenExpr:
		return evaluate(e.X, consts)
	case *ast.Ident:
		if of, ok := consts[e.Name]; ok {
			return evaluate(of, consts)
		}
	case *ast.SelectorExpr:
		text, ok := exported[fmt.Sprint(e.X, ".", e.Sel.Name)]
		return text, ok
	}
	return "", false
}

func TestEveryQueryPreparesOnTheMigratedSchema(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := testdb.New(t)
	conns := map[string]*pgx.Conn{}
	for _, function := range []string{"catalog", "inventory", "events"} {
		conn, err := pgx.Connect(ctx, db.URL(function)+"&search_path="+function+",public")
		if err != nil {
			conn, err = pgx.Connect(ctx, db.URL(function)+"?search_path="+function+",public")
		}
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close(ctx) })
		conns[function] = conn
	}
	all := queries(t)
	require.Greater(t, len(all), 30, "the search finds the code's queries")
	for i, q := range all {
		function := "events"
		if _, rest, ok := strings.Cut(q.dir, "functions/"); ok {
			function, _, _ = strings.Cut(rest, "/")
		}
		text, _, err := pgx.NamedArgs{}.RewriteQuery(ctx, nil, q.text, nil)
		require.NoError(t, err, q.where)
		_, err = conns[function].Prepare(ctx, fmt.Sprintf("q%d", i), text)
		if fragment(err) {
			continue
		}
		require.NoError(t, err, "%s %s:\n%s", q.where, q.name, q.text)
	}
}

// fragment recognizes the rest of a query that begins in another constant: it
// names a common table, which unlike ours has no schema.
func fragment(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "42P01" && !strings.Contains(pg.Message, ".")
}

// owners is which package's SQL names a table; no other may.
var owners = map[string]string{
	"catalog.attributes":          "functions/catalog/internal/attribute",
	"catalog.categories":          "functions/catalog/internal/category",
	"catalog.category_filters":    "functions/catalog/internal/category",
	"catalog.changes":             "functions/catalog/internal/feed",
	"catalog.changes_under_way":   "functions/catalog/internal/feed",
	"catalog.product_categories":  "functions/catalog/internal/category",
	"catalog.listings":            "functions/catalog/internal/listing",
	"catalog.listing_prices":      "functions/catalog/internal/listing",
	"catalog.listed_products":     "functions/catalog/internal/listing",
	"catalog.listed_categories":   "functions/catalog/internal/listing",
	"catalog.listed_counts":       "functions/catalog/internal/listing",
	"catalog.listed_prices":       "functions/catalog/internal/listing",
	"catalog.terms":               "functions/catalog/internal/listing",
	"catalog.search_documents":    "functions/catalog/internal/search",
	"catalog.search_names":        "functions/catalog/internal/search",
	"catalog.words":               "functions/catalog/internal/search",
	"catalog.prices":              "functions/catalog/internal/price",
	"catalog.old_category_slugs":  "functions/catalog/internal/category",
	"catalog.products":            "functions/catalog/internal/product",
	"catalog.product_pages":       "functions/catalog/internal/product",
	"catalog.category_tree":       "functions/catalog/internal/category",
	"catalog.variants":            "functions/catalog/internal/product",
	"catalog.old_slugs":           "functions/catalog/internal/product",
	"inventory.locations":         "functions/inventory/internal/stock",
	"inventory.stock":             "functions/inventory/internal/stock",
	"inventory.levels":            "functions/inventory/internal/stock",
	"inventory.movements":         "functions/inventory/internal/stock",
	"inventory.reservations":      "functions/inventory/internal/reservation",
	"inventory.reservation_lines": "functions/inventory/internal/reservation",
	"inventory.messages":          "functions/inventory/internal/reservation",
	"events.dead_letters":         "functions/events/internal/deadletter",
	"events.outbox":               "shared/outbox",
	"events.resyncs":              "functions/events/internal/resync",
	"idempotency_keys":            "shared/idempotency",
}

func TestEachTableIsNamedByItsOwnerAlone(t *testing.T) {
	t.Parallel()
	for table := range tables(t) {
		require.NotEmpty(t, owners[table], "%s has an owner", table)
	}
	for _, q := range queries(t) {
		dir := strings.TrimPrefix(q.dir, "../")
		if !strings.HasPrefix(dir, "functions/") {
			dir = "shared/" + dir
		}
		for table, owner := range owners {
			named := regexp.MustCompile(`\b` + regexp.QuoteMeta(table) + `\b`).MatchString(q.text)
			require.False(t, named && dir != owner, "%s names %s, which is %s's", q.where, table, owner)
		}
	}
}

// tables are all that the migrations make.
func tables(t *testing.T) map[string]bool {
	t.Helper()
	rows, err := testdb.New(t).Owner(t).Query(context.Background(), `
		select case when c.relname = 'idempotency_keys' then c.relname else n.nspname || '.' || c.relname end
		from pg_class c
		join pg_namespace n on n.oid = c.relnamespace
		where c.relkind in ('r', 'p')
		  and n.nspname in ('catalog', 'inventory', 'events')`)
	require.NoError(t, err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	all := map[string]bool{}
	for _, name := range names {
		all[name] = true
	}
	return all
}

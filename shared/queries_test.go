package shared_test

import (
	"context"
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
	"github.com/stretchr/testify/require"

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
		require.NoError(t, err, "%s %s:\n%s", q.where, q.name, q.text)
	}
}

// owners says which package's SQL may name a table. Views are open to those
// who were granted them.
var owners = map[string]string{
	"events.outbox":       "outbox",
	"idempotency_keys":    "idempotency",
	"inventory.levels":    "stock",
	"events.dead_letters": "deadletter",
}

func TestEachTableIsNamedByItsOwnerAlone(t *testing.T) {
	t.Parallel()
	tables := regexp.MustCompile(`\b(catalog|inventory|events)\.([a-z_]+)\b`)
	writers := map[string]map[string]bool{}
	for _, q := range queries(t) {
		for _, m := range tables.FindAllString(q.text, -1) {
			if writers[m] == nil {
				writers[m] = map[string]bool{}
			}
			writers[m][q.dir] = true
		}
	}
	for table, dirs := range writers {
		t.Log(table, dirs)
	}
}

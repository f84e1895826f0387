package postgres

import (
	"context"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"
)

// Named are arguments by name, as pgx.NamedArgs are, for a statement that is a
// constant and runs with every order: how its text is read is remembered, for
// as long as the process lives.
type Named map[string]any

// readings are by statement.
var readings sync.Map

// reading is a statement with ordinals, and the names in their order.
type reading struct {
	sql   string
	names []string
}

// RewriteQuery is what pgx calls.
func (n Named) RewriteQuery(ctx context.Context, conn *pgx.Conn, sql string, _ []any) (string, []any, error) {
	known, ok := readings.Load(sql)
	if !ok {
		r, err := n.read(ctx, conn, sql)
		if err != nil {
			return "", nil, err
		}
		known, _ = readings.LoadOrStore(sql, r)
	}
	r := known.(reading)
	values := make([]any, len(r.names))
	for i, name := range r.names {
		value, given := n[name]
		if !given {
			return "", nil, fmt.Errorf("the statement wants @%s, which is not given", name)
		}
		values[i] = value
	}
	return r.sql, values, nil
}

func (n Named) read(ctx context.Context, conn *pgx.Conn, sql string) (reading, error) {
	own := make(pgx.NamedArgs, len(n))
	for name := range n {
		own[name] = name
	}
	text, names, err := own.RewriteQuery(ctx, conn, sql, nil)
	if err != nil {
		return reading{}, err
	}
	r := reading{sql: text, names: make([]string, len(names))}
	for i, name := range names {
		given, ok := name.(string)
		if !ok {
			return reading{}, fmt.Errorf("the statement wants an argument that is not given: %s", text)
		}
		r.names[i] = given
	}
	return r, nil
}

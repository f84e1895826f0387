package category

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/postgres"
)

// Tree keeps the category tree as pages of products show it, for as long as it
// is the one in the database. It is safe for concurrent use.
type Tree struct {
	known   atomic.Pointer[Ways]
	reading sync.Mutex
}

// Ways are the categories of one version of the tree.
type Ways struct {
	version int64
	of      map[string]Way // by id
}

// Way is a category as JSON: its slug, and the breadcrumbs that lead to it.
type Way struct {
	Slug        []byte
	Breadcrumbs []byte
}

// Of is the way to a category; ok is false for one that is no more.
func (w *Ways) Of(id string) (way Way, ok bool) {
	way, ok = w.of[id]
	return way, ok
}

// At is the tree of this version, which the caller has read with what it is
// for, or a later one.
func (t *Tree) At(ctx context.Context, db postgres.DB, version int64) (*Ways, error) {
	if known := t.known.Load(); known != nil && known.version >= version {
		return known, nil
	}
	t.reading.Lock()
	defer t.reading.Unlock()
	if known := t.known.Load(); known != nil && known.version >= version {
		return known, nil
	}
	fresh, err := readWays(ctx, db)
	if err != nil {
		return nil, err
	}
	t.known.Store(fresh)
	return fresh, nil
}

const waysSQL = `
select t.version, c.id, c.slug, c.name, c.parent_id
from catalog.category_tree t
left join catalog.categories c on true`

type node struct {
	ID       uuid.UUID
	Slug     string
	Name     string
	ParentID *uuid.UUID
}

func readWays(ctx context.Context, db postgres.DB) (*Ways, error) {
	rows, err := db.Query(ctx, waysSQL)
	if err != nil {
		return nil, fmt.Errorf("category tree: %w", err)
	}
	w := &Ways{of: map[string]Way{}}
	nodes := map[uuid.UUID]node{}
	var id, parent *uuid.UUID
	var slug, name *string
	_, err = pgx.ForEachRow(rows, []any{&w.version, &id, &slug, &name, &parent}, func() error {
		if id != nil {
			nodes[*id] = node{ID: *id, Slug: *slug, Name: *name, ParentID: parent}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("category tree: %w", err)
	}
	for id, n := range nodes {
		if w.of[id.String()], err = wayTo(n, nodes); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func wayTo(n node, nodes map[uuid.UUID]node) (Way, error) {
	crumbs := []Crumb{{Slug: n.Slug, Name: n.Name}}
	for at := n; at.ParentID != nil; {
		at = nodes[*at.ParentID]
		crumbs = append([]Crumb{{Slug: at.Slug, Name: at.Name}}, crumbs...)
	}
	slug, err := json.Marshal(n.Slug)
	if err != nil {
		return Way{}, fmt.Errorf("way to %s: %w", n.Slug, err)
	}
	b, err := json.Marshal(crumbs)
	if err != nil {
		return Way{}, fmt.Errorf("way to %s: %w", n.Slug, err)
	}
	return Way{Slug: slug, Breadcrumbs: b}, nil
}

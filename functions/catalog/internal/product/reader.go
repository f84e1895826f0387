package product

import (
	"context"
	"sync"

	"github.com/google/uuid"

	"github.com/mallhive/product-service/functions/catalog/internal/category"
	"github.com/mallhive/product-service/functions/catalog/internal/slug"
	"github.com/mallhive/product-service/shared/postgres"
)

const (
	// queriesAtOnce is how many queries for single pages run at a time. Those who
	// come meanwhile share the next: the busier it is, the less a page costs.
	queriesAtOnce = 4
	// pagesAtOnce bounds what one query reads.
	pagesAtOnce = 32
)

// Reader reads pages of products. It is safe for concurrent use.
type Reader struct {
	DB   postgres.DB
	tree category.Tree

	mu      sync.Mutex
	running int
	waiting []*wish
}

// wish is one reader's part in a query.
type wish struct {
	slug  string
	lead  chan []*wish // the wishes of a query that this reader is to run
	done  chan struct{}
	page  Rendered
	found bool
	err   error
}

// Read reads one product by id or slug as a visitor sees it. ok is false when
// there is no page of it: Get then says why, or reads it from its parts.
func (r *Reader) Read(ctx context.Context, ref string) (page Rendered, ok bool, err error) {
	if id, isID := isID(ref); isID {
		pages, err := readPages(ctx, r.DB, &r.tree, pagesByIDSQL, []uuid.UUID{id})
		if err != nil || len(pages) == 0 {
			return page, false, err
		}
		return pages[0], true, nil
	}
	if !slug.Valid(ref) {
		return page, false, nil
	}
	w := &wish{slug: ref}
	if r.begin(w) {
		r.run(ctx, []*wish{w})
		return w.page, w.found, w.err
	}
	select {
	case together := <-w.lead:
		r.run(ctx, together)
	case <-w.done:
	}
	return w.page, w.found, w.err
}

// begin says whether a query may be run at once; otherwise the wish waits.
func (r *Reader) begin(w *wish) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running < queriesAtOnce {
		r.running++
		return true
	}
	w.lead, w.done = make(chan []*wish, 1), make(chan struct{})
	r.waiting = append(r.waiting, w)
	return false
}

// next hands over to one of those who wait.
func (r *Reader) next() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) == 0 {
		r.running--
		return
	}
	n := min(len(r.waiting), pagesAtOnce)
	together := r.waiting[:n:n]
	if r.waiting = r.waiting[n:]; len(r.waiting) == 0 {
		r.waiting = nil
	}
	together[0].lead <- together
}

// run reads the pages that wishes are about. Others share it, so it goes on
// when the caller who runs it leaves.
func (r *Reader) run(ctx context.Context, wishes []*wish) {
	slugs := make([]string, len(wishes))
	for i, w := range wishes {
		slugs[i] = w.slug
	}
	defer func() {
		for _, w := range wishes[1:] {
			close(w.done)
		}
	}()
	defer r.next()
	shared, cancel := unhurried(ctx)
	defer cancel()
	pages, err := readPages(shared, r.DB, &r.tree, pagesBySlugSQL, slugs)
	for _, w := range wishes {
		w.err = err
		for _, p := range pages {
			if p.Slug == w.slug {
				w.page, w.found = p, true
			}
		}
	}
}

// unhurried keeps a context's deadline, but not its caller's leaving.
func unhurried(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, limited := ctx.Deadline()
	ctx = context.WithoutCancel(ctx)
	if !limited {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline)
}

// Pages reads products by id.
func (r *Reader) Pages(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]Rendered, error) {
	pages, err := readPages(ctx, r.DB, &r.tree, pagesByIDSQL, ids)
	if err != nil {
		return nil, err
	}
	byID := make(map[uuid.UUID]Rendered, len(pages))
	for _, p := range pages {
		byID[p.ID] = p
	}
	return byID, nil
}

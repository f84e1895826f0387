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

// Pages reads products that visitors may see, by id. Those without a page are
// read from their parts, whether they may be seen or not.
func (r *Reader) Pages(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]Rendered, error) {
	pages, err := readPages(ctx, r.DB, &r.tree, pagesByIDSQL, ids)
	if err != nil {
		return nil, err
	}
	byID := make(map[uuid.UUID]Rendered, len(ids))
	for _, p := range pages {
		byID[p.ID] = p
	}
	var missing []uuid.UUID
	for _, id := range ids {
		if _, there := byID[id]; !there {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return byID, nil
	}
	documents, err := Documents(ctx, r.DB, missing)
	if err != nil {
		return nil, err
	}
	for id, d := range documents {
		if byID[id], err = d.rendered(); err != nil {
			return nil, err
		}
	}
	return byID, nil
}

// Lookup reads what visitors may see of the products that refs name, each as id,
// then SKU, then slug, in the order asked; missing is the refs that name nothing
// they may see.
func (r *Reader) Lookup(ctx context.Context, refs []string) (found []Rendered, missing []string, err error) {
	ids := make([]*uuid.UUID, len(refs))
	for i, ref := range refs {
		if id, isID := isID(ref); isID {
			ids[i] = &id
		}
	}
	pages, err := readPages(ctx, r.DB, &r.tree, pagesByRefSQL, refs, ids)
	if err != nil {
		return nil, nil, err
	}
	of := make([]*Rendered, len(refs))
	for i := range pages {
		of[pages[i].ordinal-1] = &pages[i]
	}
	if len(pages) < len(refs) {
		if err := r.lookUpParts(ctx, refs, of); err != nil {
			return nil, nil, err
		}
	}
	found, missing = []Rendered{}, []string{}
	for i, p := range of {
		if p == nil {
			missing = append(missing, refs[i])
		} else {
			found = append(found, *p)
		}
	}
	return found, missing, nil
}

// lookUpParts reads what has no page, if visitors may see it, from its parts.
func (r *Reader) lookUpParts(ctx context.Context, refs []string, of []*Rendered) error {
	var at []int
	var rest []string
	for i, p := range of {
		if p == nil {
			at, rest = append(at, i), append(rest, refs[i])
		}
	}
	documents, missing, err := Lookup(ctx, r.DB, rest, false)
	if err != nil {
		return err
	}
	for i, ref := range rest {
		if len(missing) > 0 && missing[0] == ref {
			missing = missing[1:]
			continue
		}
		p, err := documents[0].rendered()
		if err != nil {
			return err
		}
		of[at[i]], documents = &p, documents[1:]
	}
	return nil
}

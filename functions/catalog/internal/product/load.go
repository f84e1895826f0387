package product

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/attribute"
	"github.com/mallhive/product-service/functions/catalog/internal/category"
	"github.com/mallhive/product-service/functions/catalog/internal/price"
)

// stored is what a writer needs to know of a product that exists.
type stored struct {
	ID          uuid.UUID
	ExternalID  *string
	Slug        string
	Status      string
	PublishedAt *time.Time
	Version     int64
	ContentHash []byte
	DeletedAt   *time.Time
}

type storedVariant struct {
	ID        uuid.UUID
	ProductID uuid.UUID
	SKU       string
	RemovedAt *time.Time
}

// scene is everything a set of intents is decided by, read under the locks of
// the products they touch.
type scene struct {
	products   map[uuid.UUID]stored
	byExternal map[string]uuid.UUID
	bySlug     map[string]uuid.UUID // live slugs
	oldSlugs   map[string]bool
	variants   map[string]storedVariant // by SKU
	of         map[uuid.UUID][]uuid.UUID
	categories map[string]uuid.UUID
	attributes map[string]attribute.Attribute
	prices     *price.Book
}

func load(ctx context.Context, tx pgx.Tx, intents []Intent) (*scene, error) {
	s := &scene{
		products: map[uuid.UUID]stored{}, byExternal: map[string]uuid.UUID{}, bySlug: map[string]uuid.UUID{},
		oldSlugs: map[string]bool{}, variants: map[string]storedVariant{}, of: map[uuid.UUID][]uuid.UUID{},
	}
	slugs, codes := named(intents)
	var err error
	// Categories before products: a deletion of a category takes both too.
	if s.categories, err = category.IDs(ctx, tx, slugs); err != nil {
		return nil, err
	}
	if s.attributes, err = attribute.Hold(ctx, tx, codes); err != nil {
		return nil, err
	}
	if err := s.find(ctx, tx, intents); err != nil {
		return nil, err
	}
	if err := s.lock(ctx, tx, intents); err != nil {
		return nil, err
	}
	var variants []uuid.UUID
	for _, v := range s.variants {
		variants = append(variants, v.ID)
	}
	s.prices, err = price.Open(ctx, tx, variants)
	return s, err
}

func named(intents []Intent) (slugs, codes []string) {
	seen := map[string]bool{}
	once := func(list []string, space, name string) []string {
		if seen[space+name] {
			return list
		}
		seen[space+name] = true
		return append(list, name)
	}
	for _, in := range intents {
		for _, slug := range in.Doc.Categories {
			slugs = once(slugs, "c", slug)
		}
		for code := range in.Doc.Attributes {
			codes = once(codes, "a", code)
		}
	}
	return slugs, codes
}

const byExternalSQL = `
select external_id, id
from catalog.products
where external_id = any(@names)`

const bySlugSQL = `
select slug, id
from catalog.products
where slug = any(@names)
    and deleted_at is null`

const oldSlugsSQL = `
select slug, product_id
from catalog.old_slugs
where slug = any(@names)`

const bySKUSQL = `
select id, product_id, sku, removed_at
from catalog.variants
where sku = any(@names)`

// find resolves every name that the intents use, in one round trip.
func (s *scene) find(ctx context.Context, tx pgx.Tx, intents []Intent) error {
	var externals, slugs, skus []string
	for _, in := range intents {
		if in.Doc.ExternalID != nil {
			externals = append(externals, *in.Doc.ExternalID)
		}
		slugs = append(slugs, slugCandidates(in.Doc)...)
		for _, v := range in.Doc.Variants {
			skus = append(skus, v.SKU)
		}
	}
	batch := &pgx.Batch{}
	batch.Queue(byExternalSQL, pgx.NamedArgs{"names": externals}).Query(collectNames(s.byExternal))
	batch.Queue(bySlugSQL, pgx.NamedArgs{"names": slugs}).Query(collectNames(s.bySlug))
	old := map[string]uuid.UUID{}
	batch.Queue(oldSlugsSQL, pgx.NamedArgs{"names": slugs}).Query(collectNames(old))
	batch.Queue(bySKUSQL, pgx.NamedArgs{"names": skus}).Query(s.collectVariants)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("find products: %w", err)
	}
	for slug := range old {
		s.oldSlugs[slug] = true
	}
	return nil
}

func collectNames(into map[string]uuid.UUID) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var name string
		var id uuid.UUID
		_, err := pgx.ForEachRow(rows, []any{&name, &id}, func() error {
			into[name] = id
			return nil
		})
		return err
	}
}

func (s *scene) collectVariants(rows pgx.Rows) error {
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[storedVariant])
	for _, v := range list {
		s.variants[v.SKU] = v
	}
	return err
}

const lockSQL = `
select id, external_id, slug, status, published_at, version, content_hash, deleted_at
from catalog.products
where id = any(@ids)
order by id
for update`

const variantsOfSQL = `
select id, product_id, sku, removed_at
from catalog.variants
where product_id = any(@ids)`

// lock takes the products the intents are about, always in one order, and
// reads their variants.
func (s *scene) lock(ctx context.Context, tx pgx.Tx, intents []Intent) error {
	var ids []uuid.UUID
	for _, in := range intents {
		if id, found := s.identify(in); found {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	batch.Queue(lockSQL, pgx.NamedArgs{"ids": ids}).Query(func(rows pgx.Rows) error {
		list, err := pgx.CollectRows(rows, pgx.RowToStructByName[stored])
		for _, p := range list {
			s.products[p.ID] = p
		}
		return err
	})
	batch.Queue(variantsOfSQL, pgx.NamedArgs{"ids": ids}).Query(s.collectVariants)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("lock products: %w", err)
	}
	return nil
}

// identify is the product an intent is about: the one it names, else by
// external id, else slug, else SKU.
func (s *scene) identify(in Intent) (uuid.UUID, bool) {
	switch {
	case in.Create:
		return uuid.Nil, false
	case in.Target != nil:
		return *in.Target, true
	case in.Doc.ExternalID != nil:
		id, found := s.byExternal[*in.Doc.ExternalID]
		return id, found
	case in.Doc.Slug != "":
		id, found := s.bySlug[in.Doc.Slug]
		return id, found
	}
	for _, v := range in.Doc.Variants {
		if owner, found := s.variants[v.SKU]; found {
			return owner.ProductID, true
		}
	}
	return uuid.Nil, false
}

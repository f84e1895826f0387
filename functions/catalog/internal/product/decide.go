package product

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/mallhive/product-service/functions/catalog/internal/attribute"
	"github.com/mallhive/product-service/functions/catalog/internal/slug"
	"github.com/mallhive/product-service/shared/fault"
)

// plan is what one intent comes to.
type plan struct {
	doc       Document // completed: ids, slug, times
	id        uuid.UUID
	old       *stored
	result    string
	hash      []byte
	places    []uuid.UUID
	positions map[uuid.UUID]int  // of places, those given by hand
	fresh     map[uuid.UUID]bool // variants that have no row yet
	changes   []priceChange
	known     *Memory
	previous  string // slug that now leads here
}

// decide judges one intent alone. taken is the slugs that earlier intents of
// the same write have chosen.
func (s *scene) decide(in Intent, taken map[string]bool) (plan, error) {
	p := plan{doc: in.Doc, known: in.known, fresh: map[uuid.UUID]bool{}}
	id, found := s.identify(in)
	old, exists := s.products[id]
	if found && exists {
		p.id, p.old = id, &old
	}
	if err := s.allowed(in, p.old); err != nil {
		return p, err
	}
	if p.old == nil {
		if p.id = in.New; p.id == uuid.Nil {
			fresh, err := uuid.NewV7()
			if err != nil {
				return p, fmt.Errorf("id of a product: %w", err)
			}
			p.id = fresh
		}
	}
	faults := s.references(in.Doc, &p)
	s.chooseSlug(&faults, &p, taken)
	if p.old == nil || in.Doc.ExternalID != nil {
		s.checkExternal(&faults, in.Doc, p.id)
	} else {
		p.doc.ExternalID = p.old.ExternalID
	}
	if err := s.chooseVariants(&faults, &p); err != nil {
		return p, err
	}
	if len(faults) > 0 {
		return p, refusal(faults)
	}
	return p, s.compare(&p)
}

func (s *scene) allowed(in Intent, old *stored) error {
	switch {
	case in.Target != nil && old == nil:
		return fault.Missing("there is no such product")
	case in.Target != nil && old.DeletedAt != nil:
		return fault.Deleted("the product is deleted")
	case in.Allow == nil:
		return nil
	case old == nil:
		return in.Allow(nil)
	}
	return in.Allow(&old.Version)
}

// refusal is a conflict when something is taken, else invalid input.
func refusal(faults fault.List) error {
	for _, f := range faults {
		if f.Code == "duplicate" {
			e := fault.Clash("duplicate", "another product has it")
			e.Fields = faults
			return e
		}
	}
	return faults.Err()
}

// references resolves categories and checks values against their attributes.
func (s *scene) references(d Document, p *plan) fault.List {
	var faults fault.List
	p.places = []uuid.UUID{}
	for i, name := range d.Categories {
		id, known := s.categories[name]
		if !known {
			faults.Add("/categories/"+strconv.Itoa(i), "unknown_category", "there is no such category")
			continue
		}
		if slices.Contains(p.places, id) {
			faults.Add("/categories/"+strconv.Itoa(i), "repeated", "another of its names stands here already")
			continue
		}
		p.places = append(p.places, id)
	}
	for code, value := range d.Attributes {
		a, known := s.attributes[code]
		switch {
		case !known:
			faults.Add("/attributes/"+escape(code), "unknown_attribute", "there is no such attribute")
		case !fits(a.Type, value):
			faults.Add("/attributes/"+escape(code), "wrong_type", "its values are of type %s", a.Type)
		}
	}
	return faults
}

func fits(typ string, value any) bool {
	switch value.(type) {
	case string, []any:
		return typ == attribute.Text
	case float64:
		return typ == attribute.Number
	case bool:
		return typ == attribute.Boolean
	}
	return false
}

// slugCandidates is the slugs a document may get: its own, or what its name
// and then its first SKU make.
func slugCandidates(d Document) []string {
	if d.Slug != "" {
		return []string{d.Slug}
	}
	base := slug.From(d.Name)
	if base == "" {
		base = "product"
	}
	if len(d.Variants) == 0 {
		return []string{base}
	}
	return []string{base, base + "-" + slug.From(d.Variants[0].SKU)}
}

func (s *scene) chooseSlug(faults *fault.List, p *plan, taken map[string]bool) {
	named := p.doc.Slug != ""
	if !named && p.old != nil && p.old.DeletedAt == nil {
		p.doc.Slug = p.old.Slug
		return
	}
	free := func(candidate string) bool {
		owner, live := s.bySlug[candidate]
		return !taken[candidate] && (!live || owner == p.id) && (named || !s.oldSlugs[candidate]) && slug.Valid(candidate)
	}
	candidates := slugCandidates(p.doc)
	if named && !free(p.doc.Slug) {
		faults.Add("/slug", "duplicate", "another product has this slug")
		return
	}
	p.doc.Slug = candidates[0] + "-" + p.id.String()[24:]
	for _, c := range candidates {
		if free(c) {
			p.doc.Slug = c
			break
		}
	}
	taken[p.doc.Slug] = true
	if p.old != nil && p.old.DeletedAt == nil && p.old.Slug != p.doc.Slug {
		p.previous = p.old.Slug
	}
}

func (s *scene) checkExternal(faults *fault.List, d Document, id uuid.UUID) {
	if d.ExternalID == nil {
		return
	}
	if owner, found := s.byExternal[*d.ExternalID]; found && owner != id {
		faults.Add("/external_id", "duplicate", "another product has it")
	}
}

// chooseVariants gives every variant its id and finds the prices that change.
func (s *scene) chooseVariants(faults *fault.List, p *plan) error {
	p.doc.Variants = append([]Variant(nil), p.doc.Variants...)
	for i := range p.doc.Variants {
		v := &p.doc.Variants[i]
		old, exists := s.variants[v.SKU]
		if exists && old.ProductID != p.id {
			faults.Add("/variants/"+strconv.Itoa(i)+"/sku", "duplicate", "it belongs to another product for ever")
			continue
		}
		id := old.ID
		if !exists {
			fresh, err := uuid.NewV7()
			if err != nil {
				return fmt.Errorf("id of a variant: %w", err)
			}
			id = fresh
			p.fresh[id] = true
		}
		v.ID = &id
		for _, wanted := range v.AllPrices() {
			if !s.costs(id, wanted) {
				p.changes = append(p.changes, priceChange{variant: id, price: wanted})
			}
		}
	}
	return nil
}

// compare says whether the plan changes anything.
func (s *scene) compare(p *plan) error {
	if p.doc.PublishedAt == nil && p.old != nil {
		p.doc.PublishedAt = p.old.PublishedAt
	}
	if p.doc.PublishedAt == nil && p.doc.Status == Active {
		at := s.prices.At.UTC().Truncate(time.Microsecond)
		if p.doc.PublishAt != nil && p.doc.PublishAt.After(at) {
			at = *p.doc.PublishAt
		}
		p.doc.PublishedAt = &at
	}
	var err error
	if p.hash, err = contentHash(p.doc, p.places); err != nil {
		return err
	}
	switch {
	case p.old == nil:
		p.result = "created"
	case p.old.DeletedAt == nil && len(p.changes) == 0 && string(p.hash) == string(p.old.ContentHash):
		p.result = "unchanged"
	default:
		p.result = "updated"
	}
	return nil
}

// contentHash is of everything a document says but its prices and what is
// ours. Categories count by their ids: one that is renamed changes no product.
func contentHash(d Document, places []uuid.UUID) ([]byte, error) {
	variants := make([]Variant, len(d.Variants))
	for i, v := range d.Variants {
		v.ID, v.Price, v.CompareAt, v.Prices, v.Availability = nil, nil, nil, nil, ""
		variants[i] = v
	}
	d.Variants, d.Categories = variants, make([]string, len(places))
	for i, id := range places {
		d.Categories[i] = id.String()
	}
	d.ID, d.Version, d.CreatedAt, d.UpdatedAt = nil, 0, nil, nil
	d.Breadcrumbs, d.Price, d.CompareAt = nil, nil, nil
	b, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("hash of a product: %w", err)
	}
	sum := sha256.Sum256(b)
	return sum[:16], nil
}

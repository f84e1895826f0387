// Package category is the tree that products are found in, each category's
// filter list, and which product stands in which category and where. It owns
// catalog.categories, catalog.category_filters, catalog.old_category_slugs and
// catalog.product_categories.
package category

import (
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/mallhive/product-service/functions/catalog/internal/slug"
	"github.com/mallhive/product-service/functions/catalog/internal/text"
	"github.com/mallhive/product-service/shared/fault"
)

const (
	// maxFilters bounds a category's own filter list.
	maxFilters  = 50
	maxPosition = 1_000_000_000 // room above it, so that siblings can be shifted
	// MaxDepth is how many levels the tree may have.
	MaxDepth = 20
)

// Category is one node of the tree as it is written, imported and read back.
// What is marked readOnly is ours: it may stand in what is sent and is ignored
// there.
type Category struct {
	ID          uuid.UUID `json:"id" required:"false" readOnly:"true"`
	Slug        string    `json:"slug" required:"false" maxLength:"200" doc:"Name in addresses; derived from the name when missing. A slug it had before leads here" example:"toner"`
	Name        string    `json:"name" minLength:"1" maxLength:"200" example:"Toner cartridges"`
	Parent      *string   `json:"parent" required:"false" doc:"Slug of the category above; null at the top. The tree has at most 20 levels" example:"printing"`
	Description string    `json:"description" required:"false" maxLength:"20000" doc:"Text; HTML in it is data, escape it when you show it" example:"Cartridges and bottles"`
	Position    int32     `json:"position" required:"false" minimum:"0" maximum:"1000000000" doc:"Order among its siblings, smallest first; then by name"`
	Filters     []string  `json:"filters" required:"false" nullable:"false" maxItems:"50" doc:"Filters of its listing page besides those it inherits, in order: attribute codes, brand, price" example:"[\"brand\",\"price\",\"colour\"]"`
	Version     int64     `json:"version" required:"false" readOnly:"true"`
	CreatedAt   time.Time `json:"created_at" required:"false" readOnly:"true"`
	UpdatedAt   time.Time `json:"updated_at" required:"false" readOnly:"true"`
	Breadcrumbs []Crumb   `json:"breadcrumbs,omitempty" nullable:"false" readOnly:"true" doc:"The way from the top of the tree to this category"`
}

// Stored is a category that is read back.
type Stored = Category

// Normalise fills what may be left out.
func (c Category) Normalise() Category {
	if c.Slug == "" {
		c.Slug = slug.From(c.Name)
	}
	if c.Filters == nil {
		c.Filters = []string{}
	}
	return c
}

// Check finds every fault that needs no look at other categories.
func (c Category) Check() fault.List {
	var faults fault.List
	if c.Slug == "" {
		faults.Add("/slug", "required", "the name gives none")
	} else {
		slug.Check(&faults, "/slug", c.Slug)
	}
	text.Check(&faults, "/name", c.Name, 1, 200)
	text.Check(&faults, "/description", c.Description, 0, 20000)
	if c.Position < 0 || c.Position > maxPosition {
		faults.Add("/position", "out_of_range", "0 to %d", maxPosition)
	}
	if c.Parent != nil && *c.Parent == c.Slug {
		faults.Add("/parent", "cycle", "a category does not stand below itself")
	}
	checkFilters(&faults, c.Filters)
	return faults
}

func checkFilters(faults *fault.List, filters []string) {
	if len(filters) > maxFilters {
		faults.Add("/filters", "too_many", "at most %d", maxFilters)
	}
	seen := map[string]bool{}
	for i, f := range filters {
		at := "/filters/" + strconv.Itoa(i)
		text.Check(faults, at, f, 1, 100)
		if seen[f] {
			faults.Add(at, "duplicate", "named twice")
		}
		seen[f] = true
	}
}

func (c Category) same(s Category) bool {
	return c.Slug == s.Slug && c.Name == s.Name && equal(c.Parent, s.Parent) && c.Description == s.Description &&
		c.Position == s.Position && slices.Equal(c.Filters, s.Filters)
}

func equal(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }

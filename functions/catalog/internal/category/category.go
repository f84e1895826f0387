// Package category is the tree that products are found in, each category's
// filter list, and which product stands in which category. It owns
// catalog.categories, catalog.category_filters and catalog.product_categories.
package category

import (
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mallhive/product-service/functions/catalog/internal/slug"
	"github.com/mallhive/product-service/functions/catalog/internal/text"
	"github.com/mallhive/product-service/shared/fault"
)

// maxFilters bounds a category's own filter list.
const maxFilters = 50

// Category is one node of the tree as it is written.
type Category struct {
	Slug        string   `json:"slug,omitempty" maxLength:"200" doc:"Name in addresses; derived from the name when missing" example:"toner"`
	Name        string   `json:"name" minLength:"1" maxLength:"200" example:"Toner cartridges"`
	Parent      *string  `json:"parent,omitempty" doc:"Slug of the category above; null at the top" example:"printing"`
	Description string   `json:"description,omitempty" maxLength:"20000"`
	Position    int32    `json:"position,omitempty" minimum:"0" doc:"Order among its siblings"`
	Filters     []string `json:"filters,omitempty" nullable:"false" maxItems:"50" doc:"Filters of its listing page, in order: attribute codes, brand, price" example:"[\"brand\",\"price\",\"colour\"]"`
}

// Stored is a category as it is read back.
type Stored struct {
	ID          uuid.UUID `json:"id"`
	Slug        string    `json:"slug"`
	Name        string    `json:"name"`
	Parent      *string   `json:"parent"`
	Description string    `json:"description"`
	Position    int32     `json:"position"`
	Filters     []string  `json:"filters" nullable:"false"`
	Version     int64     `json:"version"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

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
	slug.Check(&faults, "/slug", c.Slug)
	text.Check(&faults, "/name", c.Name, 1, 200)
	text.Check(&faults, "/description", c.Description, 0, 20000)
	if c.Position < 0 {
		faults.Add("/position", "out_of_range", "0 or more")
	}
	if c.Parent != nil && *c.Parent == c.Slug {
		faults.Add("/parent", "cycle", "a category does not stand below itself")
	}
	if len(c.Filters) > maxFilters {
		faults.Add("/filters", "too_many", "at most %d", maxFilters)
	}
	seen := map[string]bool{}
	for i, f := range c.Filters {
		text.Check(&faults, "/filters/"+strconv.Itoa(i), f, 1, 100)
		if seen[f] {
			faults.Add("/filters/"+strconv.Itoa(i), "duplicate", "named twice")
		}
		seen[f] = true
	}
	return faults
}

func (c Category) same(s Stored) bool {
	parent := func(p *string) string {
		if p == nil {
			return ""
		}
		return *p
	}
	return c.Slug == s.Slug && c.Name == s.Name && parent(c.Parent) == parent(s.Parent) && c.Description == s.Description &&
		c.Position == s.Position && strings.Join(c.Filters, " ") == strings.Join(s.Filters, " ")
}

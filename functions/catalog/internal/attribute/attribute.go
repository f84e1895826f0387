// Package attribute is the typed facts that products may state: what codes
// exist, what type their values have and which may be filtered by. It owns
// catalog.attributes.
package attribute

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/text"
	"github.com/mallhive/product-service/shared/fault"
)

// The types of values.
const (
	Text    = "text"
	Number  = "number"
	Boolean = "boolean"
)

// Attribute is one kind of fact, as it is written, imported and read back. What
// is marked readOnly is ours: it may stand in what is sent and is ignored there.
type Attribute struct {
	Code       string    `json:"code" pattern:"^[a-z0-9_]{1,100}$" doc:"Stable name, used in documents and as attr.CODE in filters; brand and price are taken" example:"screen_size"`
	Name       string    `json:"name" minLength:"1" maxLength:"200" doc:"What a shopper reads" example:"Screen size"`
	Type       string    `json:"type" enum:"text,number,boolean" doc:"Type of its values; a text attribute may hold a list. Fixed while a product has a value" example:"number"`
	Unit       *string   `json:"unit" required:"false" maxLength:"50" doc:"Unit of a number, as a shopper reads it" example:"inch"`
	Filterable bool      `json:"filterable" required:"false" doc:"Whether listings may filter and count by it" example:"true"`
	Version    int64     `json:"version" required:"false" readOnly:"true"`
	CreatedAt  time.Time `json:"created_at" required:"false" readOnly:"true"`
	UpdatedAt  time.Time `json:"updated_at" required:"false" readOnly:"true"`
}

// Stored is an attribute that is read back.
type Stored = Attribute

// Check finds every fault of the attribute.
func (a Attribute) Check() fault.List {
	var faults fault.List
	switch {
	case !validCode(a.Code):
		faults.Add("/code", "pattern", "1 to 100 of a-z, 0-9 and _")
	case a.Code == "brand" || a.Code == "price":
		faults.Add("/code", "reserved", "%s is not an attribute: every product has it", a.Code)
	}
	text.Check(&faults, "/name", a.Name, 1, 200)
	if a.Type != Text && a.Type != Number && a.Type != Boolean {
		faults.Add("/type", "not_allowed", "text, number or boolean")
	}
	if a.Unit != nil {
		text.Check(&faults, "/unit", *a.Unit, 0, 50)
	}
	return faults
}

func validCode(code string) bool {
	return len(code) >= 1 && len(code) <= 100 && strings.Trim(code, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// same reports whether writing b over a would change nothing.
func (a Attribute) same(b Attribute) bool {
	unit := func(u *string) string {
		if u == nil {
			return ""
		}
		return *u
	}
	return a.Code == b.Code && a.Name == b.Name && a.Type == b.Type && a.Filterable == b.Filterable && unit(a.Unit) == unit(b.Unit)
}

// InUse tells which of the codes have a value in some product.
type InUse func(ctx context.Context, tx pgx.Tx, codes []string) (map[string]bool, error)

package web

import (
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mallhive/product-service/shared/fault"
)

// Validate checks a decoded JSON value against a schema as bodies of
// operations are checked: for rows of a stream, which huma does not read. It
// tells no more faults than an answer holds. A member that is null counts as
// one that is missing, as it does for encoding/json; value is changed by that.
func Validate(registry huma.Registry, schema *huma.Schema, value any) fault.List {
	value = trimmed(registry, schema, value)
	var result huma.ValidateResult
	path := huma.NewPathBuffer(make([]byte, 0, 128), 0)
	path.Push("body")
	huma.Validate(registry, schema, path, huma.ModeWriteToServer, value, &result)
	var faults fault.List
	for _, err := range result.Errors[:min(len(result.Errors), maxErrors)] {
		var d huma.ErrorDetailer
		if errors.As(err, &d) {
			faults = append(faults, fieldOf(d.ErrorDetail()))
		}
	}
	return faults
}

// maxUnknown is how many members that a schema does not have are told.
const maxUnknown = 100

// trimmed cuts off what is more than anybody reads faults of: a megabyte can
// hold so many that telling them all would take a second.
func trimmed(registry huma.Registry, schema *huma.Schema, value any) any {
	if schema != nil && schema.Ref != "" {
		schema = registry.SchemaFromRef(schema.Ref)
	}
	if schema == nil {
		return value
	}
	switch v := value.(type) {
	case []any:
		most := maxErrors
		if schema.MaxItems != nil {
			most = *schema.MaxItems + 1
		}
		v = v[:min(len(v), most)]
		for i := range v {
			v[i] = trimmed(registry, schema.Items, v[i])
		}
		return v
	case map[string]any:
		trimObject(registry, schema, v)
	}
	return value
}

func trimObject(registry huma.Registry, schema *huma.Schema, object map[string]any) {
	others, _ := schema.AdditionalProperties.(*huma.Schema)
	unknown := 0
	for name, member := range object {
		p, known := schema.Properties[name]
		switch {
		case known && member == nil && !p.Nullable:
			delete(object, name)
		case known:
			object[name] = trimmed(registry, p, member)
		case others == nil && unknown == maxUnknown, unknown == maxErrors:
			delete(object, name)
		default:
			object[name] = trimmed(registry, others, member)
			unknown++
		}
	}
}

// TakesForm refuses the body of a plain handler that is in a form its
// operation does not declare.
func TakesForm(r *http.Request, op *huma.Operation) error { return readable(r, op) }

package web

import (
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mallhive/product-service/shared/fault"
)

// Validate checks a decoded JSON value against a schema as bodies of
// operations are checked: for rows of a stream, which huma does not read. It
// tells no more faults than an answer holds.
func Validate(registry huma.Registry, schema *huma.Schema, value any) fault.List {
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

// TakesForm refuses the body of a plain handler that is in a form its
// operation does not declare.
func TakesForm(r *http.Request, op *huma.Operation) error { return readable(r, op) }

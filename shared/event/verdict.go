package event

import (
	"context"
	"errors"
	"net/http"

	"github.com/mallhive/product-service/shared/fault"
)

type verdict struct {
	status int
	retry  bool
}

// verdictOf is the one table from fault kind to the answer of a delivery.
// Knative retries 5xx, 404, 408, 409 and 429, and nothing else: so whatever is
// final is a 400 or a 422, and whatever passes a 503.
func verdictOf(f *fault.Error) verdict {
	switch {
	case f.Code == "too_large":
		return verdict{http.StatusRequestEntityTooLarge, false}
	case f.Kind == fault.Internal && errors.Is(f.Cause, context.Canceled):
		return verdict{http.StatusServiceUnavailable, true}
	}
	switch f.Kind {
	case fault.Malformed:
		return verdict{http.StatusBadRequest, false}
	case fault.Invalid, fault.NotFound, fault.Gone, fault.Conflict, fault.Precondition:
		return verdict{http.StatusUnprocessableEntity, false}
	case fault.Unauthenticated:
		return verdict{http.StatusUnauthorized, false}
	case fault.Denied:
		return verdict{http.StatusForbidden, false}
	case fault.Unavailable:
		return verdict{http.StatusServiceUnavailable, true}
	default:
		return verdict{http.StatusInternalServerError, false}
	}
}

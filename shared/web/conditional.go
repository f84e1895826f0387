package web

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/mallhive/product-service/shared/fault"
)

// PublicCache is the Cache-Control of answers that are the same for everybody.
const PublicCache = "public, max-age=1, stale-while-revalidate=5, stale-if-error=300"

// PrivateCache is the Cache-Control of answers that depend on the caller; they
// carry Vary: Authorization too.
const PrivateCache = "private, no-store"

// ETag names a representation: the version, which If-Match compares, and a
// hash of the body, which changes also with time and stock.
func ETag(version int64, representation any) string {
	sum := sha256.New()
	_ = json.NewEncoder(sum).Encode(representation)
	return fmt.Sprintf(`"%d.%s"`, version, hex.EncodeToString(sum.Sum(nil)[:8]))
}

// NotModified reports whether If-None-Match names this ETag.
func NotModified(ifNoneMatch, etag string) bool {
	if strings.TrimSpace(ifNoneMatch) == "*" {
		return true
	}
	for part := range strings.SplitSeq(ifNoneMatch, ",") {
		if opaque(part) == opaque(etag) && opaque(part) != "" {
			return true
		}
	}
	return false
}

// IfMatch compares the version of a required If-Match: 428 when it is missing,
// 412 when it names another version.
func IfMatch(header string, version int64) error {
	if strings.TrimSpace(header) == "" {
		return newProblem(http.StatusPreconditionRequired, "if_match_required", "a change of something that exists needs If-Match with its ETag")
	}
	if strings.TrimSpace(header) == "*" {
		return nil
	}
	for part := range strings.SplitSeq(header, ",") {
		v, _, _ := strings.Cut(opaque(part), ".")
		if v == strconv.FormatInt(version, 10) {
			return nil
		}
	}
	return fault.Stale("it has been changed since; read it again")
}

// Expectation is what a PUT demands of the present state.
type Expectation struct {
	ifMatch     string
	ifNoneMatch string
}

// Expect reads If-Match and If-None-Match of a PUT.
func Expect(ifMatch, ifNoneMatch string) Expectation {
	return Expectation{ifMatch: ifMatch, ifNoneMatch: strings.TrimSpace(ifNoneMatch)}
}

// Create checks that nothing is there yet is what the caller expects.
func (e Expectation) Create() error {
	if strings.TrimSpace(e.ifMatch) != "" {
		return fault.Stale("there is nothing with this name to change")
	}
	return nil
}

// Change checks that the caller expects the version that is there.
func (e Expectation) Change(version int64) error {
	if e.ifNoneMatch == "*" {
		return fault.New(fault.Precondition, "exists", "it exists already")
	}
	return IfMatch(e.ifMatch, version)
}

// opaque strips what may stand around an ETag's value: W/, quotes, and the
// suffix that compression adds.
func opaque(tag string) string {
	tag = strings.TrimSpace(tag)
	tag = strings.TrimPrefix(tag, "W/")
	tag = strings.Trim(tag, `"`)
	return strings.TrimSuffix(tag, "-gzip")
}

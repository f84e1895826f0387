package listing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/attribute"
	"github.com/mallhive/product-service/shared/postgres"
)

// BadCode is a filter that cannot be applied.
type BadCode struct{ Code, Fault, Detail string }

const optionsSQL = `
select c.code
from unnest(@codes::text[]) as c (code)
where exists (select from catalog.terms t where t.code = c.code)`

// CheckCodes finds filters by codes that are neither a filterable attribute
// nor an option of some variant, and ranges of what is no number. Numbers are
// brought into the form that values are compared in.
func CheckCodes(ctx context.Context, db postgres.DB, q Query) ([]BadCode, error) {
	codes := append(sortedKeys(q.Values), sortedKeys(q.Ranges)...)
	definitions, err := attribute.Definitions(ctx, db, codes)
	if err != nil {
		return nil, err
	}
	var others []string
	var bad []BadCode
	for _, code := range codes {
		a, exists := definitions[code]
		_, ranged := q.Ranges[code]
		switch {
		case !exists && ranged:
			bad = append(bad, BadCode{code, "unknown_attribute", "there is no such attribute"})
		case !exists:
			others = append(others, code)
		case !a.Filterable:
			bad = append(bad, BadCode{code, "not_filterable", "this attribute is not filterable"})
		case ranged && a.Type != attribute.Number:
			bad = append(bad, BadCode{code, "wrong_type", "only numbers have a range"})
		case a.Type == attribute.Number:
			for i, v := range q.Values[code] {
				q.Values[code][i] = sameNumber(v)
			}
		}
	}
	unknown, err := neverUsed(ctx, db, others)
	for _, code := range unknown {
		bad = append(bad, BadCode{code, "unknown_attribute", "there is no such attribute"})
	}
	return bad, err
}

func neverUsed(ctx context.Context, db postgres.DB, codes []string) ([]string, error) {
	if len(codes) == 0 {
		return nil, nil
	}
	sent := slices.DeleteFunc(slices.Clone(codes), func(c string) bool {
		return strings.IndexByte(c, 0) >= 0 || !utf8.ValidString(c)
	})
	rows, err := db.Query(ctx, optionsSQL, pgx.NamedArgs{"codes": sent})
	if err != nil {
		return nil, fmt.Errorf("codes of options: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("codes of options: %w", err)
	}
	used := map[string]bool{}
	for _, code := range list {
		used[code] = true
	}
	var unknown []string
	for _, code := range codes {
		if !used[code] {
			unknown = append(unknown, code)
		}
	}
	return unknown, nil
}

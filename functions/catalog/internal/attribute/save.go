package attribute

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/fault"
)

// Outcome is what became of one attribute: created, updated or unchanged, or a
// fault that concerns it alone.
type Outcome struct {
	Result string
	Fault  error
}

const lockSQL = `
select code, name, type, unit, filterable, version, created_at, updated_at
from catalog.attributes
where code = any(@codes)
order by code
for update`

const insertSQL = `
insert into catalog.attributes (code, name, type, unit, filterable)
select code, name, type, unit, coalesce(filterable, false)
from json_to_recordset(@rows) as r (code text, name text, type text, unit text, filterable boolean)
order by code`

const updateSQL = `
update catalog.attributes a
set name = r.name,
    type = r.type,
    unit = r.unit,
    filterable = coalesce(r.filterable, false),
    version = a.version + 1,
    updated_at = now()
from json_to_recordset(@rows) as r (code text, name text, type text, unit text, filterable boolean)
where a.code = r.code`

// SaveAll writes attributes of different codes, each judged alone. Another
// writer who creates one of them meanwhile makes it a unique violation. allow is
// asked with the version of what exists, nil when nothing does.
func SaveAll(ctx context.Context, tx pgx.Tx, list []Attribute, allow func(i int, current *int64) error, used InUse) ([]Outcome, error) {
	outcomes := make([]Outcome, len(list))
	stored, err := lock(ctx, tx, list)
	if err != nil {
		return nil, err
	}
	fixed, err := fixedTypes(ctx, tx, list, stored, used)
	if err != nil {
		return nil, err
	}
	var create, change []Attribute
	for i, a := range list {
		outcomes[i] = decide(a, stored, fixed, func(v *int64) error { return allow(i, v) })
		switch outcomes[i].Result {
		case "created":
			create = append(create, a)
		case "updated":
			change = append(change, a)
		}
	}
	if err := write(ctx, tx, insertSQL, create); err != nil {
		return nil, err
	}
	return outcomes, write(ctx, tx, updateSQL, change)
}

func write(ctx context.Context, tx pgx.Tx, sql string, list []Attribute) error {
	if len(list) == 0 {
		return nil
	}
	rows, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("save attributes: %w", err)
	}
	if _, err := tx.Exec(ctx, sql, pgx.NamedArgs{"rows": string(rows)}); err != nil {
		return fmt.Errorf("save attributes: %w", err)
	}
	return nil
}

func lock(ctx context.Context, tx pgx.Tx, list []Attribute) (map[string]Attribute, error) {
	codes := make([]string, len(list))
	for i, a := range list {
		codes[i] = a.Code
	}
	rows, err := tx.Query(ctx, lockSQL, pgx.NamedArgs{"codes": codes})
	if err != nil {
		return nil, fmt.Errorf("lock attributes: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[Attribute])
	if err != nil {
		return nil, fmt.Errorf("lock attributes: %w", err)
	}
	stored := make(map[string]Attribute, len(found))
	for _, a := range found {
		stored[a.Code] = a
	}
	return stored, nil
}

// fixedTypes is the codes whose type would change although values exist.
func fixedTypes(ctx context.Context, tx pgx.Tx, list []Attribute, stored map[string]Attribute, used InUse) (map[string]bool, error) {
	var changing []string
	for _, a := range list {
		if old, exists := stored[a.Code]; exists && old.Type != a.Type {
			changing = append(changing, a.Code)
		}
	}
	if len(changing) == 0 {
		return nil, nil
	}
	if _, err := tx.Exec(ctx, claimSQL); err != nil {
		return nil, fmt.Errorf("claim attributes: %w", err)
	}
	return used(ctx, tx, changing)
}

func decide(a Attribute, stored map[string]Attribute, fixed map[string]bool, allow func(*int64) error) Outcome {
	old, exists := stored[a.Code]
	var version *int64
	if exists {
		version = &old.Version
	}
	if err := allow(version); err != nil {
		return Outcome{Fault: err}
	}
	switch {
	case !exists:
		return Outcome{Result: "created"}
	case old.same(a):
		return Outcome{Result: "unchanged"}
	case fixed[a.Code]:
		f := fault.Clash("type_in_use", "products have values of type %s", old.Type)
		f.Fields = []fault.Field{fault.At("/type", "in_use", "products have values of type %s", old.Type)}
		return Outcome{Fault: f}
	}
	return Outcome{Result: "updated"}
}

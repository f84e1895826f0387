package stock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// Location is where stock lies. A lock takes from the lowest priority first,
// then by code.
type Location struct {
	Code      string
	Name      string
	Priority  int32
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

const listLocations = `
	select code, name, priority, version, created_at, updated_at
	from inventory.locations
	order by priority, code`

// Locations lists all of them, in the order in which locks take from them.
func Locations(ctx context.Context, db postgres.DB) ([]Location, error) {
	rows, err := db.Query(ctx, listLocations)
	if err != nil {
		return nil, fmt.Errorf("list locations: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[Location])
	if err != nil {
		return nil, fmt.Errorf("list locations: %w", err)
	}
	return found, nil
}

const oneLocation = `
	select code, name, priority, version, created_at, updated_at
	from inventory.locations
	where code = @code`

// LocationOf finds a location by its code.
func LocationOf(ctx context.Context, db postgres.DB, code string) (Location, error) {
	if !ValidID(code) {
		return Location{}, fault.Missing("no location has this code")
	}
	rows, err := db.Query(ctx, oneLocation, pgx.NamedArgs{"code": code})
	if err != nil {
		return Location{}, fmt.Errorf("read location: %w", err)
	}
	l, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Location])
	if errors.Is(err, pgx.ErrNoRows) {
		return Location{}, fault.Missing("no location has this code")
	}
	if err != nil {
		return Location{}, fmt.Errorf("read location: %w", err)
	}
	return l, nil
}

const insertLocation = `
	insert into inventory.locations (code, name, priority)
	values (@code, @name, @priority)
	on conflict do nothing
	returning code, name, priority, version, created_at, updated_at`

// CreateLocation makes a location; one that is there already is a fault of
// kind Precondition.
func CreateLocation(ctx context.Context, db postgres.DB, l Location) (Location, error) {
	if !ValidID(l.Code) {
		return Location{}, fault.InvalidInput(fault.Field{
			Pointer: "/code", In: "path", Code: "format", Detail: "takes 1 to 64 characters of A-Z a-z 0-9 . _ ~ -",
		})
	}
	rows, err := db.Query(ctx, insertLocation, pgx.NamedArgs{"code": l.Code, "name": l.Name, "priority": l.Priority})
	if err != nil {
		return Location{}, fmt.Errorf("create location: %w", err)
	}
	made, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Location])
	if errors.Is(err, pgx.ErrNoRows) {
		return Location{}, fault.Stale("this location exists")
	}
	if err != nil {
		return Location{}, fmt.Errorf("create location: %w", err)
	}
	return made, nil
}

const updateLocation = `
	update inventory.locations
	set name = @name, priority = @priority, version = version + 1, updated_at = now()
	where code = @code
		and version = @version
	returning code, name, priority, version, created_at, updated_at`

// ReplaceLocation changes the location that still has l's version; another
// version is a fault of kind Precondition.
func ReplaceLocation(ctx context.Context, db postgres.DB, l Location) (Location, error) {
	rows, err := db.Query(ctx, updateLocation, pgx.NamedArgs{
		"code": l.Code, "name": l.Name, "priority": l.Priority, "version": l.Version,
	})
	if err != nil {
		return Location{}, fmt.Errorf("replace location: %w", err)
	}
	replaced, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Location])
	if errors.Is(err, pgx.ErrNoRows) {
		return Location{}, fault.Stale("the location was changed meanwhile")
	}
	if err != nil {
		return Location{}, fmt.Errorf("replace location: %w", err)
	}
	return replaced, nil
}

func codes(ctx context.Context, db postgres.DB) (map[string]bool, error) {
	all, err := Locations(ctx, db)
	known := make(map[string]bool, len(all))
	for _, l := range all {
		known[l.Code] = true
	}
	return known, err
}

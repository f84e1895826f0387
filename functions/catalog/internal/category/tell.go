package category

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
)

// tell is the end of every write of categories: it appends those with these
// slugs, as they are now, to the outbox.
func tell(ctx context.Context, tx pgx.Tx, change string, slugs ...string) error {
	if len(slugs) == 0 {
		return nil
	}
	changed, err := read(ctx, tx, slugs)
	if err != nil {
		return err
	}
	events := make([]event.Event, len(changed))
	for i, c := range changed {
		if events[i], err = changedEvent(c, change); err != nil {
			return err
		}
	}
	return outbox.Append(ctx, tx, events...)
}

func changedEvent(c Category, change string) (event.Event, error) {
	data := event.CategoryData{ID: c.ID.String(), Change: change, Slug: c.Slug, Name: c.Name, Parent: c.Parent}
	if change != "deleted" {
		document, err := json.Marshal(c)
		if err != nil {
			return event.Event{}, fmt.Errorf("event of category %s: %w", c.Slug, err)
		}
		data.Document = document
	}
	return event.New(event.CategoryChanged, event.FromCatalog, data.ID, data)
}

// tellDeleted appends that a category is gone.
func tellDeleted(ctx context.Context, tx pgx.Tx, old Category) error {
	e, err := changedEvent(old, "deleted")
	if err != nil {
		return err
	}
	return outbox.Append(ctx, tx, e)
}

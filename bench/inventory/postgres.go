package main

import (
	"context"
	"fmt"

	"github.com/mallhive/product-service/bench/drive"
)

// database is the server, with what orders have left in it.
type database struct{ *drive.Postgres }

// rows are what orders of a window have left in the tables of a schema.
type rows struct {
	locked, rejected, others int64
	lines, movements         int64
	transactions             int64 // that decided them
}

const countRows = `
select
	count(*) filter (where state = 'locked'),
	count(*) filter (where state = 'rejected'),
	count(*) filter (where state not in ('locked', 'rejected')),
	(select count(*) from %[1]s.reservation_lines where order_id >= $1 and order_id < $2 and held = 1),
	(select count(*) from %[1]s.movements where request >= $1 and request < $2 and kind = 'reserve'),
	count(distinct xmin::text)
from %[1]s.reservations
where order_id >= $1 and order_id < $2`

func (d database) find(ctx context.Context, schema, window string) (rows, error) {
	var r rows
	err := d.Conn.QueryRow(ctx, fmt.Sprintf(countRows, schema), window+"-", window+".").
		Scan(&r.locked, &r.rejected, &r.others, &r.lines, &r.movements, &r.transactions)
	if err != nil {
		return r, fmt.Errorf("count what %s left: %w", window, err)
	}
	return r, nil
}

const bookSQL = `
select coalesce(sum(l.reserved), 0)::bigint, coalesce(sum(r.held), 0)::bigint
from reference.levels l
full join (select sku, location, sum(held) as held from reference.reservation_lines group by sku, location) r using (sku, location)`

// auditReference makes sure that the reference has kept its books too.
func (d database) auditReference(ctx context.Context) error {
	var reserved, held int64
	if err := d.Conn.QueryRow(ctx, bookSQL).Scan(&reserved, &held); err != nil {
		return err
	}
	if reserved != held {
		return fmt.Errorf("the reference has %d reserved and %d held", reserved, held)
	}
	return nil
}

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// The reference has the function's tables in a schema of its own: columns,
// CHECKs, defaults, indexes and room in the pages, all as migrations left them.
const copyTable = `
create table reference.%[1]s (like inventory.%[1]s including all);
do $$
declare
	options text := (select array_to_string(reloptions, ', ') from pg_class where oid = 'inventory.%[1]s'::regclass);
begin
	if options is not null then
		execute 'alter table reference.%[1]s set (' || options || ')';
	end if;
end $$;`

var copied = []string{"locations", "stock", "levels", "reservations", "reservation_lines", "movements"}

func makeReference(ctx context.Context, conn *pgx.Conn) error {
	sql := "create schema reference;"
	for _, table := range copied {
		sql += fmt.Sprintf(copyTable, table)
	}
	sql += `
insert into reference.locations select * from inventory.locations;
insert into reference.stock select * from inventory.stock;
insert into reference.levels select * from inventory.levels;
insert into reference.reservation_lines select * from inventory.reservation_lines;
alter table reference.levels add foreign key (sku) references reference.stock, add foreign key (location) references reference.locations;`
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("make the reference's tables: %w", err)
	}
	return nil
}

// The names that pgbench draws by; :a, :b and :c are SKUs.
const drawOrder = `
\set n :n + 1
\set order %d + :client_id * %d + :n
`

var drawRandom = fmt.Sprintf(`
\set lines random(1, %d)
\set a random(%d, %d)
\set b %d + (:a - %d + random(1, %d)) %% %d
\set c %d + (:a - %d + random(%d, %d)) %% %d
`, mostLines, firstSKU, firstSKU+skus-1,
	firstSKU, firstSKU, skus/2-1, skus,
	firstSKU, firstSKU, skus/2, skus-1, skus)

// statement locks an order of some SKUs, one piece of each, if there is enough
// of every one. It does less than the function: it knows no policy, no other
// locations, nothing that is overdue, and keeps no reply.
func statement(variables ...string) string {
	if len(variables) == 1 {
		return fmt.Sprintf(oneLine, variables[0]) + writeOrder
	}
	var values []string
	for _, v := range variables {
		values = append(values, "('BENCH-' || :"+v+")")
	}
	return fmt.Sprintf(manyLines, strings.Join(values, ", ")) + writeOrder
}

const oneLine = `
with taken as (
	update reference.levels
	set reserved = reserved + 1, updated_at = now()
	where sku = 'BENCH-' || :%s and location = 'bench' and on_hand - reserved >= 1
	returning sku, location, on_hand, reserved
), fits as (
	select count(*) > 0 as ok from taken
)`

// Rows are locked in one order, for two orders want the same SKUs; only then is
// it known whether all is there.
const manyLines = `
with want (sku) as (values %s),
held as (
	select l.sku, l.location, l.on_hand - l.reserved >= 1 as enough
	from want
	join reference.levels l using (sku)
	where l.location = 'bench'
	order by l.sku
	for update of l
), fits as (
	select count(*) filter (where enough) = (select count(*) from want) as ok from held
), taken as (
	update reference.levels l
	set reserved = l.reserved + 1, updated_at = now()
	from held h
	where l.sku = h.sku and l.location = h.location and (select ok from fits)
	returning l.sku, l.location, l.on_hand, l.reserved
)`

// pgbench takes a colon before a letter for a variable, also between quotes.
const writeOrder = `, reservation as (
	insert into reference.reservations (order_id, state, expires_at)
	select :window || '-' || :order, 'locked', now() + interval '15 minutes' from fits where ok
), lines as (
	insert into reference.reservation_lines (order_id, sku, location, held, expires_at)
	select :window || '-' || :order, sku, location, 1, now() + interval '15 minutes' from taken
), ledger as (
	insert into reference.movements (request, kind, sku, location, on_hand_delta, reserved_delta,
		on_hand_after, reserved_after, actor, order_id)
	select :window || '-' || :order || ':' || 'placed', 'reserve', sku, location, 0, 1, on_hand, reserved, '` + source + `', :window || '-' || :order
	from taken
)
select ok from fits;
`

func randomScript() string {
	return fmt.Sprintf(drawOrder, idBase, idStride) + drawRandom +
		"\\if :lines = 1\n" + statement("a") +
		"\\elif :lines = 2\n" + statement("a", "b") +
		"\\else\n" + statement("a", "b", "c") + "\\endif\n"
}

func hotScript() string {
	return fmt.Sprintf(drawOrder, idBase, idStride) + fmt.Sprintf("\\set a %d\n", hotSKU) + statement("a")
}

func loneScript() string {
	return fmt.Sprintf(drawOrder, idBase, idStride) + drawRandom + statement("a")
}

// cartScript selects what the function reads of ten SKUs: what is offered, at
// which price, and what there is of it.
func cartScript() string {
	script := fmt.Sprintf("\\set from random(0, %d)\n\\set step random(1, %d)\n", skus-1, skus/cartLines-1)
	var names []string
	for i := range cartLines {
		script += fmt.Sprintf("\\set s%d %d + (:from + %d * :step) %% %d\n", i, firstSKU, i, skus)
		names = append(names, fmt.Sprintf("'BENCH-' || :s%d", i))
	}
	return script + fmt.Sprintf(`
select
	v.sku, v.removed_at, p.name, p.status, p.publish_at, p.unpublish_at, p.deleted_at,
	r.kind, r.amount,
	s.track, s.when_out_of_stock, s.available_on, s.safety_stock, s.max_per_order,
	l.on_hand, l.reserved, l.backorder_allowance
from catalog.variants v
join catalog.products p on p.id = v.product_id
left join catalog.prices r on r.variant_id = v.id and r.currency = 'USD'
	and r.cancelled_at is null and r.starts_at <= now() and coalesce(r.ends_at, 'infinity') > now()
left join inventory.stock s on s.sku = v.sku
left join inventory.levels l on l.sku = v.sku
where v.sku in (%s);
`, strings.Join(names, ", "))
}

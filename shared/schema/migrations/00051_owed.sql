-- +goose Up

-- Of what is held, what has been paid for and is not there yet. It outlives the
-- lock. Where a line's time has no end, all that it holds is owed: so it was
-- before there was this column, and the release before leaves it 0.
alter table inventory.reservation_lines
    add column owed bigint not null default 0 check (owed >= 0),
    -- What was held and cancelled: a payment after the expiry must not buy it.
    add column released bigint not null default 0 check (released >= 0);

grant update (owed, released) on inventory.reservation_lines to inventory_fn;

create index reservation_lines_owed on inventory.reservation_lines (sku, location)
    where held > 0 and (expires_at is null or owed > 0);

-- What is owed stays with its order.
create or replace view inventory.overdue as
select sku, location, order_id, held - owed as held, expires_at
from inventory.reservation_lines
where held > 0 and held > owed and expires_at <= now() and location <> '';

-- Where there is something that can be handed over.
create view inventory.on_hand as
select sku, location, on_hand
from inventory.levels
where on_hand > 0;

grant select on inventory.on_hand to inventory_fn;

-- Of a SKU that is not tracked the ledger knows nothing.
create index reservation_lines_nowhere on inventory.reservation_lines (sku)
    where location = '';

create or replace view inventory.takers as
select sku, order_id
from inventory.movements
where kind = 'reserve'
union all
select sku, order_id
from inventory.reservation_lines
where location = '';

-- +goose Down
create or replace view inventory.takers as
select sku, order_id
from inventory.movements
where kind = 'reserve';

drop index inventory.reservation_lines_nowhere;

drop view inventory.on_hand;

create or replace view inventory.overdue as
select sku, location, order_id, held, expires_at
from inventory.reservation_lines
where held > 0 and expires_at <= now() and location <> '';

drop index inventory.reservation_lines_owed;

alter table inventory.reservation_lines drop column owed, drop column released;

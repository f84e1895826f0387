-- +goose Up

-- A line without a location is of a SKU that is not tracked: it holds nothing.
create or replace view inventory.holdings as
select sku, location, sum(held)::bigint as held
from inventory.reservation_lines
where held > 0 and location <> ''
group by sku, location;

create or replace view inventory.overdue as
select sku, location, order_id, held, expires_at
from inventory.reservation_lines
where held > 0 and expires_at <= now() and location <> '';

-- A preorder ends on its date, whether or not anything came in.
create or replace view inventory.sellability as
select
    s.sku,
    case
        when not s.track then 'in_stock'
        when a.available > s.low_stock_threshold then 'in_stock'
        when a.available > 0 then 'low_stock'
        when s.when_out_of_stock = 'deny' then 'out_of_stock'
        when s.when_out_of_stock = 'preorder' and s.available_on <= now() then 'out_of_stock'
        when a.available + a.allowance > 0 then s.when_out_of_stock
        else 'out_of_stock'
    end as availability
from inventory.stock s
cross join lateral (
    select
        coalesce(sum(l.on_hand - l.reserved), 0)
            + coalesce((select sum(o.held) from inventory.overdue o where o.sku = s.sku), 0)
            - s.safety_stock as available,
        coalesce(sum(l.backorder_allowance), 0) as allowance
    from inventory.levels l
    where l.sku = s.sku
) a;

-- +goose Down
create or replace view inventory.holdings as
select sku, location, sum(held)::bigint as held
from inventory.reservation_lines
where held > 0
group by sku, location;

create or replace view inventory.overdue as
select sku, location, order_id, held, expires_at
from inventory.reservation_lines
where held > 0 and expires_at <= now();

create or replace view inventory.sellability as
select
    s.sku,
    case
        when not s.track then 'in_stock'
        when a.available > s.low_stock_threshold then 'in_stock'
        when a.available > 0 then 'low_stock'
        when s.when_out_of_stock = 'deny' then 'out_of_stock'
        when a.available + a.allowance > 0 then s.when_out_of_stock
        else 'out_of_stock'
    end as availability
from inventory.stock s
cross join lateral (
    select
        coalesce(sum(l.on_hand - l.reserved), 0)
            + coalesce((select sum(o.held) from inventory.overdue o where o.sku = s.sku), 0)
            - s.safety_stock as available,
        coalesce(sum(l.backorder_allowance), 0) as allowance
    from inventory.levels l
    where l.sku = s.sku
) a;

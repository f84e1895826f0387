-- +goose Up

-- What is sold, without what it costs: whoever wants one price of it reads that
-- in catalog.prices_now, and does not pay for a document of all.
create view catalog.variants_now as
select
    v.sku,
    v.product_id,
    v.id as variant_id,
    p.name,
    s.status = 'active' as sellable,
    s.status
from catalog.variants v
join catalog.products p on p.id = v.product_id
cross join lateral (
    select case
        when p.deleted_at is not null then 'deleted'
        when v.removed_at is not null then 'removed'
        when p.status <> 'active' then p.status
        when p.publish_at > clock_timestamp() then 'scheduled'
        when p.unpublish_at <= clock_timestamp() then 'unpublished'
        else 'active'
    end as status
) s;

create or replace view catalog.offers as
select
    v.sku,
    v.product_id,
    v.variant_id,
    v.name,
    v.sellable,
    v.status,
    coalesce(n.prices, '{}') as prices
from catalog.variants_now v
cross join lateral (
    select jsonb_object_agg(c.currency, jsonb_build_object('amount', c.amount, 'compare_at', c.compare_at)) as prices
    from catalog.prices_now c
    where c.variant_id = v.variant_id
) n;

-- Neither shows more than catalog.offers does.
grant select on catalog.variants_now, catalog.prices_now to inventory_fn;

-- +goose Down
create or replace view catalog.offers as
select
    v.sku,
    v.product_id,
    v.id as variant_id,
    p.name,
    s.status = 'active' as sellable,
    s.status,
    coalesce(n.prices, '{}') as prices
from catalog.variants v
join catalog.products p on p.id = v.product_id
cross join lateral (
    select case
        when p.deleted_at is not null then 'deleted'
        when v.removed_at is not null then 'removed'
        when p.status <> 'active' then p.status
        when p.publish_at > clock_timestamp() then 'scheduled'
        when p.unpublish_at <= clock_timestamp() then 'unpublished'
        else 'active'
    end as status
) s
cross join lateral (
    select jsonb_object_agg(c.currency, jsonb_build_object('amount', c.amount, 'compare_at', c.compare_at)) as prices
    from catalog.prices_now c
    where c.variant_id = v.id
) n;

drop view catalog.variants_now;

revoke select on catalog.prices_now from inventory_fn;

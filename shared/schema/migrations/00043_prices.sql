-- +goose Up

-- What holds or will is found without walking through what has held, however
-- often a variant was priced anew.
create index prices_held on catalog.prices (variant_id, coalesce(ends_at, 'infinity'))
where cancelled_at is null;

-- The history of a variant, newest first. The condition is always true: it keeps
-- away the queries that do not state it and mean only what holds.
create index prices_history on catalog.prices (variant_id, starts_at desc, id desc)
where starts_at > '-infinity';

drop index catalog.prices_variant;

-- The same rule over one number in place of three columns: rows are written
-- several times as fast, and no query by variant_id is led into its index, which
-- is slow to read.
alter table catalog.prices
    drop constraint prices_overlap,
    add constraint prices_overlap exclude using gist (
        hashtextextended(variant_id::text || currency || kind, 0) with =,
        tstzrange(starts_at, ends_at) with &&
    ) where (cancelled_at is null);

-- What variants cost now: a sale goes before the base price, and is compared
-- with it unless it names something else. At most one row of each kind holds,
-- so max only picks it. The clock is read once for a statement, after its
-- snapshot is taken: read twice, a price could end and the next not have begun.
create view catalog.prices_now as
with clock as materialized (
    select clock_timestamp() as at
)
select
    h.variant_id,
    h.currency,
    coalesce(h.sale, h.base) as amount,
    case
        when h.sale is null then h.base_compare_at
        when h.sale_compare_at is not null then h.sale_compare_at
        when h.base > h.sale then h.base
    end as compare_at
from (
    select
        p.variant_id,
        p.currency,
        max(p.amount) filter (where p.kind = 'base') as base,
        max(p.compare_at) filter (where p.kind = 'base') as base_compare_at,
        max(p.amount) filter (where p.kind = 'sale') as sale,
        max(p.compare_at) filter (where p.kind = 'sale') as sale_compare_at
    from clock
    join catalog.prices p
        on p.starts_at <= clock.at
        and coalesce(p.ends_at, 'infinity') > clock.at
    where p.cancelled_at is null
    group by p.variant_id, p.currency
) h;

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

create or replace view catalog.variant_documents as
select
    v.product_id,
    v.id as variant_id,
    v.sku,
    v.position,
    jsonb_build_object('id', v.id, 'sku', v.sku, 'gtins', v.gtins, 'options', v.options)
        || jsonb_strip_nulls(jsonb_build_object('mpn', v.mpn, 'weight_grams', v.weight_grams))
        || case
            when n.currencies = 1 then n.prices -> 0
            when n.currencies > 1 then jsonb_build_object('prices', n.prices)
            else '{}'
        end as document
from catalog.variants v
cross join lateral (
    select
        count(*) as currencies,
        jsonb_agg(
            jsonb_strip_nulls(jsonb_build_object(
                'price', jsonb_build_object('amount', c.amount, 'currency', c.currency),
                'compare_at', case when c.compare_at is not null
                    then jsonb_build_object('amount', c.compare_at, 'currency', c.currency) end))
            order by c.currency) as prices
    from catalog.prices_now c
    where c.variant_id = v.id
) n
where v.removed_at is null;

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
    from (
        select distinct on (r.currency) r.currency, r.amount, r.compare_at
        from catalog.prices r
        where r.variant_id = v.id
            and r.cancelled_at is null
            and r.starts_at <= clock_timestamp()
            and (r.ends_at is null or r.ends_at > clock_timestamp())
        order by r.currency, r.kind desc
    ) c
) n;

create or replace view catalog.variant_documents as
select
    v.product_id,
    v.id as variant_id,
    v.sku,
    v.position,
    jsonb_build_object('id', v.id, 'sku', v.sku, 'gtins', v.gtins, 'options', v.options)
        || jsonb_strip_nulls(jsonb_build_object('mpn', v.mpn, 'weight_grams', v.weight_grams))
        || case
            when n.currencies = 1 then n.prices -> 0
            when n.currencies > 1 then jsonb_build_object('prices', n.prices)
            else '{}'
        end as document
from catalog.variants v
cross join lateral (
    select
        count(*) as currencies,
        jsonb_agg(
            jsonb_strip_nulls(jsonb_build_object(
                'price', jsonb_build_object('amount', c.amount, 'currency', c.currency),
                'compare_at', case when c.compare_at is not null
                    then jsonb_build_object('amount', c.compare_at, 'currency', c.currency) end))
            order by c.currency) as prices
    from (
        select distinct on (r.currency) r.currency, r.amount, r.compare_at
        from catalog.prices r
        where r.variant_id = v.id
            and r.cancelled_at is null
            and r.starts_at <= clock_timestamp()
            and (r.ends_at is null or r.ends_at > clock_timestamp())
        order by r.currency, r.kind desc
    ) c
) n
where v.removed_at is null;

drop view catalog.prices_now;

alter table catalog.prices
    drop constraint prices_overlap,
    add constraint prices_overlap exclude using gist (
        variant_id with =,
        currency with =,
        kind with =,
        tstzrange(starts_at, ends_at) with &&
    ) where (cancelled_at is null);

create index prices_variant on catalog.prices (variant_id, currency, starts_at desc);

drop index catalog.prices_history, catalog.prices_held;

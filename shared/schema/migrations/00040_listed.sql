-- +goose Up

-- Read model of listings, kept in the writer's transaction: one row for each
-- product that a visitor could be shown. The database only preselects by it;
-- what matches is decided by the function, which reads the packed columns
-- (functions/catalog/internal/listing/pack.go).
create table catalog.listed_products (
    product_id   uuid primary key,
    published_at timestamptz not null,
    featured     boolean not null,
    -- Names sort the same here and in the function.
    name_key     text collate "C" not null,
    -- All that it may be selected by: brand, categories, values of attributes,
    -- octaves of numbers, options of any variant, price buckets of any time.
    terms        bigint[] not null,
    -- All that the function judges it by.
    packed       bytea not null,
    skus         text not null
);

-- Hashes: nothing to gain by compressing them.
alter table catalog.listed_products alter column packed set storage external;

-- Which products stand in a category, so that a page of it is a walk through an
-- index however many there are. An index holds all that they are judged by: the
-- products of a category are read one beside the other.
create table catalog.listed_categories (
    category_id   uuid not null,
    product_id    uuid not null,
    published_at  timestamptz not null,
    -- Its place, where somebody has given it one.
    position      integer,
    -- The category is the only one of the product.
    alone         boolean not null,
    visible_from  timestamptz,
    visible_until timestamptz,
    -- It counts for its category whatever the time is, and for no other.
    steady        boolean not null generated always as (alone and visible_from is null and visible_until is null) stored,
    -- As the product has it; null where it is too long for an index.
    packed        bytea check (octet_length(packed) <= 2000),
    primary key (category_id, product_id) include (packed)
);

alter table catalog.listed_categories alter column packed set storage plain;

-- How many steady products a category has: the sum of its rows. Writers only
-- add rows, so that none waits for another; readers put them together.
create table catalog.listed_counts (
    category_id uuid not null,
    products    bigint not null
);

-- +goose StatementBegin
create function catalog.count_listed() returns trigger
    language plpgsql
    set search_path = pg_catalog
as $$
begin
    insert into catalog.listed_counts (category_id, products)
    select c.category_id, case tg_op when 'INSERT' then count(*) else -count(*) end
    from changed c
    where c.steady
    group by c.category_id;
    return null;
end
$$;
-- +goose StatementEnd

create trigger count_entered after insert on catalog.listed_categories
    referencing new table as changed
    for each statement execute function catalog.count_listed();

create trigger count_left after delete on catalog.listed_categories
    referencing old table as changed
    for each statement execute function catalog.count_listed();

-- Every amount that a product costs or will, for walks in order of price.
create table catalog.listed_prices (
    currency   text collate "C" not null,
    amount     bigint not null,
    product_id uuid not null,
    primary key (currency, amount, product_id)
);

-- Ranges of a number are looked up among its values.
alter table catalog.terms add column number double precision;

create index terms_number on catalog.terms (code, number) where number is not null;

-- What listings are filled with once, from what there is. The function does the
-- same for each product that is written (listing.Write). Other functions of the
-- same names are temporary: nothing of this stays.
-- backfill begins
-- +goose StatementBegin
create or replace function pg_temp.term(code text, value text) returns bigint
    language sql immutable
    return (
        'x' || encode(
            substr(sha256(convert_to(code, 'UTF8')), 1, 2)
                || substr(sha256(convert_to(code, 'UTF8') || '\x00'::bytea || convert_to(value, 'UTF8')), 1, 6),
            'hex'))::bit(64)::bigint;
-- +goose StatementEnd

-- +goose StatementBegin
create or replace function pg_temp.micros(at timestamptz) returns bigint
    language sql stable
    return (extract(epoch from at) * 1000000)::bigint;
-- +goose StatementEnd

create temporary table facts on commit drop as
select p.id as product_id, 'brand' as code, p.brand as value, null::float8 as number
from catalog.products p
where p.brand is not null
union all
select
    p.id,
    a.code,
    case
        when jsonb_typeof(a.value) <> 'number' then v.value
        when length(trim_scale((a.value #>> '{}')::numeric)::text) > 256 then (a.value #>> '{}')::float8::text
        else trim_scale((a.value #>> '{}')::numeric)::text
    end,
    case when jsonb_typeof(a.value) = 'number' then (a.value #>> '{}')::float8 end
from catalog.products p
cross join jsonb_each(p.attributes) as a (code, value)
cross join jsonb_array_elements_text(case when jsonb_typeof(a.value) = 'array' then a.value else jsonb_build_array(a.value) end) as v (value);

delete from facts
where value = '' or octet_length(value) > 256;

create temporary table wares on commit drop as
select v.product_id, v.id, v.sku, v.options, (row_number() over (partition by v.product_id order by v.position) - 1)::int2 as place
from catalog.variants v
where v.removed_at is null;

create index on wares (product_id);

create temporary table choices on commit drop as
select w.product_id, w.place, o.code, o.value
from wares w
cross join jsonb_each_text(w.options) as o (code, value)
where o.value <> '' and octet_length(o.value) <= 256;

insert into catalog.terms (id, code, value, number)
select distinct on (t.id) t.id, t.code, t.value, t.number
from (
    select pg_temp.term(f.code, f.value) as id, f.code, f.value, f.number
    from facts f
    union all
    select pg_temp.term(c.code, c.value), c.code, c.value, null
    from choices c
) t
order by t.id, t.number
on conflict (id) do nothing;

create temporary table named on commit drop as
select t.product_id, array_agg(distinct t.term order by t.term) as terms
from (
    select f.product_id, pg_temp.term(f.code, f.value) as term
    from facts f
    union all
    select c.product_id, pg_temp.term('/category', c.category_id::text)
    from catalog.product_categories c
) t
group by t.product_id;

create temporary table numbered on commit drop as
select f.product_id, string_agg(substr(sha256(convert_to(f.code, 'UTF8')), 1, 8) || float8send(f.number), ''::bytea order by f.code collate "C") as numbers
from facts f
where f.number is not null
group by f.product_id;

create temporary table octaves on commit drop as
select f.product_id, array_agg(distinct pg_temp.term('/number/' || f.code, (case when f.number < 0 then -i.i else i.i end)::text)) as terms
from facts f
cross join lateral (select float8send(f.number) as bits) b
cross join lateral (select (get_byte(b.bits, 0) & 127) * 16 + get_byte(b.bits, 1) / 16 - 1022 as power) p
cross join lateral (select greatest(0, least(p.power, 60) + 21) as i) i
where f.number is not null
group by f.product_id;

create temporary table chosen on commit drop as
select
    c.product_id,
    string_agg(int2send(c.place) || int8send(c.term), ''::bytea order by c.place, c.term) as options,
    array_agg(distinct c.term) as terms
from (
    select c.product_id, c.place, pg_temp.term(c.code, c.value) as term
    from choices c
) c
group by c.product_id;

create temporary table costs on commit drop as
select
    w.product_id,
    w.place,
    r.currency,
    r.amount,
    pg_temp.micros(r.starts_at) as starts_at,
    coalesce(pg_temp.micros(r.ends_at), 9223372036854775807) as ends_at,
    b.bucket
from wares w
join catalog.prices r on r.variant_id = w.id
cross join lateral (select length(ltrim(r.amount::bit(64)::text, '0')) as bits) n
cross join lateral (
    select case when n.bits = 0 then 0 else n.bits * 8 + ((r.amount * 8) >> (n.bits - 1) & 7) end as bucket
) b
where r.kind = 'base'
    and r.cancelled_at is null
    and r.starts_at is distinct from r.ends_at
    and (r.ends_at is null or r.ends_at > now() - interval '1 day');

create temporary table priced on commit drop as
select
    c.product_id,
    string_agg(
        int2send(c.place) || convert_to(c.currency, 'UTF8') || int8send(c.amount) || int8send(c.starts_at) || int8send(c.ends_at),
        ''::bytea order by c.place, c.currency, c.starts_at) as offers
from costs c
group by c.product_id;

create temporary table ranged on commit drop as
select c.product_id, array_agg(distinct pg_temp.term('/price/' || c.currency, b.name)) as terms
from costs c
cross join lateral (values ('0/' || c.bucket), ('3/' || (c.bucket / 8)), ('5/' || (c.bucket / 32))) as b (name)
group by c.product_id;

insert into catalog.listed_products (product_id, published_at, featured, name_key, terms, packed, skus)
select
    p.id,
    p.published_at,
    p.featured,
    left(lower(p.name), 100),
    array(
        select distinct t.term
        from unnest(n.terms || e.terms || c.terms || r.terms || case when p.featured then array[pg_temp.term('/featured', '')] end) as t (term)
        order by t.term),
    set_byte('\x00'::bytea, 0, p.featured::int + 2 * (select count(*) = 1 from catalog.product_categories c where c.product_id = p.id)::int)
        || int8send(pg_temp.micros(p.published_at))
        || int8send(coalesce(pg_temp.micros(p.publish_at), '-9223372036854775808'))
        || int8send(coalesce(pg_temp.micros(p.unpublish_at), 9223372036854775807))
        || int4send(coalesce(cardinality(n.terms), 0))
        || int4send(coalesce(length(m.numbers), 0) / 16)
        || int4send(coalesce(length(c.options), 0) / 10)
        || int4send(coalesce(length(o.offers), 0) / 29)
        || coalesce((select string_agg(int8send(t.term), ''::bytea order by t.ordinal) from unnest(n.terms) with ordinality as t (term, ordinal)), '')
        || coalesce(m.numbers, '')
        || coalesce(c.options, '')
        || coalesce(o.offers, '')
        || w.variants,
    w.skus
from catalog.products p
join lateral (
    select string_agg(uuid_send(w.id), ''::bytea order by w.place) as variants, string_agg(w.sku, ' ' order by w.place) as skus
    from wares w
    where w.product_id = p.id
) w on w.skus is not null
left join named n on n.product_id = p.id
left join numbered m on m.product_id = p.id
left join octaves e on e.product_id = p.id
left join chosen c on c.product_id = p.id
left join priced o on o.product_id = p.id
left join ranged r on r.product_id = p.id
where p.status = 'active'
    and p.deleted_at is null;

insert into catalog.listed_categories (category_id, product_id, published_at, position, alone, visible_from, visible_until, packed)
select
    c.category_id,
    c.product_id,
    l.published_at,
    c.position,
    count(*) over (partition by c.product_id) = 1,
    p.publish_at,
    p.unpublish_at,
    case when octet_length(l.packed) <= 2000 then l.packed end
from catalog.product_categories c
join catalog.listed_products l on l.product_id = c.product_id
join catalog.products p on p.id = c.product_id;

insert into catalog.listed_prices (currency, amount, product_id)
select distinct c.currency, c.amount, c.product_id
from costs c
join catalog.listed_products l on l.product_id = c.product_id;
-- backfill ends

-- A short list of entries that wait to be sorted in: readers walk through it.
create index listed_products_terms on catalog.listed_products using gin (terms)
    with (gin_pending_list_limit = 512);

-- Without statistics the planner takes every term for a rare one and goes by
-- the index: it must never read the table because a term is common.
alter table catalog.listed_products
    alter column terms set statistics 0,
    alter column packed set statistics 0,
    alter column skus set statistics 0;

alter table catalog.listed_categories alter column packed set statistics 0;

create index listed_counts_category on catalog.listed_counts (category_id);

create index listed_products_newest on catalog.listed_products (published_at desc, product_id);

create index listed_products_name on catalog.listed_products (name_key, product_id);

create index listed_products_featured on catalog.listed_products (published_at desc, product_id) where featured;

create index listed_categories_newest on catalog.listed_categories (category_id, published_at desc, product_id);

create index listed_categories_placed on catalog.listed_categories (category_id, position, published_at desc, product_id)
    where position is not null;

create index listed_categories_unsteady on catalog.listed_categories (product_id, category_id) where not steady;

create index listed_categories_product on catalog.listed_categories (product_id);

create index listed_prices_product on catalog.listed_prices (product_id);

grant select, insert, update, delete on catalog.listed_products to catalog_fn;

-- What they are counted by is never updated: nobody would count that.
grant select, insert, delete on catalog.listed_categories, catalog.listed_prices to catalog_fn;

grant update (packed) on catalog.listed_categories to catalog_fn;

grant select, insert, update, delete on catalog.listed_counts to catalog_fn;

-- +goose Down
drop table catalog.listed_products, catalog.listed_categories, catalog.listed_prices, catalog.listed_counts;

drop function catalog.count_listed();

alter table catalog.terms drop column number;

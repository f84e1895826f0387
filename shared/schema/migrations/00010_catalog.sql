-- +goose Up

-- What a filter or a facet may name. A code is for ever: values refer to it.
create table catalog.attributes (
    code       text primary key check (code ~ '^[a-z0-9_]{1,100}$' and code not in ('brand', 'price')),
    name       text not null,
    type       text not null check (type in ('text', 'number', 'boolean')),
    unit       text,
    filterable boolean not null,
    version    bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table catalog.categories (
    id          uuid primary key,
    slug        text not null constraint categories_slug unique,
    name        text not null,
    description text not null default '',
    parent_id   uuid constraint categories_parent references catalog.categories,
    position    integer not null default 0,
    version     bigint not null default 1,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now(),
    check (parent_id <> id)
);

create index categories_parent on catalog.categories (parent_id, position);

-- A category's filter list, in the order its page shows it: an attribute, or
-- one of the two that every product has.
create table catalog.category_filters (
    category_id    uuid not null references catalog.categories on delete cascade,
    position       smallint not null,
    attribute_code text constraint category_filters_attribute references catalog.attributes,
    builtin        text check (builtin in ('brand', 'price')),
    primary key (category_id, position),
    check (num_nonnulls(attribute_code, builtin) = 1),
    unique nulls not distinct (category_id, attribute_code, builtin)
);

create index category_filters_attribute on catalog.category_filters (attribute_code);

create table catalog.products (
    id           uuid primary key,
    external_id  text constraint products_external_id unique,
    slug         text not null check (slug !~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'),
    name         text not null,
    description  text not null default '',
    brand        text,
    status       text not null check (status in ('draft', 'active', 'archived')),
    publish_at   timestamptz,
    unpublish_at timestamptz,
    published_at timestamptz,
    featured     boolean not null default false,
    options      text[] not null default '{}',
    attributes   jsonb not null default '{}' check (jsonb_typeof(attributes) = 'object'),
    media        jsonb not null default '[]' check (jsonb_typeof(media) = 'array'),
    version      bigint not null default 1,
    -- Of the document as it was written, prices left out: tells a rerun of an
    -- import that nothing changed without comparing field by field.
    content_hash bytea not null,
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now(),
    deleted_at   timestamptz,
    check (unpublish_at > publish_at)
);

-- A slug is unique while its product lives; a deleted product gives it back.
create unique index products_slug on catalog.products (slug) where deleted_at is null;

create index products_slug_of_deleted on catalog.products (slug) where deleted_at is not null;

-- Where a slug that a product once had leads to now.
create table catalog.old_slugs (
    slug       text primary key,
    product_id uuid not null references catalog.products,
    created_at timestamptz not null default now()
);

create table catalog.product_categories (
    product_id  uuid not null references catalog.products,
    category_id uuid not null constraint product_categories_category references catalog.categories,
    -- The category's place in the product's own list.
    ordinal     smallint not null,
    -- The product's place in the category, where someone has placed it.
    position    integer,
    primary key (product_id, category_id)
);

create index product_categories_category on catalog.product_categories (category_id, position, product_id);

-- A SKU belongs to its product for ever: a removed variant stays as a row.
create table catalog.variants (
    id           uuid primary key,
    product_id   uuid not null references catalog.products,
    sku          text not null constraint variants_sku unique check (sku ~ '^[A-Za-z0-9._~-]{1,64}$'),
    position     smallint not null,
    mpn          text,
    gtins        text[] not null default '{}',
    options      jsonb not null default '{}' check (jsonb_typeof(options) = 'object'),
    weight_grams integer check (weight_grams >= 0),
    created_at   timestamptz not null default now(),
    removed_at   timestamptz
);

create index variants_product on catalog.variants (product_id, position);

-- Append-only: amount and start never change, a price only ends. Two rows of
-- one kind never hold at once.
create table catalog.prices (
    id           uuid primary key,
    variant_id   uuid not null references catalog.variants,
    currency     text not null check (currency ~ '^[A-Z]{3}$'),
    kind         text not null check (kind in ('base', 'sale')),
    amount       bigint not null check (amount >= 0),
    compare_at   bigint check (compare_at >= 0),
    starts_at    timestamptz not null,
    ends_at      timestamptz check (ends_at >= starts_at),
    cancelled_at timestamptz,
    created_at   timestamptz not null default now(),
    constraint prices_overlap exclude using gist (
        variant_id with =,
        currency with =,
        kind with =,
        tstzrange(starts_at, ends_at) with &&
    ) where (cancelled_at is null)
);

create index prices_variant on catalog.prices (variant_id, currency, starts_at desc);

-- Read model of listings, kept in the writer's transaction: one row for each
-- variant that a visitor could be shown, since price, stock and option
-- conditions must hold for one variant. It names products and variants that
-- are never deleted: checking that again would only slow imports down.
create table catalog.listings (
    variant_id    uuid primary key,
    product_id    uuid not null,
    sku           text not null,
    -- Category, brand, attribute values and option values as catalog.terms.id.
    terms         bigint[] not null,
    -- Numeric attributes, for ranges.
    numbers       jsonb not null default '{}',
    name_key      text not null,
    published_at  timestamptz not null,
    featured      boolean not null,
    -- Places that were given by hand, by category id.
    positions     jsonb not null default '{}',
    visible_from  timestamptz,
    visible_until timestamptz
);

create index listings_product on catalog.listings (product_id);

-- A short list of entries that wait to be sorted in: readers walk through it.
create index listings_terms on catalog.listings using gin (terms)
    with (gin_pending_list_limit = 512);

create index listings_newest on catalog.listings (published_at desc, product_id);

create index listings_name on catalog.listings (name_key, product_id);

create index listings_featured on catalog.listings (featured desc, published_at desc, product_id);

-- What a variant costs while: base and sale prices as one line of time, so
-- that a listing finds the price of any moment in one row.
create table catalog.listing_prices (
    variant_id uuid not null references catalog.listings on delete cascade,
    currency   text not null,
    amount     bigint not null,
    compare_at bigint,
    starts_at  timestamptz not null,
    ends_at    timestamptz,
    primary key (variant_id, currency, starts_at)
);

-- What a listing's term stands for. The id is a hash that the writer computes,
-- so that writers need not agree on numbers first.
create table catalog.terms (
    id    bigint primary key,
    code  text not null,
    value text not null
);

create index terms_code on catalog.terms (code);

-- What a search box finds a product by.
create table catalog.search_documents (
    product_id uuid primary key,
    words      tsvector not null,
    -- SKUs, part numbers and GTINs, lower case, found as a whole.
    codes      text[] not null
);

create index search_documents_words on catalog.search_documents using gin (words)
    with (gin_pending_list_limit = 512);

create index search_documents_codes on catalog.search_documents using gin (codes)
    with (gin_pending_list_limit = 512);

-- The words of names and brands, to put a mistyped one right. A word that no
-- product has any more does no harm: it only leads to an empty result.
create table catalog.words (
    word text primary key
);

create index words_similar on catalog.words using gin (word public.gin_trgm_ops);

-- Plurals and accents do not matter to a search; HTML tags are not words to it.
create text search configuration catalog.english (copy = pg_catalog.english);

alter text search configuration catalog.english
    alter mapping for hword, hword_part, word with public.unaccent, english_stem;

create function catalog.rfc3339(at timestamptz) returns text
    language sql stable parallel safe
    return rtrim(rtrim(to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), '0'), '.') || 'Z';

-- The views judge by clock_timestamp(): the clock is read after the snapshot
-- is taken, so that a price which the snapshot holds has begun for it too.

-- What inventory and events may know of what is sold.
create view catalog.offers as
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

-- A variant as the product document shows it; price and compare_at are short
-- for prices with one currency.
create view catalog.variant_documents as
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

-- The whole document of a product; of a deleted one, its tombstone.
create view catalog.product_documents as
select
    p.id as product_id,
    case
        when p.deleted_at is not null then jsonb_build_object(
            'id', p.id,
            'external_id', p.external_id,
            'slug', p.slug,
            'deleted', true,
            'version', p.version,
            'deleted_at', catalog.rfc3339(p.deleted_at),
            'skus', (select coalesce(jsonb_agg(v.sku order by v.sku), '[]') from catalog.variants v where v.product_id = p.id))
        else jsonb_build_object(
            'id', p.id,
            'external_id', p.external_id,
            'slug', p.slug,
            'name', p.name,
            'description', p.description,
            'brand', p.brand,
            'status', p.status,
            'publish_at', catalog.rfc3339(p.publish_at),
            'unpublish_at', catalog.rfc3339(p.unpublish_at),
            'published_at', catalog.rfc3339(p.published_at),
            'featured', p.featured,
            'categories', (
                select coalesce(jsonb_agg(c.slug order by pc.ordinal), '[]')
                from catalog.product_categories pc
                join catalog.categories c on c.id = pc.category_id
                where pc.product_id = p.id),
            'attributes', p.attributes,
            'media', p.media,
            'options', p.options,
            'variants', (
                select coalesce(jsonb_agg(d.document order by d.position), '[]')
                from catalog.variant_documents d
                where d.product_id = p.id),
            'version', p.version,
            'created_at', catalog.rfc3339(p.created_at),
            'updated_at', catalog.rfc3339(p.updated_at))
    end as document
from catalog.products p;

-- A large import leaves the planner with no idea of the tables until autovacuum
-- comes by, and listings take seconds meanwhile. Only an owner may analyze.
-- +goose StatementBegin
create function catalog.refresh_statistics() returns void
    language plpgsql
    security definer
    set search_path = pg_catalog
as $$
begin
    -- One at a time; whoever comes second is served by the first.
    if not pg_try_advisory_xact_lock(hashtext('catalog.refresh_statistics')) then
        return;
    end if;
    analyze
        catalog.attributes,
        catalog.categories,
        catalog.products,
        catalog.product_categories,
        catalog.variants,
        catalog.prices,
        catalog.listings,
        catalog.listing_prices,
        catalog.terms,
        catalog.words,
        catalog.search_documents;
    perform gin_clean_pending_list(i::regclass)
    from unnest(array['catalog.listings_terms', 'catalog.search_documents_words', 'catalog.search_documents_codes',
        'catalog.words_similar']) as i;
end
$$;
-- +goose StatementEnd

revoke execute on function catalog.refresh_statistics() from public;

grant execute on function catalog.refresh_statistics() to catalog_fn;

grant select, insert, update, delete on
    catalog.attributes,
    catalog.categories,
    catalog.category_filters,
    catalog.old_slugs,
    catalog.product_categories,
    catalog.listings,
    catalog.listing_prices,
    catalog.terms,
    catalog.words,
    catalog.search_documents
to catalog_fn;

-- Products and variants are never deleted, and of a price only its end is written.
grant select, insert, update on catalog.products, catalog.variants to catalog_fn;

grant select, insert, update (ends_at, cancelled_at) on catalog.prices to catalog_fn;

grant select on catalog.offers, catalog.variant_documents, catalog.product_documents to catalog_fn;

grant select on catalog.offers to inventory_fn, events_fn;

grant select on catalog.product_documents to events_fn;

grant execute on function catalog.rfc3339(timestamptz) to catalog_fn, events_fn;

-- +goose Down
drop view catalog.product_documents, catalog.variant_documents, catalog.offers;

drop function catalog.rfc3339(timestamptz);

drop function catalog.refresh_statistics();

drop table
    catalog.search_documents,
    catalog.words,
    catalog.terms,
    catalog.listing_prices,
    catalog.listings,
    catalog.prices,
    catalog.variants,
    catalog.product_categories,
    catalog.old_slugs,
    catalog.products,
    catalog.category_filters,
    catalog.categories,
    catalog.attributes;

drop text search configuration catalog.english;

-- +goose Up

-- Read model of one product, kept in the writer's transaction: a row for each
-- product whose status is active. What time, stock and the category tree decide
-- is put in when it is read, as text: nothing is taken apart for it.
create table catalog.product_pages (
    product_id uuid primary key,
    -- The product's version that the row is of. A row of another version is not
    -- used: a release that knows no pages may have written the product since.
    version    bigint not null,
    skus       text[] not null,
    categories uuid[] not null,
    variants   uuid[] not null,
    -- What the variants cost, a line for each span of time: place among the
    -- variants, currency, amount, what it is compared with or -, begin and end
    -- or - in microseconds of Unix time.
    prices     text not null,
    -- The document as JSON up to the end of its variants. The character U+0001,
    -- which JSON never holds, stands where a variant's price and availability
    -- belong.
    body       text not null
);

-- +goose StatementBegin
do $$
begin
    -- Written once and read often, and lz4 reads several times as fast.
    if (select 'lz4' = any (enumvals) from pg_catalog.pg_settings where name = 'default_toast_compression') then
        alter table catalog.product_pages alter column body set compression lz4;
    end if;
end
$$;
-- +goose StatementEnd

alter table catalog.product_pages
    alter column skus set statistics 0,
    alter column categories set statistics 0,
    alter column variants set statistics 0,
    alter column prices set statistics 0,
    alter column body set statistics 0;

insert into catalog.product_pages (product_id, version, skus, categories, variants, prices, body)
select
    p.id,
    p.version,
    coalesce(v.skus, '{}'),
    coalesce((
        select array_agg(c.category_id order by c.ordinal)
        from catalog.product_categories c
        where c.product_id = p.id), '{}'),
    coalesce(v.ids, '{}'),
    coalesce(v.prices, ''),
    left(jsonb_build_object(
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
        'attributes', p.attributes,
        'media', p.media,
        'options', p.options)::text, -1) || ',"variants":[' || coalesce(v.bodies, '') || ']'
from catalog.products p
cross join lateral (
    select
        array_agg(w.id order by w.position) as ids,
        array_agg(w.sku order by w.position) as skus,
        string_agg(left(w.body::text, -1) || E'\u0001}', ',' order by w.position) as bodies,
        string_agg(w.prices, '' order by w.position) as prices
    from (
        select
            x.id,
            x.sku,
            x.place as position,
            jsonb_build_object('id', x.id, 'sku', x.sku, 'gtins', x.gtins, 'options', x.options)
                || jsonb_strip_nulls(jsonb_build_object('mpn', x.mpn, 'weight_grams', x.weight_grams)) as body,
            (
                select string_agg(concat_ws(' ',
                    x.place, r.currency, r.amount, coalesce(r.compare_at::text, '-'),
                    round(extract(epoch from r.starts_at) * 1000000),
                    coalesce(round(extract(epoch from r.ends_at) * 1000000)::text, '-')) || E'\n', '' order by r.currency, r.starts_at)
                from catalog.prices r
                where r.variant_id = x.id
                    and r.kind = 'base'
                    and r.cancelled_at is null
                    and r.starts_at is distinct from r.ends_at
                    and (r.ends_at is null or r.ends_at > now())
            ) as prices
        from (
            select w.*, row_number() over (order by w.position) - 1 as place
            from catalog.variants w
            where w.product_id = p.id
                and w.removed_at is null
        ) x
    ) w
) v
where p.status = 'active'
    and p.deleted_at is null;

grant select, insert, update, delete on catalog.product_pages to catalog_fn;

-- Tells readers that keep the category tree whether it is still the same one.
create table catalog.category_tree (
    one     boolean primary key default true check (one),
    version bigint not null
);

insert into catalog.category_tree (version) values (1);

-- A trigger, so that no writer of categories can forget it.
-- +goose StatementBegin
create function catalog.note_tree() returns trigger
    language plpgsql
    set search_path = pg_catalog
as $$
begin
    update catalog.category_tree set version = version + 1;
    return null;
end
$$;
-- +goose StatementEnd

create trigger note_tree
    after insert or update or delete on catalog.categories
    for each statement execute function catalog.note_tree();

-- What a reader of products may know of the tree.
create view catalog.tree_now as
select version
from catalog.category_tree;

grant select, update (version) on catalog.category_tree to catalog_fn;

grant select on catalog.tree_now to catalog_fn;

-- +goose Down
drop trigger note_tree on catalog.categories;

drop function catalog.note_tree();

drop view catalog.tree_now;

drop table catalog.category_tree, catalog.product_pages;

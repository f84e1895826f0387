-- +goose Up

-- The change feed: of each subject the latest change, at a position that rises
-- with commits. A row is never deleted, so that any position stays one that
-- reading can go on from.
create table catalog.changes (
    kind       text not null check (kind in ('product', 'category', 'attribute', 'price')),
    -- Id of a product or category, code of an attribute, SKU of a price.
    subject    text not null,
    position   bigint not null constraint changes_position unique,
    slug       text,
    version    bigint,
    deleted    boolean not null,
    changed_at timestamptz not null,
    primary key (kind, subject)
);

create sequence catalog.change_position owned by catalog.changes.position;

-- What a transaction has changed so far; empty whenever none is under way.
create unlogged table catalog.changes_under_way (
    id       bigint generated always as identity primary key,
    kind     text not null,
    subjects text[] not null,
    slugs    text[],
    versions bigint[],
    deleted  boolean[]
);

-- Triggers, so that no writer can forget it, nor the release before this one.
-- +goose StatementBegin
create function catalog.note_changes() returns trigger
    language plpgsql
    security definer
    set search_path = pg_catalog
as $$
begin
    case tg_table_name
        when 'products' then
            insert into catalog.changes_under_way (kind, subjects, slugs, versions, deleted)
            select 'product', array_agg(c.id::text), array_agg(c.slug), array_agg(c.version), array_agg(c.deleted_at is not null)
            from changed c
            having count(*) > 0;
        when 'categories' then
            insert into catalog.changes_under_way (kind, subjects, slugs, versions, deleted)
            select 'category', array_agg(c.id::text), array_agg(c.slug), array_agg(c.version), array_agg(tg_op = 'DELETE')
            from changed c
            having count(*) > 0;
        when 'attributes' then
            insert into catalog.changes_under_way (kind, subjects, versions, deleted)
            select 'attribute', array_agg(c.code), array_agg(c.version), array_agg(tg_op = 'DELETE')
            from changed c
            having count(*) > 0;
    end case;
    return null;
end
$$;
-- +goose StatementEnd

-- Runs when the transaction commits, after all it does: positions are given
-- under a lock that is held until the commit is seen, and whoever waits for it
-- holds up nobody. Taken earlier, it would be held as long as the transaction
-- lasts; without it a reader could see a later position first and go on from
-- there.
-- +goose StatementBegin
create function catalog.place_changes() returns trigger
    language plpgsql
    security definer
    set search_path = pg_catalog
as $$
begin
    perform pg_advisory_xact_lock(hashtext('catalog.changes'));
    insert into catalog.changes as c (kind, subject, position, slug, version, deleted, changed_at)
    select new.kind, n.subject, nextval('catalog.change_position'), n.slug, n.version, coalesce(n.deleted, false), clock_timestamp()
    from unnest(new.subjects, new.slugs, new.versions, new.deleted) as n (subject, slug, version, deleted)
    on conflict (kind, subject) do update
    set position = excluded.position,
        slug = excluded.slug,
        version = excluded.version,
        deleted = excluded.deleted,
        changed_at = excluded.changed_at;
    delete from catalog.changes_under_way where id = new.id;
    return null;
end
$$;
-- +goose StatementEnd

revoke all on function catalog.note_changes, catalog.place_changes from public;

create constraint trigger changes_placed
    after insert on catalog.changes_under_way
    deferrable initially deferred
    for each row execute function catalog.place_changes();

-- Writers wait from here on until what is there already has its place.
create trigger products_created
    after insert on catalog.products
    referencing new table as changed
    for each statement execute function catalog.note_changes();

create trigger products_changed
    after update on catalog.products
    referencing new table as changed
    for each statement execute function catalog.note_changes();

create trigger categories_created
    after insert on catalog.categories
    referencing new table as changed
    for each statement execute function catalog.note_changes();

create trigger categories_changed
    after update on catalog.categories
    referencing new table as changed
    for each statement execute function catalog.note_changes();

create trigger categories_deleted
    after delete on catalog.categories
    referencing old table as changed
    for each statement execute function catalog.note_changes();

create trigger attributes_created
    after insert on catalog.attributes
    referencing new table as changed
    for each statement execute function catalog.note_changes();

create trigger attributes_changed
    after update on catalog.attributes
    referencing new table as changed
    for each statement execute function catalog.note_changes();

create trigger attributes_deleted
    after delete on catalog.attributes
    referencing old table as changed
    for each statement execute function catalog.note_changes();

-- Products last: they refer to the others.
insert into catalog.changes (kind, subject, position, slug, version, deleted, changed_at)
select kind, subject, nextval('catalog.change_position'), slug, version, deleted, updated_at
from (
    select 'attribute' as kind, code as subject, null as slug, version, false as deleted, updated_at, 1 as place from catalog.attributes
    union all
    select 'category', id::text, slug, version, false, updated_at, 2 from catalog.categories
    union all
    select 'product', id::text, slug, version, deleted_at is not null, updated_at, 3 from catalog.products
    order by place, updated_at, subject
) known;

-- Prices are told by those who set them: a product's first ones come with it.
grant insert (kind, subjects) on catalog.changes_under_way to catalog_fn;

grant select on catalog.changes to catalog_fn;

-- +goose Down
drop trigger products_created on catalog.products;

drop trigger products_changed on catalog.products;

drop trigger categories_created on catalog.categories;

drop trigger categories_changed on catalog.categories;

drop trigger categories_deleted on catalog.categories;

drop trigger attributes_created on catalog.attributes;

drop trigger attributes_changed on catalog.attributes;

drop trigger attributes_deleted on catalog.attributes;

drop table catalog.changes_under_way, catalog.changes;

drop function catalog.note_changes, catalog.place_changes;

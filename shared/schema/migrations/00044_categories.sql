-- +goose Up

-- Where a slug that a category once had leads to now: to the same category, or
-- to the one that took over when it was deleted.
create table catalog.old_category_slugs (
    slug        text primary key,
    category_id uuid not null constraint old_category_slugs_category references catalog.categories on delete cascade,
    created_at  timestamptz not null default now()
);

create index old_category_slugs_category on catalog.old_category_slugs (category_id);

grant select, insert, update, delete on catalog.old_category_slugs to catalog_fn;

-- +goose Down
drop table catalog.old_category_slugs;

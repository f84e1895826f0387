-- +goose Up
-- No condition is on these columns, or a unique index says all there is to know
-- of them: reading them was most of what an import spent on statistics.
alter table catalog.products
    alter column name set statistics 0,
    alter column external_id set statistics 0,
    alter column options set statistics 0;

alter table catalog.variants
    alter column mpn set statistics 0,
    alter column gtins set statistics 0,
    alter column options set statistics 0;

-- +goose Down
alter table catalog.products
    alter column name set statistics -1,
    alter column external_id set statistics -1,
    alter column options set statistics -1;

alter table catalog.variants
    alter column mpn set statistics -1,
    alter column gtins set statistics -1,
    alter column options set statistics -1;

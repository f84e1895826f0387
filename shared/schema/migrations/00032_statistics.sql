-- +goose Up
-- No condition is on these columns, and to read them is a third of the time
-- that refresh_statistics takes.
alter table catalog.products
    alter column description set statistics 0,
    alter column attributes set statistics 0,
    alter column media set statistics 0,
    alter column content_hash set statistics 0;

-- +goose Down
alter table catalog.products
    alter column description set statistics -1,
    alter column attributes set statistics -1,
    alter column media set statistics -1,
    alter column content_hash set statistics -1;

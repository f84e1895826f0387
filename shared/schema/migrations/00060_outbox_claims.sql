-- +goose Up

-- Claims go from stream to stream in this order, kind after kind; a language's
-- order would be slower and would not keep a kind together.
alter table events.outbox
    alter column stream type text collate "C",
    -- How long a row has waited: its event's time may be another.
    add column appended_at timestamptz not null default now();

-- The newest that are no replays are sent before older ones.
create index outbox_live on events.outbox (position) where not replay;

-- A claim and the end of a row follow its beginning within moments: vacuum must
-- not sleep in between.
alter table events.outbox set (autovacuum_vacuum_cost_delay = 0);

-- +goose Down
alter table events.outbox reset (autovacuum_vacuum_cost_delay);

drop index events.outbox_live;

alter table events.outbox
    drop column appended_at,
    alter column stream type text collate "default";

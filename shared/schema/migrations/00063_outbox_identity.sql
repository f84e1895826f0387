-- +goose Up

-- An event is known by its source and its id. The ids of interactions are what
-- anybody outside gives them: one that is the id of another event must not keep
-- that event out of the outbox. The id comes first: claims find rows by it.
create unique index outbox_identity on events.outbox (id, source);

alter table events.outbox drop constraint outbox_id_key;

-- +goose Down
alter table events.outbox add constraint outbox_id_key unique (id);

drop index events.outbox_identity;

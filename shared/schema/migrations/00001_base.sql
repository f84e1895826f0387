-- +goose Up
create schema catalog;

create schema inventory;

create schema events;

grant usage on schema catalog to catalog_fn, inventory_fn, events_fn;

grant usage on schema inventory to inventory_fn, catalog_fn;

grant usage on schema events to events_fn, catalog_fn, inventory_fn;

-- One order for everything that is emitted: a row's position is the event's
-- sequence. Within a stream positions rise with commits, because the writer
-- holds the lock of the stream's subject when it draws one.
create sequence events.outbox_position;

create table events.outbox (
    position        bigint primary key default nextval('events.outbox_position'),
    -- Text: ids that browsers gave their interactions are kept.
    id              text not null unique check (length(id) between 1 and 128),
    -- What is kept in order: kind and subject, since a sku may equal an order id.
    stream          text not null,
    type            text not null,
    source          text not null,
    subject         text not null,
    time            timestamptz not null default now(),
    -- Null until the relay has read the document of a state event.
    data            jsonb,
    traceparent     text,
    replay          boolean not null default false,
    -- The event's sequence when it was drawn elsewhere; else it is the position.
    sequence        bigint,
    attempts        integer not null default 0,
    last_error      text,
    next_attempt_at timestamptz not null default now(),
    claimed_until   timestamptz,
    claim           uuid
);

-- A state event that nobody has read yet stands for every change until then.
create unique index outbox_pending_state on events.outbox (stream) where data is null;

create index outbox_stream on events.outbox (stream, position);

-- Idempotency-Key: what was answered, so that a repeat is answered alike.
-- +goose StatementBegin
do $$
declare
    s text;
begin
    foreach s in array array['catalog', 'inventory', 'events']
    loop
        execute format($ddl$
            create table %1$I.idempotency_keys (
                caller      text not null,
                operation   text not null,
                key         text not null,
                fingerprint bytea not null,
                status      integer,
                reply       jsonb,
                created_at  timestamptz not null default now(),
                primary key (caller, operation, key)
            );
            create index idempotency_keys_age on %1$I.idempotency_keys (created_at);
            grant select, insert, update, delete on %1$I.idempotency_keys to %1$s_fn;
        $ddl$, s);
    end loop;
end
$$;
-- +goose StatementEnd

grant usage on sequence events.outbox_position to catalog_fn, inventory_fn, events_fn;

grant insert on events.outbox to catalog_fn, inventory_fn;

grant select, insert, update, delete on events.outbox to events_fn;

-- +goose Down
drop schema events cascade;

drop schema inventory cascade;

drop schema catalog cascade;

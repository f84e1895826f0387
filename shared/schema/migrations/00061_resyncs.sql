-- +goose Up

-- Who asked for products to be sent again, and how far that has come. Nothing is
-- kept but a position: products are walked through in the order of their ids.
create table events.resyncs (
    id           uuid primary key,
    target       text not null,
    -- Null is the whole catalog.
    since        timestamptz,
    state        text not null default 'waiting' check (state in ('waiting', 'running', 'finished', 'cancelled')),
    -- Up to here products have been looked at, and up to there they will be; who
    -- comes later is told of anyway. No end: there was no product.
    position     uuid not null default '00000000-0000-0000-0000-000000000000',
    last         uuid,
    total        bigint not null,
    done         bigint not null default 0,
    resent       bigint not null default 0,
    -- Why the last step failed; null when it did not.
    error        text,
    requested_by text not null,
    created_at   timestamptz not null default clock_timestamp(),
    started_at   timestamptz,
    updated_at   timestamptz not null default clock_timestamp(),
    finished_at  timestamptz,
    check ((finished_at is not null) = (state in ('finished', 'cancelled')))
);

create index resyncs_unfinished on events.resyncs (id) where finished_at is null;

grant select, insert, update on events.resyncs to events_fn;

-- How many of them wait bounds how many are added.
create index outbox_replays on events.outbox (position) where replay;

-- The next products after an id, locked so that nobody changes them until their
-- state is in the outbox: else a later change could get the lower sequence. It
-- is a function of the owner, because a lock needs the right to update.
-- The first is waited for while no other is held; the rest is passed over where
-- somebody writes it, and the walk ends before, so that writers wait for nothing
-- but the end of this transaction and no two can wait for each other.
-- A product has changed since a time when it was written, or when one of its
-- prices began or ended by itself.
-- +goose StatementBegin
create function catalog.hold_products(after uuid, last uuid, since timestamptz, most integer)
returns table (product_id uuid, deleted boolean, changed boolean)
language plpgsql
volatile
security definer
set search_path = pg_catalog
as $$
declare
    head uuid;
begin
    select p.id into head
    from catalog.products p
    where p.id > hold_products.after
        and p.id <= hold_products.last
    order by p.id
    limit 1
    for no key update;
    return query
    with candidates as materialized (
        select p.id
        from catalog.products p
        where p.id >= head
            and p.id <= hold_products.last
        order by p.id
        limit hold_products.most
    ), held as materialized (
        select p.id, p.deleted_at is not null as gone
        from catalog.products p
        where p.id in (select c.id from candidates c)
        for no key update skip locked
    ), passed_over as materialized (
        select c.id
        from candidates c
        where not exists (select from held h where h.id = c.id)
        order by c.id
        limit 1
    )
    select
        h.id,
        h.gone,
        hold_products.since is null
            or exists (
                select from catalog.changes c
                where c.kind = 'product' and c.subject = h.id::text and c.changed_at >= hold_products.since)
            or exists (
                select
                from catalog.variants v
                join catalog.prices r on r.variant_id = v.id
                where v.product_id = h.id
                    and r.cancelled_at is null
                    and (r.starts_at between hold_products.since and clock_timestamp()
                        or r.ends_at between hold_products.since and clock_timestamp()))
    from held h
    where not exists (select from passed_over o where o.id <= h.id)
    order by h.id;
end
$$;
-- +goose StatementEnd

revoke all on function catalog.hold_products from public;

grant execute on function catalog.hold_products to events_fn;

-- What changes while a replay of it waits is news again.
-- +goose StatementBegin
create or replace function events.append_states(
    ids text[], types text[], sources text[], streams text[], subjects text[], times timestamptz[], traceparent text
) returns void
language sql
volatile
security definer
set search_path = pg_catalog
as $$
    insert into events.outbox as o (id, type, source, stream, subject, time, traceparent)
    select n.id, n.type, n.source, n.stream, n.subject, n.time, append_states.traceparent
    from unnest(ids, types, sources, streams, subjects, times)
        with ordinality as n (id, type, source, stream, subject, time, ordinal)
    order by n.ordinal
    on conflict (stream) where data is null
    do update set
        position = excluded.position,
        type = case
            when o.type like '%.created.v1' and excluded.type like '%.updated.v1' then o.type
            else excluded.type
        end,
        time = excluded.time,
        traceparent = excluded.traceparent,
        replay = false
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
create or replace function events.append_states(
    ids text[], types text[], sources text[], streams text[], subjects text[], times timestamptz[], traceparent text
) returns void
language sql
volatile
security definer
set search_path = pg_catalog
as $$
    insert into events.outbox as o (id, type, source, stream, subject, time, traceparent)
    select n.id, n.type, n.source, n.stream, n.subject, n.time, append_states.traceparent
    from unnest(ids, types, sources, streams, subjects, times)
        with ordinality as n (id, type, source, stream, subject, time, ordinal)
    order by n.ordinal
    on conflict (stream) where data is null
    do update set
        position = excluded.position,
        type = case
            when o.type like '%.created.v1' and excluded.type like '%.updated.v1' then o.type
            else excluded.type
        end,
        time = excluded.time,
        traceparent = excluded.traceparent
$$;
-- +goose StatementEnd

drop function catalog.hold_products;

drop index events.outbox_replays;

drop table events.resyncs;

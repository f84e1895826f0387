-- +goose Up

-- Catalog's way to say that products changed. It is a function of the owner,
-- because "on conflict do update" would need rights to read and update the
-- whole outbox; so catalog can add to it and nothing else. What was created
-- and changed before anybody read it is still new to everybody.
-- +goose StatementBegin
create function events.append_states(
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

revoke all on function events.append_states from public;

grant execute on function events.append_states to catalog_fn, events_fn;

-- Most rows live for milliseconds: vacuum by count, not by share.
alter table events.outbox set (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000,
    fillfactor = 80
);

-- What a broker gave up on, or the sink will never take.
create table events.dead_letters (
    id          uuid primary key,
    event_id    text not null,
    source      text not null,
    type        text not null,
    subject     text,
    -- The CloudEvent in its JSON format. Not jsonb: that refuses \u0000 and
    -- does not keep numbers as they came.
    event       json not null,
    destination text not null default '',
    status      integer,
    reason      text,
    deliveries  integer not null default 1,
    replays     integer not null default 0,
    replayed_at timestamptz,
    created_at  timestamptz not null default now(),
    -- A dead letter is delivered at least once.
    unique (source, event_id, destination)
);

create index dead_letters_type on events.dead_letters (type, id);

grant select, insert, update, delete on events.dead_letters to events_fn;

-- +goose Down
drop table events.dead_letters;

drop function events.append_states;

-- +goose Up

-- The order of replays is the order of the events. Old rows have it in the
-- event; it is taken out of the text as it stands, since the event may hold what
-- PostgreSQL cannot turn into text.
alter table events.dead_letters
    add column sequence bigint,
    -- Why it cannot be replayed: it is no event, or the broker refuses it.
    add column refusal text,
    -- Until then a replay of many has it in hand.
    add column claimed_until timestamptz;

update events.dead_letters
set sequence = substring((event -> 'sequence')::text from '^"0*([0-9]{1,18})"$')::bigint
where json_typeof(event) = 'object';

-- An index takes no text of any length, and a letter is kept whatever its event says.
create index dead_letters_event on events.dead_letters (left(event_id, 256));

create index dead_letters_subject on events.dead_letters (left(subject, 256), id);

create index dead_letters_claimed on events.dead_letters (claimed_until) where claimed_until is not null;

create index dead_letters_due on events.dead_letters (sequence nulls first, id) where replayed_at is null and refusal is null;

-- +goose Down
drop index events.dead_letters_event, events.dead_letters_subject, events.dead_letters_claimed, events.dead_letters_due;

alter table events.dead_letters
    drop column sequence,
    drop column refusal,
    drop column claimed_until;

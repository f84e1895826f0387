-- +goose Up

-- Priority decides where a lock takes from, the lowest first.
create table inventory.locations (
    code       text primary key check (code ~ '^[A-Za-z0-9._~-]{1,64}$'),
    name       text not null,
    priority   integer not null,
    version    bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

-- One row for each SKU that ever had stock: the policy of selling it.
create table inventory.stock (
    sku                 text primary key check (sku ~ '^[A-Za-z0-9._~-]{1,64}$'),
    track               boolean not null default true,
    when_out_of_stock   text not null default 'deny' check (when_out_of_stock in ('deny', 'backorder', 'preorder')),
    backorder_limit     bigint check (backorder_limit >= 0),
    available_on        timestamptz,
    safety_stock        bigint not null default 0 check (safety_stock >= 0),
    low_stock_threshold bigint not null default 5 check (low_stock_threshold >= 0),
    max_per_order       bigint check (max_per_order > 0),
    incoming            bigint not null default 0 check (incoming >= 0),
    version             bigint not null default 1,
    created_at          timestamptz not null default now(),
    updated_at          timestamptz not null default now()
);

-- P1 is the CHECK: whatever the code does, nothing is sold twice. Its only
-- index never changes, so that counting is a HOT update where a page has room.
create table inventory.levels (
    sku                 text not null references inventory.stock,
    location            text not null references inventory.locations,
    on_hand             bigint not null default 0 check (on_hand >= 0),
    reserved            bigint not null default 0 check (reserved >= 0),
    backorder_allowance bigint not null default 0 check (backorder_allowance >= 0),
    -- Reserved beyond what a count found.
    shortfall           bigint not null default 0 check (shortfall >= 0),
    -- Rises with on_hand, not with reserved: a count is not stale because
    -- somebody put a thing into a cart.
    version             bigint not null default 1,
    updated_at          timestamptz not null default now(),
    primary key (sku, location),
    constraint levels_never_oversold check (reserved <= on_hand + backorder_allowance + shortfall)
) with (fillfactor = 70);

-- The ledger. A request is 'order:step' for what an order did ('536365:placed',
-- found by order as a prefix) and ':' and an id for all else; it moves a level
-- once for each kind.
create table inventory.movements (
    id              bigint generated always as identity,
    request         text collate "C" not null,
    kind            text not null check (kind in ('count', 'adjustment', 'transfer_out', 'transfer_in',
                        'reserve', 'commit', 'release', 'expire', 'return')),
    sku             text not null,
    location        text not null,
    on_hand_delta   bigint not null,
    reserved_delta  bigint not null,
    on_hand_after   bigint not null check (on_hand_after >= 0),
    reserved_after  bigint not null check (reserved_after >= 0),
    reason          text not null default '',
    reference       text not null default '',
    actor           text not null,
    order_id        text collate "C",
    at              timestamptz not null default now(),
    primary key (sku, id),
    constraint movements_once unique (request, kind, sku, location)
);

-- One order, one row, for ever: also for an order that got nothing, and for a
-- cancel that came before its order (a tombstone). No index covers what a
-- later step changes but the one that finds what expires.
create table inventory.reservations (
    order_id    text collate "C" primary key check (order_id ~ '^[A-Za-z0-9._~-]{1,64}$'),
    state       text not null check (state in ('locked', 'partially_locked', 'committed', 'released', 'expired', 'rejected')),
    tombstone   boolean not null default false,
    -- Of the lines as placed, so that the same order with other lines is told apart.
    fingerprint bytea,
    expires_at  timestamptz,
    -- Replies word for word: to the order itself, and to the step that led to
    -- the present state. json, not jsonb: a stored reply never changes a byte.
    placed      json,
    settled     json,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now()
) with (fillfactor = 60);

create index reservations_expiring on inventory.reservations (expires_at)
    where state in ('locked', 'partially_locked');

-- What an order took of a level and what became of it. What is held is in the
-- level's reserved; what was sold is not in its on_hand.
create table inventory.reservation_lines (
    order_id   text collate "C" not null,
    sku        text not null,
    location   text not null,
    held       bigint not null check (held >= 0),
    sold       bigint not null default 0 check (sold >= 0),
    returned   bigint not null default 0 check (returned between 0 and sold),
    -- The reservation's, while it runs: held beyond it counts as free.
    expires_at timestamptz,
    primary key (order_id, sku, location)
) with (fillfactor = 80);

create index reservation_lines_expiring on inventory.reservation_lines (sku, expires_at) where held > 0;

-- Messages about an order that are not told apart by the order's state alone:
-- a redelivery gets what the first delivery got.
create table inventory.messages (
    order_id    text collate "C" not null,
    source      text not null,
    id          text not null,
    step        text not null,
    reply       json not null,
    received_at timestamptz not null default now(),
    primary key (order_id, source, id)
);

-- The views are what other owners may know of the tables above.

-- What each order holds of a level, for the audit.
create view inventory.holdings as
select sku, location, sum(held)::bigint as held
from inventory.reservation_lines
where held > 0
group by sku, location;

-- What is held by reservations past their expiry: free, though not yet recorded.
create view inventory.overdue as
select sku, location, order_id, held, expires_at
from inventory.reservation_lines
where held > 0 and expires_at <= now();

-- Which orders ever took something of a SKU. The ledger knows, so that lines
-- need no index for it: that index cost a fifth of a lock.
create view inventory.takers as
select sku, order_id
from inventory.movements
where kind = 'reserve';

-- The word a visitor is shown; a SKU without a row is out of stock.
create view inventory.sellability as
select
    s.sku,
    case
        when not s.track then 'in_stock'
        when a.available > s.low_stock_threshold then 'in_stock'
        when a.available > 0 then 'low_stock'
        when s.when_out_of_stock = 'deny' then 'out_of_stock'
        when a.available + a.allowance > 0 then s.when_out_of_stock
        else 'out_of_stock'
    end as availability
from inventory.stock s
cross join lateral (
    select
        coalesce(sum(l.on_hand - l.reserved), 0)
            + coalesce((select sum(o.held) from inventory.overdue o where o.sku = s.sku), 0)
            - s.safety_stock as available,
        coalesce(sum(l.backorder_allowance), 0) as allowance
    from inventory.levels l
    where l.sku = s.sku
) a;

grant select, insert, update on
    inventory.locations,
    inventory.stock,
    inventory.levels,
    inventory.reservations
to inventory_fn;

grant select, insert, update (held, sold, returned, expires_at) on inventory.reservation_lines to inventory_fn;

-- Neither the ledger nor a stored reply is ever changed.
grant select, insert on inventory.movements, inventory.messages to inventory_fn;

grant select on inventory.holdings, inventory.overdue, inventory.takers, inventory.sellability to inventory_fn;

grant select on inventory.sellability to catalog_fn;

-- +goose Down
drop view inventory.sellability, inventory.takers, inventory.overdue, inventory.holdings;

drop table
    inventory.messages,
    inventory.reservation_lines,
    inventory.reservations,
    inventory.movements,
    inventory.levels,
    inventory.stock,
    inventory.locations;

-- Where events are handed on to, and what became of each.

create table sinks (
    id text not null primary key,
    kind text not null,
    url text not null,
    settings text not null,
    secrets blob not null,
    state text not null,
    state_reason text,
    failing_since integer,
    created_at integer not null,
    changed_at integer not null,
    version integer not null
) strict;

-- One event for one sink. Events of one interaction are a lane: only the first of those that wait
-- has a time at which it is due, so that none overtakes it.
create table deliveries (
    id blob not null primary key,
    sink_id text not null,
    position integer not null,
    event_id blob not null,
    type text not null,
    lane blob not null,
    interaction_id blob,
    record_id blob not null,
    created_at integer not null,
    state text not null,
    due_at integer,
    leased_until integer,
    lease blob,
    attempts integer not null,
    first_attempt_at integer,
    log text not null,
    settled_at integer
) strict;
create unique index deliveries_one_first on deliveries (sink_id, lane) where due_at is not null;
create index deliveries_due on deliveries (sink_id, due_at) where due_at is not null;
create index deliveries_waiting on deliveries (sink_id, lane, position) where state = 'waiting';
create index deliveries_settled on deliveries (settled_at) where state = 'delivered';
create index deliveries_dead on deliveries (sink_id, id) where state = 'dead';

-- How far the outbox has been dealt out. Whoever changes deliveries holds this row.
create table dispatch (
    id integer not null primary key,
    position integer not null
) strict;
insert into dispatch (id, position) select 1, coalesce(max(seq), 0) from outbox;

-- Where events are handed on to, and what became of each.

create table sinks (
    id text not null primary key,
    kind text not null,
    url text not null,
    settings json not null,
    secrets bytea not null,
    state text not null,
    state_reason text,
    failing_since bigint,
    created_at bigint not null,
    changed_at bigint not null,
    version bigint not null
);

-- One event for one sink. Events of one interaction are a lane: only the first of those that wait
-- has a time at which it is due, so that none overtakes it.
create table deliveries (
    id uuid not null primary key,
    sink_id text not null,
    position bigint not null,
    event_id uuid not null,
    type text not null,
    lane uuid not null,
    interaction_id uuid,
    record_id uuid not null,
    created_at bigint not null,
    state text not null,
    due_at bigint,
    leased_until bigint,
    lease uuid,
    attempts integer not null,
    first_attempt_at bigint,
    log json not null,
    settled_at bigint
);
create unique index deliveries_one_first on deliveries (sink_id, lane) where due_at is not null;
create index deliveries_due on deliveries (sink_id, due_at) where due_at is not null;
create index deliveries_waiting on deliveries (sink_id, lane, position) where state = 'waiting';
create index deliveries_settled on deliveries (settled_at) where state = 'delivered';
create index deliveries_dead on deliveries (sink_id, id) where state = 'dead';

-- How far the outbox has been dealt out. Whoever changes deliveries holds this row.
create table dispatch (
    id bigint not null primary key,
    position bigint not null
);
insert into dispatch (id, position) select 1, coalesce(max(seq), 0) from outbox;

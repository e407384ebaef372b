-- From queue to the right agent: what a queue asks, what an agent can take, who was offered what.

-- How a queue is served: hours, pools, order, what happens to what waits too long.
alter table queues add column settings json not null default '{}';

-- What must be known to serve what a route queues.
alter table routes add column skills json not null default '[]';

-- `presence_at` is 0 for an agent who never said whether they are there.
alter table agents add column presence text not null default 'offline';
alter table agents add column presence_at bigint not null default 0;
alter table agents add column capacity json not null default '{}';
alter table agents add column queues json not null default '[]';
alter table agents add column skills json not null default '[]';
alter table agents add column last_work_at bigint not null default 0;

-- Items of one lane are alike but for their order: the kind of contact, then the skills it takes.
alter table work_items add column lane text not null default 'messaging';
-- What the queue's order makes of it; lower ones are served first.
alter table work_items add column sort_1 bigint not null default 0;
alter table work_items add column sort_2 bigint not null default 0;
-- When it has waited too long; null where its queue knows no such time, or once that was acted upon.
alter table work_items add column due_at bigint;
-- While it is offered: whether it was pushed, since when, and until when.
alter table work_items add column pushed boolean not null default false;
alter table work_items add column offered_at bigint;
alter table work_items add column lease_until bigint;
-- The queue it overflowed from; it does so once.
alter table work_items add column overflowed_from text;

update work_items set sort_1 = priority, sort_2 = queued_at,
    lane = coalesce((select i.type from interactions i where i.id = work_items.interaction_id), 'messaging')
    where state in ('queued', 'pending_accept', 'accepted');

drop index work_items_in_order;
create index work_items_in_order on work_items (queue_id, sort_1, sort_2, id) where state = 'queued';
create index work_items_in_lane on work_items (queue_id, lane, sort_1, sort_2, id) where state = 'queued';
create index work_items_due on work_items (due_at) where state = 'queued' and due_at is not null;
create index work_items_leased on work_items (lease_until) where state = 'pending_accept';
create index work_items_offered on work_items (assigned_to, lane) where state = 'pending_accept';
create index work_items_by_agent on work_items (assigned_to, id) where assigned_to is not null;

-- What became of an item after it was queued. Rows are only ever added.
create table work_item_events (
    id uuid primary key,
    work_item_id uuid not null,
    kind text not null,
    agent_id text,
    queue_id text,
    reason text not null,
    author_kind text not null,
    author text not null,
    -- Whether the item is not offered to this agent again.
    excludes boolean not null,
    at bigint not null
);
create index work_item_events_by_item on work_item_events (work_item_id, id);

-- What an agent has at hand.
create index interactions_at_hand on interactions (assigned_to, state, type) where active and assigned_to is not null;

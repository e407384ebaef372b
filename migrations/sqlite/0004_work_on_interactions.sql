-- What agents do with an interaction: its clocks, its way, what was noted.

-- Time worked and time in wrap-up, of what is over; the rest runs since `state_changed_at`.
alter table interactions add column worked_ms integer not null default 0;
alter table interactions add column wrap_up_ms integer not null default 0;
alter table interactions add column system_wrap_up integer not null default 0;
-- When a live agent was wanted, where a bot went first; else that is `opened_at`.
alter table interactions add column live_requested_at integer;
alter table interactions add column first_reply_at integer;
alter table interactions add column last_reply_id blob;
alter table interactions add column replies integer not null default 0;
alter table interactions add column response_ms integer not null default 0;
alter table interactions add column virtual_agent integer not null default 0;
alter table interactions add column agent_chat integer not null default 0;
alter table interactions add column description_generated integer not null default 0;
alter table interactions add column context text;
alter table interactions add column location text;
alter table interactions add column sentiment text;
alter table interactions add column help_requested integer not null default 0;
alter table interactions add column client_session_id text;

-- Every move after the first: that one is the interaction's own `opened_at` and `opened_by`.
create table interaction_transitions (
    id blob not null primary key,
    interaction_id blob not null,
    from_state text not null,
    from_reason text,
    to_state text not null,
    to_reason text,
    cause text not null,
    author_kind text not null,
    author text not null,
    assigned_to text,
    at integer not null
) strict;
create index interaction_transitions_by_interaction on interaction_transitions (interaction_id, id);

create table interaction_notes (
    id blob not null primary key,
    interaction_id blob not null,
    author_kind text not null,
    author text not null,
    text text not null,
    at integer not null
) strict;
create index interaction_notes_by_interaction on interaction_notes (interaction_id, id);

-- Who wrote a message of ours; nobody for what came in.
alter table messages add column author_kind text;
alter table messages add column author text;

-- The item that this one follows, when an interaction went back into a queue.
alter table work_items add column previous_id blob;
alter table work_items add column assigned_to text;
create index work_items_by_interaction on work_items (interaction_id, id);

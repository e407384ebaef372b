-- What happens because time passed: wrap-up, messaging actions, idle conversations.

-- What holds for the wrap-up of an interaction, when it ends by itself, and what was chosen in it.
alter table interactions add column wrap_up_id text;
alter table interactions add column wrap_up_ends_at integer;
alter table interactions add column wrap_up_codes text not null default '[]';
-- Before this moment no timer of the interaction can be due. Intake never writes it.
alter table interactions add column timers_due_at integer not null default 0;
create index interactions_by_timers on interactions (timers_due_at) where active;

create table wrap_up_configurations (
    id text not null primary key,
    position integer not null,
    conditions text not null,
    enforced integer not null,
    duration_seconds integer not null,
    show_timer integer not null,
    codes text not null,
    default_code text,
    active integer not null,
    created_at integer not null,
    changed_at integer not null,
    version integer not null
) strict;

create table messaging_actions (
    id text not null primary key,
    event text not null,
    after_seconds integer not null,
    conditions text not null,
    action text not null,
    active integer not null,
    created_at integer not null,
    changed_at integer not null,
    version integer not null
) strict;
insert into messaging_actions values
    ('remind-agent', 'requester_wrote', 1800, '{"type":["messaging"]}',
        '{"do":"prompt_agent"}', 1, 0, 0, 1),
    ('no-requester-reply', 'agent_wrote', 172800, '{"type":["messaging"]}',
        '{"do":"set_state","state":"closed_abandoned","reason":"no_requester_reply"}', 1, 0, 0, 1),
    ('chat-remind', 'agent_wrote', 180, '{"type":["chat"]}',
        '{"do":"prompt_requester","text":"Are you still there?"}', 1, 0, 0, 1),
    ('chat-close', 'agent_wrote', 360, '{"type":["chat"]}',
        '{"do":"set_state","state":"closed_complete","reason":"no_user_response"}', 1, 0, 0, 1);

-- What fired: once per rule and the message that armed it.
create table timer_firings (
    id blob not null primary key,
    interaction_id blob not null,
    rule text not null,
    armed_by blob not null,
    armed_at integer not null,
    due_at integer not null,
    outcome text not null,
    what text not null,
    at integer not null
) strict;
create unique index timer_firings_once on timer_firings (interaction_id, rule, armed_by);

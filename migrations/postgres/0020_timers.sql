-- What happens because time passed: wrap-up, messaging actions, idle conversations.

-- What holds for the wrap-up of an interaction, when it ends by itself, and what was chosen in it.
alter table interactions add column wrap_up_id text;
alter table interactions add column wrap_up_ends_at bigint;
alter table interactions add column wrap_up_codes json not null default '[]';
-- Before this moment no timer of the interaction can be due. Intake never writes it.
alter table interactions add column timers_due_at bigint not null default 0;
create index interactions_by_timers on interactions (timers_due_at) where active;

create table wrap_up_configurations (
    id text not null primary key,
    position bigint not null,
    conditions json not null,
    enforced boolean not null,
    duration_seconds bigint not null,
    show_timer boolean not null,
    codes json not null,
    default_code text,
    active boolean not null,
    created_at bigint not null,
    changed_at bigint not null,
    version bigint not null
);

create table messaging_actions (
    id text not null primary key,
    event text not null,
    after_seconds bigint not null,
    conditions json not null,
    action json not null,
    active boolean not null,
    created_at bigint not null,
    changed_at bigint not null,
    version bigint not null
);
insert into messaging_actions values
    ('remind-agent', 'requester_wrote', 1800, '{"type":["messaging"]}',
        '{"do":"prompt_agent"}', true, 0, 0, 1),
    ('no-requester-reply', 'agent_wrote', 172800, '{"type":["messaging"]}',
        '{"do":"set_state","state":"closed_abandoned","reason":"no_requester_reply"}', true, 0, 0, 1),
    ('chat-remind', 'agent_wrote', 180, '{"type":["chat"]}',
        '{"do":"prompt_requester","text":"Are you still there?"}', true, 0, 0, 1),
    ('chat-close', 'agent_wrote', 360, '{"type":["chat"]}',
        '{"do":"set_state","state":"closed_complete","reason":"no_user_response"}', true, 0, 0, 1);

-- What fired: once per rule and the message that armed it.
create table timer_firings (
    id uuid not null primary key,
    interaction_id uuid not null,
    rule text not null,
    armed_by uuid not null,
    armed_at bigint not null,
    due_at bigint not null,
    outcome text not null,
    what text not null,
    at bigint not null
);
create unique index timer_firings_once on timer_firings (interaction_id, rule, armed_by);

-- Incidents, cases and requests, and what an interaction has to do with them.

-- The last number given out per kind; a number taken by what was not stored leaves a hole.
create table task_numbers (
    kind text primary key,
    last bigint not null
);

create table tasks (
    id uuid primary key,
    number text not null unique,
    kind text not null,
    short_description text not null,
    description text,
    state text not null,
    priority bigint not null,
    opened_for_kind text not null,
    opened_for uuid,
    profile_id uuid,
    account text,
    contact uuid,
    consumer uuid,
    assigned_to text,
    -- The interaction it was created on.
    interaction_id uuid,
    -- Created where an interaction has at most one of its kind.
    sole boolean not null,
    opened_at bigint not null,
    opened_by text not null,
    resolved_at bigint,
    closed_at bigint,
    closed_by text,
    changed_at bigint not null,
    version bigint not null
);
-- One contact, one of a kind; a canceled one makes room.
create unique index tasks_one_per_interaction on tasks (interaction_id, kind) where sole and state <> 'canceled';
create index tasks_by_interaction on tasks (interaction_id, kind, id) where interaction_id is not null;
create index tasks_by_kind on tasks (kind, id);
create index tasks_by_state on tasks (state, id);
create index tasks_by_person on tasks (opened_for, id) where opened_for is not null;
create index tasks_by_profile on tasks (profile_id, id) where profile_id is not null;

-- Tasks and records of other systems that belong to an interaction: one row each, with the
-- strongest of what was done to it. No operation: associated by hand.
create table related_records (
    id uuid primary key,
    interaction_id uuid not null,
    document_table text not null,
    document_id text not null,
    task_id uuid,
    url text,
    operation text,
    strength bigint not null,
    author_kind text not null,
    author text not null,
    at bigint not null
);
create unique index related_records_one on related_records (interaction_id, document_table, document_id);
create index related_records_in_order on related_records (interaction_id, at, id);

-- What is logged by itself, per table; what is null follows the default.
create table related_policies (
    document_table text primary key,
    operations json,
    one_per_interaction boolean,
    changed_at bigint not null,
    version bigint not null
);

-- What is switched for the whole gateway and all its instances.
create table settings (
    name text primary key,
    value json not null,
    changed_at bigint not null,
    version bigint not null
);

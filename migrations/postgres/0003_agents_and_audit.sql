-- Who works here, and who changed what.

create table agents (
    id text primary key,
    name text not null,
    active boolean not null,
    created_at bigint not null,
    changed_at bigint not null,
    version bigint not null
);

-- A key of an agent's own: whatever it does, the agent did.
alter table api_keys add column agent_id text;

-- Every change made by a person or a key. Rows are only ever added.
create table audit (
    id uuid primary key,
    author_kind text not null,
    author text not null,
    key_id uuid,
    action text not null,
    subject_kind text not null,
    subject text not null,
    changes jsonb not null,
    at bigint not null
);
create index audit_by_subject on audit (subject_kind, subject, id);
create index audit_by_author on audit (author_kind, author, id);

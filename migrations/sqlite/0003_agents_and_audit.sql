-- Who works here, and who changed what.

create table agents (
    id text not null primary key,
    name text not null,
    active integer not null,
    created_at integer not null,
    changed_at integer not null,
    version integer not null
) strict;

-- A key of an agent's own: whatever it does, the agent did.
alter table api_keys add column agent_id text;

-- Every change made by a person or a key. Rows are only ever added.
create table audit (
    id blob not null primary key,
    author_kind text not null,
    author text not null,
    key_id blob,
    action text not null,
    subject_kind text not null,
    subject text not null,
    changes text not null,
    at integer not null
) strict;
create index audit_by_subject on audit (subject_kind, subject, id);
create index audit_by_author on audit (author_kind, author, id);

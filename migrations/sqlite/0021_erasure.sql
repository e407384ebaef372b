-- What is not kept for ever, and what is erased for good.

-- Out of the way of those who work; never without a short description.
alter table interactions add column archived_at integer;
create index interactions_to_archive on interactions (closed_at) where closed_at is not null and archived_at is null;

-- Opt-outs of senders who were erased: a keyed digest of sender and our address, and nothing else.
create table forgotten_consents (
    digest blob not null primary key,
    state text not null,
    changed_at integer not null
) strict;

-- What was erased when, by whom and how much; not of whom.
create table erasures (
    id blob not null primary key,
    author_kind text not null,
    author text not null,
    removed text not null,
    started_at integer not null,
    finished_at integer not null
) strict;

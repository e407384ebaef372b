-- What agents decide about senders, and two profiles that turn out to be one sender.

alter table profiles add column verified_by text;
alter table profiles add column verified_method text;
alter table profiles add column blocked_by text;
alter table profiles add column blocked_reason text;
-- When it was given up. It is never taken up again, unless a merge that did it is undone.
alter table profiles add column expired_at integer;
-- The profile that took its place.
alter table profiles add column merged_into blob;
-- What an agent should look at.
create index profiles_undecided on profiles (id) where match_outcome in ('new_ambiguous', 'guest_ambiguous', 'conflict', 'person_inactive');
create index profiles_blocked on profiles (id) where blocked_at is not null;

-- What a person is called in the system the directory comes from.
alter table people add column external_id text;
create unique index people_by_external_id on people (external_id) where external_id is not null;

-- Two profiles of one sender. What a merge changed stands in `changes` and in the rows below, so
-- that it can be taken back.
create table profile_merges (
    id blob not null primary key,
    kept_id blob not null,
    given_up_id blob not null,
    -- The pair in a fixed order, so that it is proposed once.
    first_id blob not null,
    second_id blob not null,
    reason text not null,
    state text not null,
    proposed_at integer not null,
    proposed_by text not null,
    decided_at integer,
    decided_by text,
    undone_at integer,
    undone_by text,
    changes text not null,
    version integer not null
) strict;
create unique index profile_merges_one_per_pair on profile_merges (first_id, second_id) where state <> 'undone';
create index profile_merges_by_kept on profile_merges (kept_id, id);
create index profile_merges_by_given_up on profile_merges (given_up_id, id);
create index profile_merges_by_state on profile_merges (state, id);

-- Interactions and tasks that a merge gave to the profile that was kept.
create table profile_merge_rows (
    merge_id blob not null,
    kind text not null,
    row_id blob not null,
    primary key (merge_id, kind, row_id)
) strict, without rowid;

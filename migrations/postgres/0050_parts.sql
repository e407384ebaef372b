-- Parts of longer texts, until they can be joined. The key is a digest of channel, sender, recipient,
-- reference and total; one group a key is open.
create table part_groups (
    id uuid primary key,
    key bytea not null,
    channel_id text not null,
    our_address text not null,
    total integer not null,
    is_open boolean not null,
    message_id uuid,
    first_at bigint not null
);
create unique index part_groups_open on part_groups (key) where is_open;
create index part_groups_waiting on part_groups (first_at) where message_id is null;
create index part_groups_by_age on part_groups (first_at);

create table parts (
    group_id uuid not null,
    place integer not null,
    request_id uuid not null,
    message json not null,
    primary key (group_id, place)
);

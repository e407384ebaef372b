-- From a webhook request to a queued interaction.
-- Times are Unix milliseconds. No foreign keys on the intake path: they cost a sixth of its
-- throughput, and rows there are only ever written together, in one transaction.

create table channels (
    id text not null primary key,
    provider text not null,
    address text not null,
    account blob not null,
    settings text not null,
    active integer not null,
    created_at integer not null,
    changed_at integer not null,
    version integer not null
) strict;

create table people (
    id blob not null primary key,
    kind text not null,
    name text not null,
    email text,
    active integer not null,
    created_at integer not null,
    changed_at integer not null,
    version integer not null
) strict;

create table person_phones (
    person_id blob not null references people (id) on delete cascade,
    phone text not null,
    primary key (person_id, phone)
) strict, without rowid;
create index person_phones_by_phone on person_phones (phone);

create table profiles (
    id blob not null primary key,
    scheme text not null,
    scope text not null,
    value text not null,
    address_kind text not null,
    answerable integer not null,
    person_kind text,
    person_id blob,
    display_name text,
    language text,
    active integer not null,
    verified_at integer,
    blocked_at integer,
    match_outcome text not null,
    candidates text not null,
    created_at integer not null,
    changed_at integer not null,
    version integer not null
) strict;
-- One active profile per address. The address comes first: most keys differ there already.
create unique index profiles_one_active on profiles (value, scheme, scope) where active;
create index profiles_by_value on profiles (value);
create index profiles_by_person on profiles (person_id) where person_id is not null;

-- Other addresses of the same sender, such as a WhatsApp user id beside the number.
create table profile_aliases (
    scheme text not null,
    scope text not null,
    value text not null,
    profile_id blob not null,
    created_at integer not null,
    primary key (value, scheme, scope)
) strict, without rowid;
create index profile_aliases_by_profile on profile_aliases (profile_id);

create table interactions (
    seq integer primary key,
    id blob not null unique,
    type text not null,
    subtype text not null,
    direction text not null,
    initiated_by text not null,
    state text not null,
    state_reason text,
    state_changed_at integer not null,
    active integer not null,
    profile_id blob,
    channel_id text,
    our_address text,
    opened_for_kind text not null,
    opened_for blob,
    account text,
    contact blob,
    consumer blob,
    verified integer not null,
    match_outcome text not null,
    candidates text not null,
    assigned_to text,
    assigned_at integer,
    assignment_group text,
    opened_at integer not null,
    opened_by text not null,
    closed_at integer,
    closed_by text,
    short_description text,
    language text,
    country text,
    channel_metadata text not null,
    parent_id blob,
    version integer not null
) strict;
-- One open interaction per conversation.
create unique index interactions_one_open on interactions (profile_id, our_address) where active;
create index interactions_by_profile on interactions (profile_id, our_address, opened_at);
create index interactions_by_person on interactions (opened_for, seq) where opened_for is not null;

create table requests (
    id blob not null primary key,
    channel_id text,
    method text not null,
    target text not null,
    headers text not null,
    body blob not null,
    received_at integer not null,
    outcome text not null,
    reason text,
    events integer not null,
    duplicates integer not null
) strict;
create index requests_refused on requests (id) where outcome in ('refused', 'unknown_channel');

-- What has been recorded under which provider's id, within a channel. The key is a digest of both:
-- a random sixteen bytes are the smallest index entry that any provider's id fits into.
create table dedupe (
    key blob not null primary key,
    record_id blob not null,
    content integer,
    received_at integer not null
) strict, without rowid;

create table messages (
    id blob not null primary key,
    request_id blob,
    channel_id text not null,
    interaction_id blob not null,
    profile_id blob not null,
    direction text not null,
    kind text not null,
    provider_message_id text,
    text text,
    attachments text not null,
    reply_to text,
    conversation text,
    details text not null,
    sent_at integer,
    received_at integer not null,
    edited_at integer,
    deleted_at integer,
    decision text not null,
    reason text not null
) strict;
create index messages_by_interaction on messages (interaction_id, id);

-- Everything a provider told us that is not a message: statuses, reactions, edits, and the rest.
create table events (
    id blob not null primary key,
    request_id blob not null,
    channel_id text not null,
    kind text not null,
    provider_type text,
    target text,
    message_id blob,
    data text not null,
    at integer,
    received_at integer not null
) strict;
create index events_by_target on events (channel_id, target) where target is not null;

create table queues (
    id text not null primary key,
    name text not null,
    is_default integer not null,
    created_at integer not null,
    changed_at integer not null,
    version integer not null
) strict;
create unique index queues_one_default on queues (is_default) where is_default;

create table routes (
    id text not null primary key,
    position integer not null,
    queue_id text not null references queues (id),
    priority integer not null,
    conditions text not null,
    active integer not null,
    created_at integer not null,
    changed_at integer not null,
    version integer not null
) strict;

create table work_items (
    id blob not null primary key,
    interaction_id blob not null,
    queue_id text not null,
    state text not null,
    priority integer not null,
    route_id text,
    unrouted integer not null,
    reason text not null,
    queued_at integer not null,
    changed_at integer not null,
    version integer not null
) strict;
create unique index work_items_one_open on work_items (interaction_id) where state in ('queued', 'pending_accept', 'accepted');
create index work_items_in_order on work_items (queue_id, priority, queued_at, id) where state = 'queued';

-- What must be told onward. It names the record it is about instead of repeating it, so that what
-- a person wrote stands in one place.
create table outbox (
    seq integer primary key,
    id blob not null,
    type text not null,
    interaction_id blob,
    record_id blob not null,
    created_at integer not null
) strict;

-- Consent per sender's address and address of ours.
create table consents (
    scheme text not null,
    value text not null,
    our_address text not null,
    state text not null,
    source text not null,
    changed_at integer not null,
    primary key (scheme, value, our_address)
) strict, without rowid;

create table api_keys (
    id blob not null primary key,
    name text not null,
    hash blob not null unique,
    scopes text not null,
    created_at integer not null,
    expires_at integer,
    last_used_at integer,
    revoked_at integer
) strict;

-- From a webhook request to a queued interaction.
-- Times are Unix milliseconds. No foreign keys on the intake path: they cost a sixth of its
-- throughput, and rows there are only ever written together, in one transaction.

create table channels (
    id text primary key,
    provider text not null,
    address text not null,
    account bytea not null,
    settings json not null,
    active boolean not null,
    created_at bigint not null,
    changed_at bigint not null,
    version bigint not null
);

create table people (
    id uuid primary key,
    kind text not null,
    name text not null,
    email text,
    active boolean not null,
    created_at bigint not null,
    changed_at bigint not null,
    version bigint not null
);

create table person_phones (
    person_id uuid not null references people (id) on delete cascade,
    phone text not null,
    primary key (person_id, phone)
);
create index person_phones_by_phone on person_phones (phone);

create table profiles (
    id uuid primary key,
    scheme text not null,
    scope text not null,
    value text not null,
    address_kind text not null,
    answerable boolean not null,
    person_kind text,
    person_id uuid,
    display_name text,
    language text,
    active boolean not null,
    verified_at bigint,
    blocked_at bigint,
    match_outcome text not null,
    candidates json not null,
    created_at bigint not null,
    changed_at bigint not null,
    version bigint not null
);
-- One active profile per address. The address comes first: most keys differ there already.
create unique index profiles_one_active on profiles (value, scheme, scope) where active;
create index profiles_by_value on profiles (value);
create index profiles_by_person on profiles (person_id) where person_id is not null;

-- Other addresses of the same sender, such as a WhatsApp user id beside the number.
create table profile_aliases (
    scheme text not null,
    scope text not null,
    value text not null,
    profile_id uuid not null,
    created_at bigint not null,
    primary key (value, scheme, scope)
);
create index profile_aliases_by_profile on profile_aliases (profile_id);

create table interactions (
    id uuid primary key,
    seq bigint generated always as identity unique,
    type text not null,
    subtype text not null,
    direction text not null,
    initiated_by text not null,
    state text not null,
    state_reason text,
    state_changed_at bigint not null,
    active boolean not null,
    profile_id uuid,
    channel_id text,
    our_address text,
    opened_for_kind text not null,
    opened_for uuid,
    account text,
    contact uuid,
    consumer uuid,
    verified boolean not null,
    match_outcome text not null,
    candidates json not null,
    assigned_to text,
    assigned_at bigint,
    assignment_group text,
    opened_at bigint not null,
    opened_by text not null,
    closed_at bigint,
    closed_by text,
    short_description text,
    language text,
    country text,
    channel_metadata json not null,
    parent_id uuid,
    version bigint not null
);
-- One open interaction per conversation.
create unique index interactions_one_open on interactions (profile_id, our_address) where active;
create index interactions_by_profile on interactions (profile_id, our_address, opened_at);
create index interactions_by_person on interactions (opened_for, seq) where opened_for is not null;

create table requests (
    id uuid primary key,
    channel_id text,
    method text not null,
    target text not null,
    headers json not null,
    body bytea not null,
    received_at bigint not null,
    outcome text not null,
    reason text,
    events integer not null,
    duplicates integer not null
);
create index requests_refused on requests (id) where outcome in ('refused', 'unknown_channel');

-- What has been recorded under which provider's id, within a channel. The key is a digest of both:
-- a random sixteen bytes are the smallest index entry that any provider's id fits into.
create table dedupe (
    key bytea primary key,
    record_id uuid not null,
    content bigint,
    received_at bigint not null
);

create table messages (
    id uuid primary key,
    request_id uuid,
    channel_id text not null,
    interaction_id uuid not null,
    profile_id uuid not null,
    direction text not null,
    kind text not null,
    provider_message_id text,
    text text,
    attachments json not null,
    reply_to text,
    conversation text,
    details json not null,
    sent_at bigint,
    received_at bigint not null,
    edited_at bigint,
    deleted_at bigint,
    decision text not null,
    reason text not null
);
create index messages_by_interaction on messages (interaction_id, id);

-- Everything a provider told us that is not a message: statuses, reactions, edits, and the rest.
create table events (
    id uuid primary key,
    request_id uuid not null,
    channel_id text not null,
    kind text not null,
    provider_type text,
    target text,
    message_id uuid,
    data json not null,
    at bigint,
    received_at bigint not null
);
create index events_by_target on events (channel_id, target) where target is not null;

create table queues (
    id text primary key,
    name text not null,
    is_default boolean not null,
    created_at bigint not null,
    changed_at bigint not null,
    version bigint not null
);
create unique index queues_one_default on queues (is_default) where is_default;

create table routes (
    id text primary key,
    position bigint not null,
    queue_id text not null references queues (id),
    priority bigint not null,
    conditions json not null,
    active boolean not null,
    created_at bigint not null,
    changed_at bigint not null,
    version bigint not null
);

create table work_items (
    id uuid primary key,
    interaction_id uuid not null,
    queue_id text not null,
    state text not null,
    priority bigint not null,
    route_id text,
    unrouted boolean not null,
    reason text not null,
    queued_at bigint not null,
    changed_at bigint not null,
    version bigint not null
);
create unique index work_items_one_open on work_items (interaction_id) where state in ('queued', 'pending_accept', 'accepted');
create index work_items_in_order on work_items (queue_id, priority, queued_at, id) where state = 'queued';

-- What must be told onward. It names the record it is about instead of repeating it, so that what
-- a person wrote stands in one place.
create table outbox (
    seq bigint generated always as identity primary key,
    id uuid not null,
    type text not null,
    interaction_id uuid,
    record_id uuid not null,
    created_at bigint not null
);

-- Consent per sender's address and address of ours.
create table consents (
    scheme text not null,
    value text not null,
    our_address text not null,
    state text not null,
    source text not null,
    changed_at bigint not null,
    primary key (scheme, value, our_address)
);

create table api_keys (
    id uuid primary key,
    name text not null,
    hash bytea not null unique,
    scopes text not null,
    created_at bigint not null,
    expires_at bigint,
    last_used_at bigint,
    revoked_at bigint
);

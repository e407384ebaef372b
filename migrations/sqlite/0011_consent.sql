-- What senders decided about our messages, with how it came to that.

-- The words or the person that decided it.
alter table consents add column reason text;
alter table consents add column author_kind text not null default 'requester';
alter table consents add column author text not null default 'requester';
create index consents_by_value on consents (value);

-- Every decision, also a repeated one. Rows are only ever added.
create table consent_changes (
    id blob not null primary key,
    scheme text not null,
    value text not null,
    our_address text not null,
    state text not null,
    source text not null,
    reason text,
    author_kind text not null,
    author text not null,
    -- The message or event that said it; none where somebody entered it.
    record_id blob,
    at integer not null
) strict;
create index consent_changes_by_value on consent_changes (value, id);

-- The first answer to each `Idempotency-Key`, kept for a day. No status: still running.

create table idempotent_answers (
    api_key_id uuid not null,
    key text not null,
    digest bytea not null,
    started_at bigint not null,
    status integer,
    headers json not null,
    body bytea not null,
    primary key (api_key_id, key)
);
create index idempotent_answers_by_age on idempotent_answers (started_at);

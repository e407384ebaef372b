-- The first answer to each `Idempotency-Key`, kept for a day. No status: still running.

create table idempotent_answers (
    api_key_id blob not null,
    key text not null,
    digest blob not null,
    started_at integer not null,
    status integer,
    headers text not null,
    body blob not null,
    primary key (api_key_id, key)
) strict, without rowid;
create index idempotent_answers_by_age on idempotent_answers (started_at);

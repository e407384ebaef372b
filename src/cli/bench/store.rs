//! SQL of the bench: databases that have seen messages before.
//!
//! Rows are made by the database itself, in sets, and look as the gateway writes them. Archived
//! requests are shorter than real ones: nothing on the intake path reads them. Nor is what was said
//! indexed for search, which would otherwise still be under way when intake is measured.

use anyhow::Context;
use sqlx::AssertSqlSafe;

use super::requests::{AREAS, CHANNEL, KNOWN, OUR_ADDRESS, channel};
use crate::{
    channels,
    db::{Store, Tx, on_engine},
    search,
    vault::Vault,
};

/// Messages of one sender in a large database.
const MESSAGES_EACH: u64 = 20;

/// Rows made in one statement.
const AT_ONCE: u64 = 250_000;

/// The open interactions and what belongs to them, by sender.
const SENDERS: [&str; 3] = [
    "insert into profiles (id, scheme, scope, value, address_kind, answerable, active, match_outcome, \
     candidates, created_at, changed_at, version) select {profile}, 'sms', '', {phone}, 'phone', true, true, \
     'new_guest', '[]', 0, 0, 1 from {rows}",
    "insert into interactions (id, type, subtype, direction, initiated_by, state, state_changed_at, active, \
     profile_id, channel_id, our_address, opened_for_kind, verified, match_outcome, candidates, opened_at, \
     opened_by, country, channel_metadata, version) select {interaction}, 'messaging', 'sms', 'inbound', \
     'requester', 'new', 0, true, {profile}, {channel}, {ours}, 'guest', false, 'new_guest', '[]', 0, \
     'requester', 'US', '{}', 1 from {rows}",
    "insert into work_items (id, interaction_id, queue_id, state, priority, unrouted, reason, queued_at, \
     changed_at, version) select {item}, {interaction}, 'default', 'queued', 3, true, 'no route matched', \
     0, 0, 1 from {rows}",
];

/// What each message left behind, by message.
const MESSAGES: [&str; 3] = [
    "insert into requests (id, channel_id, method, target, headers, body, received_at, outcome, events, \
     duplicates) select {request}, {channel}, 'POST', '/webhooks/bench', '[]', {body}, 0, 'accepted', 1, 0 \
     from {rows}",
    "insert into messages (id, request_id, channel_id, interaction_id, profile_id, direction, kind, \
     provider_message_id, text, attachments, details, received_at, decision, reason) select {message}, \
     {request}, {channel}, {interaction}, {profile}, 'inbound', 'message', {sid}, \
     'My order has not come, where is it by now?', '[]', '{}', 0, 'continued', 'open_interaction' from {rows}",
    // In the order of the index, as a database that has grown slowly has it.
    "insert into dedupe (key, record_id, received_at) select {digest} as key, {message}, 0 from {rows} \
     order by key",
];

/// Makes a database with the channel and `stored` messages in it.
pub(super) async fn make(url: &str, vault: &Vault, stored: u64) -> anyhow::Result<()> {
    let store = Store::open(url, 2).await?;
    store.prepare().await?;
    let mut tx = store.begin().await?;
    channels::insert(&mut tx, vault, &channel()?).await?;
    tx.commit().await?;
    let senders = KNOWN.max(stored / MESSAGES_EACH);
    fill(&store, &SENDERS, senders, senders).await?;
    fill(&store, &MESSAGES, stored, senders).await?;
    search::pass_over(&store).await?;
    settle(&store).await?;
    store.close().await;
    Ok(())
}

async fn fill(store: &Store, templates: &[&str], rows: u64, senders: u64) -> anyhow::Result<()> {
    for template in templates {
        let mut from = 0;
        while from < rows {
            let until = rows.min(from + AT_ONCE);
            let mut tx = store.begin().await?;
            let sql = written_out(&tx, template, senders);
            on_engine!(&mut tx, conn => sqlx::query(AssertSqlSafe(sql.as_str()))
                .bind(i64::try_from(from)?)
                .bind(i64::try_from(until - 1)?)
                .execute(conn)
                .await
                .map(drop))
            .context("messages could not be made")?;
            tx.commit().await?;
            from = until;
        }
    }
    Ok(())
}

/// The engine's own words for what the templates leave open. Ids are like UUID v7: they ascend.
fn written_out(tx: &Tx, template: &str, senders: u64) -> String {
    let id = |kind: u32, number: &str| match tx {
        Tx::Sqlite(_) => format!("unhex(printf('%012x7000800{kind}%012x', {number}, {number}))"),
        Tx::Postgres(_) => format!(
            "(lpad(to_hex({number}), 12, '0') || '7000800{kind}' || lpad(to_hex({number}), 12, '0'))::uuid"
        ),
    };
    // Spread over the index like a provider's ids, by a multiplication modulo 2^32.
    let spread = "i * 2654435761 % 4294967296";
    let (rows, sid, digest, body) = match tx {
        Tx::Sqlite(_) => (
            "(with recursive n(i) as (select $1 union all select i + 1 from n where i < $2) select i from n)",
            format!("printf('SM%08x%024x', {spread}, i)"),
            format!("unhex(printf('%08x%024x', {spread}, i))"),
            "cast(printf('%0240d', i) as blob)",
        ),
        Tx::Postgres(_) => (
            "generate_series($1::bigint, $2::bigint) as n(i)",
            format!("'SM' || lpad(to_hex({spread}), 8, '0') || lpad(to_hex(i), 24, '0')"),
            format!("decode(lpad(to_hex({spread}), 8, '0') || lpad(to_hex(i), 24, '0'), 'hex')"),
            "convert_to(lpad(i::text, 240, '0'), 'UTF8')",
        ),
    };
    let sender = format!("(i % {senders})");
    let phone = format!(
        "'+1' || substr('{AREAS}', cast(1 + 3 * (i / 10000) as integer), 3) || \
         cast(5550000 + i % 10000 as text)"
    );
    template
        .replace("{rows}", rows)
        .replace("{sid}", &sid)
        .replace("{digest}", &digest)
        .replace("{body}", body)
        .replace("{phone}", &phone)
        .replace("{channel}", &format!("'{CHANNEL}'"))
        .replace("{ours}", &format!("'{OUR_ADDRESS}'"))
        .replace("{profile}", &id(1, &sender))
        .replace("{interaction}", &id(2, &sender))
        .replace("{item}", &id(3, "i"))
        .replace("{request}", &id(4, "i"))
        .replace("{message}", &id(5, "i"))
}

/// Brings the database to where it would be had the rows come slowly.
pub(super) async fn settle(store: &Store) -> anyhow::Result<()> {
    match store {
        Store::Sqlite { write, .. } => {
            sqlx::query("pragma wal_checkpoint(truncate)").execute(write).await?;
        }
        Store::Postgres(pool) => {
            sqlx::query("vacuum analyze").execute(pool).await?;
            sqlx::query("checkpoint").execute(pool).await?;
        }
    }
    Ok(())
}

/// Items of a queue in three lanes, each with its interaction, by number.
const ITEMS: &str = "insert into work_items (id, interaction_id, queue_id, lane, state, priority, sort_1, sort_2, \
     unrouted, reason, queued_at, changed_at, version) select {item}, {interaction}, 'bench', \
     case i % 3 when 0 then 'messaging' when 1 then 'messaging billing' else 'messaging portuguese' end, \
     'queued', 100, 100, i, true, 'made', i, i, 1 from {rows}";

/// Makes a database where so many items wait in the queue `bench`.
pub(super) async fn make_queue(store: &Store, waiting: u64) -> anyhow::Result<()> {
    store.prepare().await?;
    fill(store, &[SENDERS[1], ITEMS], waiting, waiting).await?;
    settle(store).await
}

/// Puts everything back into the queue and lets the database rest, without a checkpoint: after one
/// PostgreSQL logs each page whole that is changed, which a long queue has more of.
pub(super) async fn put_back(store: &Store) -> anyhow::Result<()> {
    const BACK: [&str; 2] = [
        "update work_items set state = 'queued', assigned_to = null, offered_at = null, lease_until = null, \
         pushed = false where state = 'pending_accept'",
        "delete from work_item_events where true",
    ];
    let mut tx = store.begin().await?;
    for sql in BACK {
        on_engine!(&mut tx, conn => sqlx::query(sql).execute(conn).await.map(drop))?;
    }
    tx.commit().await?;
    if let Store::Postgres(pool) = store {
        sqlx::query("vacuum analyze").execute(pool).await?;
        return Ok(());
    }
    settle(store).await
}

/// Forgets which messages are known, as retention does in time, until [`remember`].
pub(super) async fn forget(url: &str) -> anyhow::Result<()> {
    const FORGET: [&str; 2] =
        ["create table forgotten_here as select * from dedupe", "delete from dedupe where true"];
    run(url, &FORGET).await
}

/// Knows again what was forgotten.
pub(super) async fn remember(url: &str) -> anyhow::Result<()> {
    const REMEMBER: [&str; 2] = [
        "insert into dedupe select * from forgotten_here where true on conflict (key) do nothing",
        "drop table forgotten_here",
    ];
    run(url, &REMEMBER).await
}

async fn run(url: &str, statements: &[&'static str]) -> anyhow::Result<()> {
    let store = Store::open(url, 1).await?;
    let mut tx = store.begin().await?;
    for sql in statements {
        on_engine!(&mut tx, conn => sqlx::query(*sql).execute(conn).await.map(drop))?;
    }
    tx.commit().await?;
    settle(&store).await?;
    store.close().await;
    Ok(())
}

/// Deliveries that sinks have accepted.
pub(super) async fn handed_on(store: &Store) -> anyhow::Result<i64> {
    const SQL: &str = "select count(*) from deliveries where state = 'delivered'";
    number(store, SQL).await
}

/// Whether anything still waits for a sink.
pub(super) async fn is_waiting(store: &Store) -> anyhow::Result<bool> {
    const SQL: &str = "select (select count(*) from (select id from deliveries where state = 'waiting' limit 1) w) \
        + (select coalesce(max(seq), 0) from outbox) - (select position from dispatch where id = 1)";
    Ok(number(store, SQL).await? > 0)
}

async fn number(store: &Store, sql: &'static str) -> anyhow::Result<i64> {
    let mut tx = store.begin_read().await?;
    let (number,): (i64,) = on_engine!(&mut tx, conn => sqlx::query_as(sql).fetch_one(conn).await)?;
    tx.rollback().await?;
    Ok(number)
}

/// How many items are offered.
pub(super) async fn offered(store: &Store) -> anyhow::Result<i64> {
    number(store, "select count(*) from work_items where state = 'pending_accept'").await
}

/// Makes an empty database beside the one at `url`.
pub(super) async fn create(url: &str, name: &str) -> anyhow::Result<()> {
    let Store::Postgres(pool) = Store::open(url, 1).await? else {
        return Ok(());
    };
    sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&pool).await?;
    pool.close().await;
    Ok(())
}

/// The engine's version and how durable it is set, for the report.
pub(super) async fn describe(url: &str) -> anyhow::Result<String> {
    let store = Store::open(url, 1).await?;
    let (engine, sql) = match &store {
        Store::Sqlite { .. } => (
            "SQLite",
            "select sqlite_version() || ', journal_mode ' || j.journal_mode || ', synchronous ' || s.synchronous \
             from pragma_journal_mode j, pragma_synchronous s",
        ),
        Store::Postgres(_) => (
            "PostgreSQL",
            "select current_setting('server_version') || ', fsync ' || current_setting('fsync') || \
             ', synchronous_commit ' || current_setting('synchronous_commit') || ', shared_buffers ' || \
             current_setting('shared_buffers')",
        ),
    };
    let mut tx = store.begin().await?;
    let (text,): (String,) =
        on_engine!(&mut tx, conn => sqlx::query_as(sql).fetch_one(conn).await)?;
    tx.rollback().await?;
    store.close().await;
    Ok(format!("{engine} {text}"))
}

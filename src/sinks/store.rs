//! SQL of sinks.

use super::{Secrets, Sink};
use crate::{
    db::{StoreError, Tx, on_engine},
    routing::DEFAULT_QUEUE,
    vault::{Vault, VaultError},
};

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(flatten)]
    sink: Sink,
    secrets: Vec<u8>,
}

/// A sink with its secrets, or why they do not open.
#[derive(Debug)]
pub struct OpenSink {
    /// The sink.
    pub sink: Sink,
    /// Its secrets.
    pub secrets: Result<Secrets, VaultError>,
}

const COLUMNS: &str = "select id, kind, url, settings, state, state_reason, failing_since, \
    created_at, changed_at, version, secrets from sinks order by id";

/// All sinks in the order of their ids, without their secrets.
pub async fn list(tx: &mut Tx) -> Result<Vec<Sink>, StoreError> {
    let rows = rows(tx).await?;
    Ok(rows.into_iter().map(|row| row.sink).collect())
}

/// All sinks in the order of their ids, with their secrets.
pub async fn open(tx: &mut Tx, vault: &Vault) -> Result<Vec<OpenSink>, StoreError> {
    let rows = rows(tx).await?;
    Ok(rows.into_iter().map(|row| row.open(vault)).collect())
}

async fn rows(tx: &mut Tx) -> Result<Vec<Row>, StoreError> {
    Ok(on_engine!(tx, conn => sqlx::query_as(COLUMNS).fetch_all(conn).await)?)
}

/// One sink with its secrets.
pub async fn get(tx: &mut Tx, vault: &Vault, id: &str) -> Result<Option<OpenSink>, StoreError> {
    const SQL: &str = "select id, kind, url, settings, state, state_reason, failing_since, \
        created_at, changed_at, version, secrets from sinks where id = $1";
    let row: Option<Row> =
        on_engine!(tx, conn => sqlx::query_as(SQL).bind(id).fetch_optional(conn).await)?;
    Ok(row.map(|row| row.open(vault)))
}

/// Stores a new sink; [`StoreError::Exists`] when its id is taken.
pub async fn insert(
    tx: &mut Tx,
    vault: &Vault,
    sink: &Sink,
    secrets: &Secrets,
) -> Result<(), StoreError> {
    const SQL: &str = "insert into sinks (id, kind, url, settings, secrets, state, state_reason, \
        failing_since, created_at, changed_at, version) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(&sink.id)
        .bind(sink.kind.as_str())
        .bind(&sink.url)
        .bind(&sink.settings)
        .bind(seal(vault, sink, secrets))
        .bind(sink.state)
        .bind(&sink.state_reason)
        .bind(sink.failing_since)
        .bind(sink.created_at)
        .bind(sink.changed_at)
        .bind(sink.version)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// Stores a changed sink if its row still has the version before it; returns whether it did.
pub async fn save(
    tx: &mut Tx,
    vault: &Vault,
    sink: &Sink,
    secrets: &Secrets,
) -> Result<bool, StoreError> {
    const SQL: &str = "update sinks set kind = $2, url = $3, settings = $4, secrets = $5, \
        state = $6, state_reason = $7, changed_at = $8, version = $9 \
        where id = $1 and version = $9 - 1";
    let changed = on_engine!(tx, conn => sqlx::query(SQL)
        .bind(&sink.id)
        .bind(sink.kind.as_str())
        .bind(&sink.url)
        .bind(&sink.settings)
        .bind(seal(vault, sink, secrets))
        .bind(sink.state)
        .bind(&sink.state_reason)
        .bind(sink.changed_at)
        .bind(sink.version)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(changed == 1)
}

/// Switches a sink off because it said so itself; returns whether it was on.
pub async fn switch_off(tx: &mut Tx, id: &str, reason: &str, now: i64) -> Result<bool, StoreError> {
    const SQL: &str = "update sinks set state = 'off', state_reason = $2, changed_at = $3, \
        version = version + 1 where id = $1 and state <> 'off'";
    let changed = on_engine!(tx, conn => sqlx::query(SQL).bind(id).bind(reason).bind(now)
        .execute(conn).await.map(|done| done.rows_affected()))?;
    Ok(changed == 1)
}

/// Notes that a sink accepts nothing; the first time counts.
pub async fn mark_failing(tx: &mut Tx, id: &str, now: i64) -> Result<(), StoreError> {
    const SQL: &str = "update sinks set failing_since = $2 where id = $1 and failing_since is null";
    on_engine!(tx, conn => sqlx::query(SQL).bind(id).bind(now).execute(conn).await.map(drop))?;
    Ok(())
}

/// Notes that a sink accepts events again.
pub async fn mark_working(tx: &mut Tx, id: &str) -> Result<(), StoreError> {
    const SQL: &str =
        "update sinks set failing_since = null where id = $1 and failing_since is not null";
    on_engine!(tx, conn => sqlx::query(SQL).bind(id).execute(conn).await.map(drop))?;
    Ok(())
}

/// Forgets a sink. Its deliveries are forgotten by their own noun.
pub async fn delete(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    const SQL: &str = "delete from sinks where id = $1";
    let deleted = on_engine!(tx, conn => sqlx::query(SQL).bind(id).execute(conn).await
        .map(|done| done.rows_affected()))?;
    Ok(deleted == 1)
}

/// The first of these that is no channel's id.
pub(super) async fn unknown_channel(
    tx: &mut Tx,
    ids: &[String],
) -> Result<Option<String>, StoreError> {
    unknown(tx, "select count(*) from channels where id = $1", ids.iter()).await
}

/// The first of these that is no queue's id. The default queue is made when the gateway starts.
pub(super) async fn unknown_queue(
    tx: &mut Tx,
    ids: &[String],
) -> Result<Option<String>, StoreError> {
    let ids = ids.iter().filter(|id| *id != DEFAULT_QUEUE);
    unknown(tx, "select count(*) from queues where id = $1", ids).await
}

async fn unknown(
    tx: &mut Tx,
    sql: &'static str,
    ids: impl Iterator<Item = &String>,
) -> Result<Option<String>, StoreError> {
    for id in ids {
        let (known,): (i64,) =
            on_engine!(tx, conn => sqlx::query_as(sql).bind(id).fetch_one(conn).await)?;
        if known == 0 {
            return Ok(Some(id.clone()));
        }
    }
    Ok(None)
}

fn seal(vault: &Vault, sink: &Sink, secrets: &Secrets) -> Vec<u8> {
    let json = serde_json::to_vec(secrets).expect("our types have text keys");
    vault.seal(&owner(&sink.id), &json)
}

fn owner(id: &str) -> String {
    format!("sink:{id}")
}

impl Row {
    fn open(self, vault: &Vault) -> OpenSink {
        let opened = vault.open(&owner(&self.sink.id), &self.secrets);
        let secrets =
            opened.and_then(|json| serde_json::from_slice(&json).map_err(|_| VaultError::Sealed));
        OpenSink { sink: self.sink, secrets }
    }
}

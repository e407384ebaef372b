//! SQL of what is not kept for ever.

use super::{Kind, id};
use crate::db::{Bytes, Statement, StoreError, Tx, batch_row, on_engine};
use uuid::Uuid;

/// Rows looked at in one step.
const STEP: i64 = 500;

/// A row that may go.
pub(super) struct Row {
    pub key: Vec<u8>,
    /// When it came, in Unix milliseconds.
    pub at: i64,
    /// Whether nothing needs it.
    pub may_go: bool,
}

/// The next rows behind `after`, in the order of their keys.
pub(super) async fn rows(tx: &mut Tx, kind: Kind, after: &[u8]) -> Result<Vec<Row>, StoreError> {
    let sql = match kind {
        Kind::Dedupe => return digests(tx, after).await,
        Kind::Requests => {
            "select id, received_at, outcome not in ('refused', 'unknown_channel') from requests \
             where id > $1 order by id limit $2"
        }
        Kind::Refused => {
            "select id, received_at, true from requests \
             where outcome in ('refused', 'unknown_channel') and id > $1 order by id limit $2"
        }
        Kind::Events => {
            "select id, received_at, true from events where id > $1 order by id limit $2"
        }
        Kind::Messages => {
            "select m.id, m.received_at, not i.active from messages m join interactions i \
             on i.id = m.interaction_id where m.id > $1 order by m.id limit $2"
        }
        Kind::Audit => {
            "select id, at, cast(changes as text) <> '[]' from audit where id > $1 order by id limit $2"
        }
    };
    let rows: Vec<(Uuid, i64, bool)> = on_engine!(tx, conn => sqlx::query_as(sql)
        .bind(id(after))
        .bind(STEP)
        .fetch_all(conn)
        .await)?;
    let row = |(id, at, may_go): (Uuid, i64, bool)| Row { key: id.into_bytes().into(), at, may_go };
    Ok(rows.into_iter().map(row).collect())
}

async fn digests(tx: &mut Tx, after: &[u8]) -> Result<Vec<Row>, StoreError> {
    const SQL: &str = "select key, received_at from dedupe where key > $1 order by key limit $2";
    let rows: Vec<(Vec<u8>, i64)> = on_engine!(tx, conn => sqlx::query_as(SQL)
        .bind(after.to_vec())
        .bind(STEP)
        .fetch_all(conn)
        .await)?;
    Ok(rows.into_iter().map(|(key, at)| Row { key, at, may_go: true }).collect())
}

batch_row! {
    struct IdRow {
        id: Uuid,
    }
}

batch_row! {
    struct KeyRow {
        key: Bytes,
    }
}

/// Removes rows; returns how many.
pub(super) async fn remove(tx: &mut Tx, kind: Kind, keys: Vec<Vec<u8>>) -> Result<u64, StoreError> {
    static REQUESTS: Statement<IdRow> =
        Statement::new("delete from requests where id in (select r.id from {rows})");
    static EVENTS: Statement<IdRow> =
        Statement::new("delete from events where id in (select r.id from {rows})");
    static MESSAGES: Statement<IdRow> =
        Statement::new("delete from messages where id in (select r.id from {rows})");
    // That there was a change stays.
    static AUDIT: Statement<IdRow> =
        Statement::new("update audit set changes = '[]' from {rows} where audit.id = r.id");
    static DEDUPE: Statement<KeyRow> =
        Statement::new("delete from dedupe where key in (select r.key from {rows})");
    let statement = match kind {
        Kind::Dedupe => {
            let rows = keys.into_iter().map(|key| KeyRow { key: Bytes(key) });
            return DEDUPE.execute(tx, rows.collect()).await;
        }
        Kind::Requests | Kind::Refused => &REQUESTS,
        Kind::Events => &EVENTS,
        Kind::Messages => &MESSAGES,
        Kind::Audit => &AUDIT,
    };
    statement.execute(tx, keys.iter().map(|key| IdRow { id: id(key) }).collect()).await
}

/// Archives some of what closed before `before`; what says nothing about itself stays.
pub(super) async fn archive(tx: &mut Tx, before: i64, now: i64) -> Result<u64, StoreError> {
    const SQL: &str = "update interactions set archived_at = $2, version = version + 1 where id in \
        (select id from interactions where closed_at is not null and archived_at is null and closed_at < $1 \
        and trim(coalesce(short_description, '')) <> '' order by closed_at limit 200)";
    Ok(on_engine!(tx, conn => sqlx::query(SQL).bind(before).bind(now).execute(conn).await
        .map(|done| done.rows_affected()))?)
}

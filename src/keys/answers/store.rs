//! SQL of first answers.

use sqlx::types::Json;

use super::{Answer, Asked, Claimed};
use crate::db::{StoreError, Tx, on_engine};

/// How long a first answer is kept.
const KEPT_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// After so long, whoever claimed it cannot be at work any more.
const ABANDONED_MILLIS: i64 = 60 * 1000;

#[derive(sqlx::FromRow)]
struct Row {
    digest: Vec<u8>,
    status: Option<i32>,
    headers: Json<Vec<(String, String)>>,
    body: Vec<u8>,
}

/// Forgets answers that are too old; returns how many.
pub async fn prune(tx: &mut Tx, now: i64) -> Result<u64, StoreError> {
    const SQL: &str = "delete from idempotent_answers where started_at < $1";
    Ok(on_engine!(tx, conn => sqlx::query(SQL).bind(now - KEPT_MILLIS).execute(conn).await
        .map(|done| done.rows_affected()))?)
}

/// Claims a request, or says what became of it. Forgets answers that are too old.
pub async fn claim(tx: &mut Tx, asked: &Asked, now: i64) -> Result<Claimed, StoreError> {
    const CLAIM: &str = "insert into idempotent_answers \
        (api_key_id, key, digest, started_at, headers, body) values ($1, $2, $3, $4, $5, $6) \
        on conflict (api_key_id, key) do update set digest = excluded.digest, \
        started_at = excluded.started_at \
        where idempotent_answers.status is null and idempotent_answers.started_at < $7";
    const FIND: &str = "select digest, status, headers, body from idempotent_answers \
        where api_key_id = $1 and key = $2";
    prune(tx, now).await?;
    let claimed = on_engine!(tx, conn => sqlx::query(CLAIM)
        .bind(asked.api_key)
        .bind(&asked.key)
        .bind(&asked.digest)
        .bind(now)
        .bind(Json(Vec::<(String, String)>::new()))
        .bind(Vec::<u8>::new())
        .bind(now - ABANDONED_MILLIS)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    if claimed == 1 {
        return Ok(Claimed::New);
    }
    let row: Option<Row> = on_engine!(tx, conn => sqlx::query_as(FIND)
        .bind(asked.api_key)
        .bind(&asked.key)
        .fetch_optional(conn)
        .await)?;
    Ok(match row {
        Some(row) if row.digest != asked.digest => Claimed::Different,
        Some(Row { status: Some(status), headers: Json(headers), body, .. }) => {
            let status = u16::try_from(status).unwrap_or(500);
            Claimed::Answered(Answer { status, headers, body })
        }
        // Given back this moment: the caller tries again, as it does for one that runs.
        Some(Row { status: None, .. }) | None => Claimed::Running,
    })
}

/// Remembers what was answered.
pub async fn remember(tx: &mut Tx, asked: &Asked, answer: &Answer) -> Result<(), StoreError> {
    const SQL: &str = "update idempotent_answers set status = $3, headers = $4, body = $5 \
        where api_key_id = $1 and key = $2";
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(asked.api_key)
        .bind(&asked.key)
        .bind(i32::from(answer.status))
        .bind(Json(&answer.headers))
        .bind(&answer.body)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// Gives a claim back, so that the caller may try again.
pub async fn release(tx: &mut Tx, asked: &Asked) -> Result<(), StoreError> {
    const SQL: &str = "delete from idempotent_answers where api_key_id = $1 and key = $2";
    on_engine!(tx, conn => sqlx::query(SQL).bind(asked.api_key).bind(&asked.key).execute(conn).await
        .map(drop))?;
    Ok(())
}

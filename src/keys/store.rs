//! SQL of API keys.

use uuid::Uuid;

use super::{Hash, Key};
use crate::db::{StoreError, Tx, on_engine};

/// Stores a new key.
pub async fn insert(tx: &mut Tx, key: &Key, hash: &Hash) -> Result<(), StoreError> {
    const SQL: &str = "insert into api_keys (id, name, hash, scopes, created_at, expires_at, agent_id) \
        values ($1, $2, $3, $4, $5, $6, $7)";
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(key.id)
        .bind(&key.name)
        .bind(&hash.0[..])
        .bind(key.scope)
        .bind(key.created_at)
        .bind(key.expires_at)
        .bind(&key.agent_id)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// The key with this hash, also one that opens nothing any more.
pub async fn find(tx: &mut Tx, hash: &Hash) -> Result<Option<Key>, StoreError> {
    const SQL: &str = "select id, name, scopes, agent_id, created_at, expires_at, last_used_at, revoked_at \
        from api_keys where hash = $1";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).bind(&hash.0[..]).fetch_optional(conn).await)?)
}

/// All keys, in the order they were made.
pub async fn list(tx: &mut Tx) -> Result<Vec<Key>, StoreError> {
    const SQL: &str = "select id, name, scopes, agent_id, created_at, expires_at, last_used_at, revoked_at \
        from api_keys order by id";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).fetch_all(conn).await)?)
}

/// Whether any key was ever made.
pub async fn exist(tx: &mut Tx) -> Result<bool, StoreError> {
    const SQL: &str = "select created_at from api_keys limit 1";
    let row: Option<(i64,)> =
        on_engine!(tx, conn => sqlx::query_as(SQL).fetch_optional(conn).await)?;
    Ok(row.is_some())
}

/// Notes that a key was used.
pub async fn used(tx: &mut Tx, id: Uuid, now: i64) -> Result<(), StoreError> {
    const SQL: &str = "update api_keys set last_used_at = $2 where id = $1";
    on_engine!(tx, conn => sqlx::query(SQL).bind(id).bind(now).execute(conn).await.map(drop))?;
    Ok(())
}

/// Ends a key for good; returns whether there is one. The first time counts.
pub async fn revoke(tx: &mut Tx, id: Uuid, now: i64) -> Result<bool, StoreError> {
    const SQL: &str = "update api_keys set revoked_at = coalesce(revoked_at, $2) where id = $1";
    let revoked = on_engine!(tx, conn => sqlx::query(SQL).bind(id).bind(now).execute(conn).await
        .map(|done| done.rows_affected()))?;
    Ok(revoked == 1)
}

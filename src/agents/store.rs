//! SQL of agents.

use super::Agent;
use crate::db::{StoreError, Tx, on_engine};

/// Stores a new agent; [`StoreError::Exists`] when the id is taken.
pub async fn insert(tx: &mut Tx, agent: &Agent) -> Result<(), StoreError> {
    const SQL: &str = "insert into agents (id, name, active, created_at, changed_at, version) \
        values ($1, $2, $3, $4, $4, 1)";
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(&agent.id)
        .bind(&agent.name)
        .bind(agent.active)
        .bind(agent.created_at)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// Stores a changed agent if its row still has the version before it; returns whether it did.
pub async fn update(tx: &mut Tx, agent: &Agent) -> Result<bool, StoreError> {
    const SQL: &str = "update agents set name = $2, active = $3, changed_at = $4, version = $5 \
        where id = $1 and version = $5 - 1";
    let changed = on_engine!(tx, conn => sqlx::query(SQL)
        .bind(&agent.id)
        .bind(&agent.name)
        .bind(agent.active)
        .bind(agent.changed_at)
        .bind(agent.version)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(changed == 1)
}

/// One agent.
pub async fn get(tx: &mut Tx, id: &str) -> Result<Option<Agent>, StoreError> {
    const SQL: &str =
        "select id, name, active, created_at, changed_at, version from agents where id = $1";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).bind(id).fetch_optional(conn).await)?)
}

/// Agents after `after`, by id.
pub async fn list(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Agent>, StoreError> {
    const SQL: &str = "select id, name, active, created_at, changed_at, version from agents \
        where id > $1 order by id limit $2";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).bind(after).bind(limit).fetch_all(conn).await)?)
}

//! SQL of what routing knows of agents.

use std::collections::HashMap;

use sqlx::types::Json;
use uuid::Uuid;

use super::{Availability, Load, Presence};
use crate::{
    db::{Statement, StoreError, Tx, batch_row, on_engine},
    interactions::ContactType,
    routing::Lane,
};

/// One agent.
pub async fn get(tx: &mut Tx, id: &str) -> Result<Option<Availability>, StoreError> {
    const SQL: &str = "select id, active, presence, presence_at, capacity, queues, skills, last_work_at \
        from agents where id = $1";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).bind(id).fetch_optional(conn).await)?)
}

/// One agent, whom nobody else gives work until the transaction ends.
pub async fn lock(tx: &mut Tx, id: &str) -> Result<Option<Availability>, StoreError> {
    Ok(lock_all(tx, vec![id.to_owned()]).await?.pop())
}

batch_row! {
    struct AgentRow {
        id: String,
    }
}

/// As [`lock`], for several agents, in the order of their ids.
pub async fn lock_all(tx: &mut Tx, mut ids: Vec<String>) -> Result<Vec<Availability>, StoreError> {
    static LOCK: Statement<AgentRow> = Statement::locking(
        "select a.id, a.active, a.presence, a.presence_at, a.capacity, a.queues, a.skills, a.last_work_at \
         from {rows} join agents a on a.id = r.id order by a.id",
        " for update of a",
    );
    ids.sort_unstable();
    ids.dedup();
    LOCK.fetch(tx, ids.into_iter().map(|id| AgentRow { id }).collect()).await
}

/// Agents after `after`, by id.
pub async fn list(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Availability>, StoreError> {
    const SQL: &str = "select id, active, presence, presence_at, capacity, queues, skills, last_work_at \
        from agents where id > $1 order by id limit $2";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).bind(after).bind(limit).fetch_all(conn).await)?)
}

/// Everybody to whom work is pushed, by id.
pub async fn available(tx: &mut Tx) -> Result<Vec<Availability>, StoreError> {
    const SQL: &str = "select id, active, presence, presence_at, capacity, queues, skills, last_work_at \
        from agents where active and presence = 'available' order by id";
    Ok(on_engine!(tx, conn => sqlx::query_as(SQL).fetch_all(conn).await)?)
}

/// Stores what an agent serves, knows and can take.
pub async fn save(tx: &mut Tx, agent: &Availability) -> Result<(), StoreError> {
    const SQL: &str = "update agents set capacity = $2, queues = $3, skills = $4 where id = $1";
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(&agent.id)
        .bind(Json(&agent.capacity))
        .bind(Json(&agent.queues))
        .bind(Json(&agent.skills))
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// Stores whether an agent is there.
pub async fn set_presence(
    tx: &mut Tx,
    id: &str,
    presence: Presence,
    now: i64,
) -> Result<(), StoreError> {
    const SQL: &str =
        "update agents set presence = $2, presence_at = $3 where id = $1 and presence <> $2";
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(id)
        .bind(presence)
        .bind(now)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// Takes an available agent for away; returns whether the agent was available.
pub async fn away(tx: &mut Tx, id: &str, now: i64) -> Result<bool, StoreError> {
    const SQL: &str = "update agents set presence = 'away', presence_at = $2 \
        where id = $1 and presence = 'available'";
    let changed = on_engine!(tx, conn => sqlx::query(SQL).bind(id).bind(now).execute(conn).await
        .map(|done| done.rows_affected()))?;
    Ok(changed == 1)
}

batch_row! {
    struct Worked {
        id: String,
        now: i64,
    }
}

/// Notes that these agents were given work.
pub async fn worked(tx: &mut Tx, mut ids: Vec<String>, now: i64) -> Result<(), StoreError> {
    static NOTE: Statement<Worked> =
        Statement::new("update agents set last_work_at = r.now from {rows} where agents.id = r.id");
    ids.sort_unstable();
    ids.dedup();
    NOTE.execute(tx, ids.into_iter().map(|id| Worked { id, now }).collect()).await?;
    Ok(())
}

/// What these agents have at hand.
pub async fn loads(
    tx: &mut Tx,
    ids: impl Iterator<Item = String>,
) -> Result<HashMap<String, Load>, StoreError> {
    // `cross`: SQLite then begins with the agents and not with all that is open.
    static WORK: Statement<AgentRow> = Statement::new(
        "select r.id, i.type, count(*) from {rows} cross join interactions i \
         where i.assigned_to = r.id and i.active and i.state in ('work_in_progress', 'wrap_up') group by r.id, i.type",
    );
    static OFFERS: Statement<AgentRow> = Statement::new(
        "select r.id, w.lane, count(*) from {rows} cross join work_items w \
         where w.assigned_to = r.id and w.state = 'pending_accept' group by r.id, w.lane",
    );
    let ids: Vec<AgentRow> = ids.map(|id| AgentRow { id }).collect();
    let mut loads: HashMap<String, Load> = HashMap::new();
    let work: Vec<(String, ContactType, i64)> = WORK.fetch(tx, ids.clone()).await?;
    for (id, kind, count) in work {
        loads.entry(id).or_default().add(kind, count);
    }
    let offers: Vec<(String, String, i64)> = OFFERS.fetch(tx, ids).await?;
    for (id, lane, count) in offers {
        loads.entry(id).or_default().add(Lane::from(lane).contact_type(), count);
    }
    Ok(loads)
}

/// What one agent has at hand.
pub async fn at_hand(tx: &mut Tx, id: &str) -> Result<Load, StoreError> {
    let loads = loads(tx, std::iter::once(id.to_owned())).await?;
    Ok(loads.into_values().next().unwrap_or_default())
}

/// Messaging that agents who said that they are gone had at hand then; what they took since, they
/// took knowing.
pub async fn left_behind(tx: &mut Tx) -> Result<Vec<Uuid>, StoreError> {
    const SQL: &str = "select i.id from agents a join interactions i on i.assigned_to = a.id \
        where a.presence = 'offline' and a.presence_at > 0 and i.active and i.type = 'messaging' \
        and i.state = 'work_in_progress' and i.state_changed_at <= a.presence_at \
        and coalesce(i.assigned_at, 0) <= a.presence_at order by i.id limit 200";
    let rows: Vec<(Uuid,)> = on_engine!(tx, conn => sqlx::query_as(SQL).fetch_all(conn).await)?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

//! SQL of what interactions have to do with, of policies and of the switch.

use sqlx::types::Json;
use uuid::Uuid;

use super::{
    Document, Effective, Operation, Policy, PolicyRow, Related, Switch, effective, family,
};
use crate::{
    audit::Author,
    clock,
    db::{StoreError, Tx, fetch_filtered, on_engine},
};

/// A place in the list of an interaction: when, and which of that moment.
pub type Cursor = (i64, Uuid);

const SELECT: &str = "select r.id, r.document_table, r.document_id, r.url, t.short_description, t.state, \
    r.operation, r.author_kind, r.author, r.at from related_records r left join tasks t on t.id = r.task_id \
    where r.interaction_id = ";

/// What an interaction has to do with, newest first.
pub async fn list(
    tx: &mut Tx,
    interaction: Uuid,
    before: Option<Cursor>,
    limit: i64,
) -> Result<Vec<Related>, StoreError> {
    let (at, id) = before.unwrap_or((i64::MAX, Uuid::max()));
    Ok(fetch_filtered!(tx, SELECT, query => {
        query.push_bind(interaction).push(" and (r.at, r.id) < (").push_bind(at);
        query.push(", ").push_bind(id).push(") order by r.at desc, r.id desc limit ");
        query.push_bind(limit);
    })?)
}

/// What an interaction has to do with one document.
pub async fn find(
    tx: &mut Tx,
    interaction: Uuid,
    document: &Document,
) -> Result<Option<Related>, StoreError> {
    let found: Vec<Related> = fetch_filtered!(tx, SELECT, query => {
        query.push_bind(interaction).push(" and r.document_table = ").push_bind(&document.table);
        query.push(" and r.document_id = ").push_bind(&document.id);
    })?;
    Ok(found.into_iter().next())
}

/// One row of an interaction's list.
pub async fn get(tx: &mut Tx, interaction: Uuid, id: Uuid) -> Result<Option<Related>, StoreError> {
    let found: Vec<Related> = fetch_filtered!(tx, SELECT, query => {
        query.push_bind(interaction).push(" and r.id = ").push_bind(id);
    })?;
    Ok(found.into_iter().next())
}

/// Adds a document to an interaction; returns whether it did, or the document was there already.
pub async fn insert(
    tx: &mut Tx,
    interaction: Uuid,
    document: &Document,
    operation: Option<Operation>,
    author: &Author,
    now: i64,
) -> Result<bool, StoreError> {
    const SQL: &str = "insert into related_records (id, interaction_id, document_table, document_id, task_id, \
        url, operation, strength, author_kind, author, at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
        on conflict (interaction_id, document_table, document_id) do nothing";
    let added = on_engine!(tx, conn => sqlx::query(SQL)
        .bind(clock::new_id())
        .bind(interaction)
        .bind(&document.table)
        .bind(&document.id)
        .bind(document.task_id)
        .bind(&document.url)
        .bind(operation)
        .bind(Operation::strength(operation))
        .bind(author.kind)
        .bind(&author.id)
        .bind(now)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(added == 1)
}

/// Writes a stronger operation over `before`; returns whether the row still was as it was read.
pub async fn strengthen(
    tx: &mut Tx,
    before: &Related,
    operation: Operation,
    author: &Author,
    now: i64,
) -> Result<bool, StoreError> {
    const SQL: &str = "update related_records set operation = $3, strength = $4, author_kind = $5, \
        author = $6, at = $7 where id = $1 and strength = $2";
    let changed = on_engine!(tx, conn => sqlx::query(SQL)
        .bind(before.id)
        .bind(Operation::strength(before.operation))
        .bind(operation)
        .bind(Operation::strength(Some(operation)))
        .bind(author.kind)
        .bind(&author.id)
        .bind(now)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(changed == 1)
}

/// Takes a document off an interaction; returns whether it was there.
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<bool, StoreError> {
    const SQL: &str = "delete from related_records where id = $1";
    let gone = on_engine!(tx, conn => sqlx::query(SQL)
        .bind(id)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(gone == 1)
}

/// What somebody said about a table; unset where nobody did.
pub async fn policy(tx: &mut Tx, table: &str) -> Result<Policy, StoreError> {
    const SQL: &str = "select document_table, operations, one_per_interaction, version \
        from related_policies where document_table = $1";
    let row: Option<PolicyRow> =
        on_engine!(tx, conn => sqlx::query_as(SQL).bind(table).fetch_optional(conn).await)?;
    Ok(row.map_or_else(|| Policy::unset(table), Policy::from))
}

/// What somebody said about any table, by table.
pub async fn policies(tx: &mut Tx) -> Result<Vec<Policy>, StoreError> {
    const SQL: &str = "select document_table, operations, one_per_interaction, version \
        from related_policies order by document_table";
    let rows: Vec<PolicyRow> = on_engine!(tx, conn => sqlx::query_as(SQL).fetch_all(conn).await)?;
    Ok(rows.into_iter().map(Policy::from).collect())
}

/// What holds for a table.
pub async fn holds_for(tx: &mut Tx, table: &str) -> Result<Effective, StoreError> {
    let own = policy(tx, table).await?;
    let default = policy(tx, family(table)).await?;
    Ok(effective(&own, &default))
}

/// Stores a policy if it still has the version before it; returns whether it did.
pub async fn save_policy(tx: &mut Tx, policy: &Policy, now: i64) -> Result<bool, StoreError> {
    const SQL: &str = "insert into related_policies (document_table, operations, one_per_interaction, changed_at, \
        version) values ($1, $2, $3, $4, $5) on conflict (document_table) do update set \
        operations = excluded.operations, one_per_interaction = excluded.one_per_interaction, \
        changed_at = excluded.changed_at, version = excluded.version \
        where related_policies.version = excluded.version - 1";
    let stored = on_engine!(tx, conn => sqlx::query(SQL)
        .bind(&policy.table)
        .bind(policy.operations.as_ref().map(Json))
        .bind(policy.one_per_interaction)
        .bind(now)
        .bind(policy.version)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(stored == 1)
}

/// The name of the switch among the settings.
const SWITCH: &str = "related_records";

/// The switch.
pub async fn switch(tx: &mut Tx) -> Result<Switch, StoreError> {
    const SQL: &str = "select value, version from settings where name = $1";
    let row: Option<(Json<bool>, i64)> =
        on_engine!(tx, conn => sqlx::query_as(SQL).bind(SWITCH).fetch_optional(conn).await)?;
    let (enabled, version) = row.map_or((true, 0), |(Json(enabled), version)| (enabled, version));
    Ok(Switch { enabled, version })
}

/// Stores the switch if it still has the version before it; returns whether it did.
pub async fn save_switch(tx: &mut Tx, switch: Switch, now: i64) -> Result<bool, StoreError> {
    const SQL: &str = "insert into settings (name, value, changed_at, version) values ($1, $2, $3, $4) \
        on conflict (name) do update set value = excluded.value, changed_at = excluded.changed_at, \
        version = excluded.version where settings.version = excluded.version - 1";
    let stored = on_engine!(tx, conn => sqlx::query(SQL)
        .bind(SWITCH)
        .bind(Json(switch.enabled))
        .bind(now)
        .bind(switch.version)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(stored == 1)
}

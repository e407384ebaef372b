//! SQL of wrap-up configurations.

use sqlx::types::Json;
use uuid::Uuid;

use super::{Code, Configuration};
use crate::{
    conditions::Conditions,
    db::{StoreError, Tx, on_engine},
};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    position: i64,
    conditions: Json<Conditions>,
    enforced: bool,
    duration_seconds: i64,
    show_timer: bool,
    codes: Json<Vec<Code>>,
    default_code: Option<String>,
    active: bool,
    created_at: i64,
    changed_at: i64,
    version: i64,
}

impl From<Row> for Configuration {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            order: row.position,
            when: row.conditions.0,
            enforced: row.enforced,
            duration_seconds: row.duration_seconds,
            show_timer: row.show_timer,
            codes: row.codes.0,
            default_code: row.default_code,
            active: row.active,
            created_at: row.created_at,
            changed_at: row.changed_at,
            version: row.version,
        }
    }
}

/// All configurations, in the order they are tried.
pub async fn list(tx: &mut Tx) -> Result<Vec<Configuration>, StoreError> {
    const SQL: &str = "select id, position, conditions, enforced, duration_seconds, show_timer, codes, \
        default_code, active, created_at, changed_at, version from wrap_up_configurations \
        order by position, id";
    let rows: Vec<Row> = on_engine!(tx, conn => sqlx::query_as(SQL).fetch_all(conn).await)?;
    Ok(rows.into_iter().map(Configuration::from).collect())
}

/// One configuration.
pub async fn get(tx: &mut Tx, id: &str) -> Result<Option<Configuration>, StoreError> {
    Ok(list(tx).await?.into_iter().find(|configuration| configuration.id == id))
}

/// Stores a new configuration; [`StoreError::Exists`] when its id is taken.
pub async fn insert(tx: &mut Tx, configuration: &Configuration) -> Result<(), StoreError> {
    const SQL: &str = "insert into wrap_up_configurations (id, position, conditions, enforced, \
        duration_seconds, show_timer, codes, default_code, active, created_at, changed_at, version) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, 1)";
    on_engine!(tx, conn => sqlx::query(SQL)
        .bind(&configuration.id)
        .bind(configuration.order)
        .bind(Json(&configuration.when))
        .bind(configuration.enforced)
        .bind(configuration.duration_seconds)
        .bind(configuration.show_timer)
        .bind(Json(&configuration.codes))
        .bind(&configuration.default_code)
        .bind(configuration.active)
        .bind(configuration.created_at)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// Stores a changed configuration if its row still has the version before it; returns whether it
/// did.
pub async fn save(tx: &mut Tx, configuration: &Configuration) -> Result<bool, StoreError> {
    const SQL: &str = "update wrap_up_configurations set position = $2, conditions = $3, enforced = $4, \
        duration_seconds = $5, show_timer = $6, codes = $7, default_code = $8, active = $9, \
        changed_at = $10, version = $11 where id = $1 and version = $11 - 1";
    let changed = on_engine!(tx, conn => sqlx::query(SQL)
        .bind(&configuration.id)
        .bind(configuration.order)
        .bind(Json(&configuration.when))
        .bind(configuration.enforced)
        .bind(configuration.duration_seconds)
        .bind(configuration.show_timer)
        .bind(Json(&configuration.codes))
        .bind(&configuration.default_code)
        .bind(configuration.active)
        .bind(configuration.changed_at)
        .bind(configuration.version)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(changed == 1)
}

/// Forgets a configuration. What is in wrap-up under it ends as it would have.
pub async fn delete(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    const SQL: &str = "delete from wrap_up_configurations where id = $1";
    let deleted = on_engine!(tx, conn => sqlx::query(SQL).bind(id).execute(conn).await
        .map(|done| done.rows_affected()))?;
    Ok(deleted == 1)
}

/// Has the timers look at an interaction at `at`, unless they would sooner.
pub async fn watch(tx: &mut Tx, interaction: Uuid, at: i64) -> Result<(), StoreError> {
    const SQL: &str =
        "update interactions set timers_due_at = $2 where id = $1 and timers_due_at > $2";
    on_engine!(tx, conn => sqlx::query(SQL).bind(interaction).bind(at).execute(conn).await
        .map(drop))?;
    Ok(())
}

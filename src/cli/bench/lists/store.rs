//! SQL of filling and explaining.

use anyhow::Context;
use sqlx::{AssertSqlSafe, Row, SqlitePool};

use super::fill::Sizes;
use crate::db::{Store, Tx, on_engine};

/// Whether the database has been filled before: when its year began, and how many profiles it has.
pub(super) async fn found(store: &Store) -> anyhow::Result<Option<(u64, Sizes)>> {
    const SQL: &str =
        "select opened_at, (select count(*) from profiles) from interactions where seq = 1";
    let mut tx = store.begin_read().await?;
    let row: Option<(i64, i64)> =
        on_engine!(&mut tx, conn => sqlx::query_as(SQL).fetch_optional(conn).await)?;
    tx.rollback().await?;
    let found = |(begin, profiles)| {
        anyhow::Ok((u64::try_from(begin)?, Sizes { profiles: u64::try_from(profiles)? }))
    };
    row.map(found).transpose()
}

/// Runs one statement, perhaps for some rows, in a transaction of its own.
pub(super) async fn run(store: &Store, sql: &str, rows: Option<(u64, u64)>) -> anyhow::Result<()> {
    let mut tx = store.begin().await?;
    if let Tx::Postgres(conn) = &mut tx {
        sqlx::query("set local maintenance_work_mem = '1GB'").execute(&mut **conn).await?;
    }
    on_engine!(&mut tx, conn => {
        let mut query = sqlx::query(AssertSqlSafe(sql));
        if let Some((from, to)) = rows {
            query = query.bind(i64::try_from(from)?).bind(i64::try_from(to)?);
        }
        query.execute(conn).await.map(drop)
    })
    .with_context(|| format!("rows could not be made by: {sql}"))?;
    Ok(tx.commit().await?)
}

/// How SQLite means to answer a statement.
pub(super) async fn explain(read: &SqlitePool, sql: &str) -> anyhow::Result<Vec<String>> {
    let sql = format!("explain query plan {sql}");
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(read).await?;
    Ok(rows.iter().map(|row| row.try_get("detail")).collect::<Result<_, _>>()?)
}

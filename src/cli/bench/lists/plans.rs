//! The statements behind a page, and how the database means to answer them.
//!
//! The gateway that is asked writes every statement down in its log, where it is read from: what is
//! explained is what ran, with nothing known of its values, as when a statement is prepared.

use std::{collections::HashMap, fmt, fs};

use anyhow::Context;
use serde::Serialize;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Row};

use super::{
    super::{contest::Ground, servers::Server},
    Desk, Page,
};
use crate::db::Store;

/// Statements of every request: who asks.
const OF_EVERY_REQUEST: [&str; 2] = ["api_keys", "pg_catalog"];

/// What one page ran, and how.
#[derive(Debug, Serialize)]
pub(super) struct Plan {
    engine: &'static str,
    page: String,
    statements: Vec<Statement>,
}

#[derive(Clone, Debug, Serialize)]
struct Statement {
    sql: String,
    plan: Vec<String>,
}

/// Asks for every page once and explains what that ran.
pub(super) async fn all(
    desk: &Desk,
    ground: &Ground<'_>,
    url: &str,
    store: &Store,
    pages: &[Page],
) -> anyhow::Result<Vec<Plan>> {
    let log = ground.folder.join("statements.log");
    let server = Server::quiet(ground.folder, url, ground.key, Some(&log)).await?;
    let mut known: HashMap<String, Vec<String>> = HashMap::new();
    let mut plans = Vec::new();
    for page in pages {
        let before = fs::metadata(&log)?.len();
        desk.call(&server, page, 1).await?;
        let text = fs::read(&log)?;
        let text = String::from_utf8_lossy(&text[usize::try_from(before)?..]).into_owned();
        let mut statements: Vec<Statement> = Vec::new();
        for sql in text.lines().filter_map(statement) {
            if statements.iter().any(|it| it.sql == sql) {
                continue;
            }
            if !known.contains_key(&sql) {
                let plan = explain(store, &sql).await.with_context(|| sql.clone())?;
                known.insert(sql.clone(), plan);
            }
            statements.push(Statement { plan: known[&sql].clone(), sql });
        }
        plans.push(Plan { engine: desk.engine, page: page.name(), statements });
    }
    Ok(plans)
}

/// The statement that a line of the log is about.
fn statement(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    let fields = line.get("fields")?;
    let of = |name: &str| fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let sql = of("db.statement").or_else(|| of("summary"))?;
    let sql = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_query = sql.starts_with("select") || sql.starts_with("with");
    (is_query && !OF_EVERY_REQUEST.iter().any(|table| sql.contains(table))).then_some(sql)
}

async fn explain(store: &Store, sql: &str) -> anyhow::Result<Vec<String>> {
    match store {
        Store::Sqlite { read, .. } => {
            let sql = format!("explain query plan {sql}");
            let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(read).await?;
            Ok(rows.iter().map(|row| row.try_get("detail")).collect::<Result<_, _>>()?)
        }
        Store::Postgres(pool) => {
            let mut conn = pool.acquire().await?;
            sqlx::raw_sql(AssertSqlSafe(format!("prepare explained as {sql}")))
                .execute(&mut *conn)
                .await?;
            let (count,): (i32,) = sqlx::query_as(
                "select coalesce(array_length(parameter_types, 1), 0) from pg_prepared_statements \
                 where name = 'explained'",
            )
            .fetch_one(&mut *conn)
            .await?;
            let nothing = vec!["null"; usize::try_from(count)?].join(", ");
            let values = if count > 0 { format!("({nothing})") } else { String::new() };
            let explain = format!("explain (costs off) execute explained{values}");
            let rows = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(&mut *conn).await?;
            sqlx::raw_sql("deallocate explained").execute(&mut *conn).await?;
            Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.engine, self.page)?;
        for Statement { sql, plan } in &self.statements {
            write!(f, "\n  {sql}")?;
            for line in plan {
                write!(f, "\n    {line}")?;
            }
        }
        Ok(())
    }
}

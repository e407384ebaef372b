//! The statements behind a page, and how the database means to answer them.
//!
//! The gateway that is asked writes every statement down in its log, where it is read from. SQLite is
//! then asked for its plan, which does not depend on values; PostgreSQL's does, so it tells the plan
//! it used (`auto_explain`).

use std::{collections::HashMap, fmt, fs};

use anyhow::Context;
use serde::Serialize;
use serde_json::Value;

use super::{
    super::{contest::Ground, servers::Server},
    Desk, Page,
    store::explain,
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Statement {
    sql: String,
    plan: Vec<String>,
}

/// Asks for every page once and tells what that ran, and how.
pub(super) async fn all(
    desk: &Desk,
    ground: &Ground<'_>,
    url: &str,
    store: &Store,
    pages: &[Page],
) -> anyhow::Result<Vec<Plan>> {
    let log = ground.folder.join("statements.log");
    let url = match store {
        Store::Sqlite { .. } => url.to_owned(),
        Store::Postgres(_) => explaining(url),
    };
    let server = Server::quiet(ground.folder, &url, ground.key, Some(&log)).await?;
    let mut known: HashMap<String, Vec<String>> = HashMap::new();
    let mut plans = Vec::new();
    for page in pages {
        let before = fs::metadata(&log)?.len();
        desk.call(&server, page, 1).await?;
        let text = fs::read(&log)?;
        let text = String::from_utf8_lossy(&text[usize::try_from(before)?..]).into_owned();
        let mut statements: Vec<Statement> = Vec::new();
        for line in text.lines() {
            let found = match store {
                Store::Sqlite { read, .. } => match logged(line) {
                    Some(sql) => {
                        if !known.contains_key(&sql) {
                            let plan = explain(read, &sql).await.with_context(|| sql.clone())?;
                            known.insert(sql.clone(), plan);
                        }
                        Some(Statement { plan: known[&sql].clone(), sql })
                    }
                    None => None,
                },
                Store::Postgres(_) => explained(line),
            };
            let is_new = |it: &Statement| is_of_page(&it.sql) && !statements.contains(it);
            statements.extend(found.filter(is_new));
        }
        plans.push(Plan { engine: desk.engine, page: page.name(), statements });
    }
    Ok(plans)
}

/// An address by which PostgreSQL tells its client how it did each statement.
fn explaining(url: &str) -> String {
    let settings = [
        ("session_preload_libraries", "auto_explain"),
        ("auto_explain.log_min_duration", "0"),
        ("client_min_messages", "log"),
    ];
    let mut url = url.to_owned();
    for (name, value) in settings {
        url.push(if url.contains('?') { '&' } else { '?' });
        url += &format!("options[{name}]={value}");
    }
    url
}

fn field(line: &str, names: &[&str]) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    let of = |name: &&str| line.get(name)?.as_str();
    names.iter().filter_map(of).find(|text| !text.is_empty()).map(str::to_owned)
}

fn in_one_line(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_of_page(sql: &str) -> bool {
    let is_query = sql.starts_with("select") || sql.starts_with("with");
    is_query && !OF_EVERY_REQUEST.iter().any(|table| sql.contains(table))
}

/// The statement that a line of the log is about.
fn logged(line: &str) -> Option<String> {
    field(line, &["db.statement", "summary"])
        .map(|sql| in_one_line(&sql))
        .filter(|sql| is_of_page(sql))
}

/// The statement and its plan in what PostgreSQL told: its text up to the first line with a cost.
fn explained(line: &str) -> Option<Statement> {
    let told = field(line, &["message"])?;
    let (_, text) = told.split_once("plan:\nQuery Text:")?;
    let lines: Vec<&str> = text.lines().collect();
    let begin = lines.iter().position(|line| line.contains("  (cost="))?;
    let plan = lines[begin..].iter().map(|line| line.split("  (cost=").next().unwrap_or(line));
    Some(Statement {
        sql: in_one_line(&lines[..begin].join(" ")),
        plan: plan.map(str::to_owned).collect(),
    })
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

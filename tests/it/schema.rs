//! Two migrations, one schema; and databases that nobody has prepared.

use std::collections::BTreeMap;

use frontdesk::db::{self, Store};

use crate::support::{
    Database, TestGateway, execute, fixture_channels, on_both, requests::sms, rows,
};

/// Which types of PostgreSQL stand for a type of SQLite.
const TYPES: [(&str, &[&str]); 3] = [
    ("text", &["text", "json"]),
    ("integer", &["bigint", "integer", "boolean"]),
    ("blob", &["uuid", "bytea"]),
];

#[tokio::test]
async fn both_schemas_have_the_same_tables_columns_and_indexes() {
    // But for the words of the full-text engines, which each keeps in its own way.
    let (sqlite, postgres) =
        (migrated(&Database::sqlite()).await, migrated(&Database::postgres().await).await);
    let on_sqlite: Vec<Column> = rows(
        &sqlite,
        "select t.name || '.' || c.name, lower(c.type), c.\"notnull\" = 1 or c.pk = 1 \
         from sqlite_master t join pragma_table_info(t.name) c \
         where t.type = 'table' and t.name not like 'sqlite_%' and t.name <> '_sqlx_migrations' \
         and t.name not like 'search_%_words%'",
    )
    .await;
    let on_postgres: Vec<Column> = rows(
        &postgres,
        "select table_name || '.' || column_name, data_type::text, is_nullable = 'NO' \
         from information_schema.columns \
         where table_schema = 'public' and table_name <> '_sqlx_migrations' and data_type <> 'tsvector'",
    )
    .await;
    let sqlite_columns = by_name(on_sqlite);
    let postgres_columns = by_name(on_postgres);
    assert!(!sqlite_columns.is_empty());
    assert_eq!(
        sqlite_columns.keys().collect::<Vec<_>>(),
        postgres_columns.keys().collect::<Vec<_>>()
    );
    for (name, (sqlite_type, required)) in &sqlite_columns {
        let (postgres_type, also_required) = &postgres_columns[name];
        assert_eq!(required, also_required, "{name} may be null on one side only");
        let fits = TYPES.iter().any(|(sqlite, postgres)| {
            sqlite == sqlite_type && postgres.contains(&postgres_type.as_str())
        });
        assert!(fits, "{name} is {sqlite_type} here and {postgres_type} there");
    }

    let on_sqlite: Vec<(String,)> = rows(
        &sqlite,
        "select name from sqlite_master where type = 'index' and sql is not null order by name",
    )
    .await;
    let on_postgres: Vec<(String,)> = rows(
        &postgres,
        "select indexname::text from pg_indexes where schemaname = 'public' \
         and indexname not in (select conname from pg_constraint) and indexdef not like '%USING gin%' order by indexname collate \"C\"",
    )
    .await;
    assert_eq!(on_sqlite, on_postgres);
}

#[tokio::test]
async fn every_sqlite_table_is_strict() {
    let sqlite = migrated(&Database::sqlite()).await;
    let lax: Vec<(String,)> = rows(
        &sqlite,
        "select name from pragma_table_list where type = 'table' and not strict \
         and name not like 'sqlite_%' and name <> '_sqlx_migrations'",
    )
    .await;
    assert_eq!(lax, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_may_start_at_once_on_an_empty_postgres() {
    let database = Database::postgres().await;
    let (first, second) =
        tokio::join!(TestGateway::start(&database), TestGateway::start(&database));
    first.accept(sms("+15550100002", "SM1", "to one")).await;
    second.accept(sms("+15550100002", "SM2", "to the other")).await;
    assert_eq!(first.count("interactions").await, 1);
    assert_eq!(first.count("queues").await, 1);
    let channels = fixture_channels().len();
    assert_eq!(usize::try_from(first.count("channels").await), Ok(channels));
}

on_both! {
    async fn migrating_twice_does_nothing_the_second_time(database: Database) {
        let store = database.open().await;
        let pending = db::pending(&store).await.expect("a list").len();
        assert!(pending > 0);
        assert_eq!(store.migrate().await.expect("a schema"), pending);
        assert_eq!(store.migrate().await.expect("a schema"), 0);
    }

    async fn a_database_of_a_newer_version_is_left_alone(database: Database) {
        let store = migrated(&database).await;
        execute(&store, "update _sqlx_migrations set version = 9999 where version = 1").await;
        store.prepare().await.expect_err("a schema we do not know");
    }
}

/// Name, type, and whether it must have a value.
type Column = (String, String, bool);

fn by_name(columns: Vec<Column>) -> BTreeMap<String, (String, bool)> {
    columns.into_iter().map(|(name, kind, required)| (name, (kind, required))).collect()
}

async fn migrated(database: &Database) -> Store {
    let store = database.open().await;
    store.migrate().await.expect("a schema");
    store
}

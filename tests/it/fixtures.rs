//! Every request on file, through the whole gateway, twice.

use std::fs;

use frontdesk_adapters::{fixture, providers};
use serde_json::Value;

use crate::support::{Database, PUBLIC_URL, TestGateway, fixtures, on_both};

on_both! {
    async fn replaying_every_fixture_twice_changes_nothing_the_second_time(database: Database) {
        let gateway = TestGateway::start(&database).await;
        replay(&gateway).await;
        let first = contents(&gateway).await;
        let said = first.iter().find(|(table, _)| table == "messages").map_or(0, |(_, rows)| rows.len());
        assert!(said > 100, "only {said} messages");
        replay(&gateway).await;
        let second = contents(&gateway).await;
        for (before, after) in first.iter().zip(&second) {
            assert_eq!(before, after);
        }
    }
}

/// The guide's examples are the fixtures' channels, credentials apart.
#[test]
fn the_guide_to_any_aggregator_shows_accounts_that_work() {
    let read = |path: &str| fs::read_to_string(fixtures().join("..").join(path)).expect("a file");
    let guide = read("docs/providers/http.md");
    let blocks = guide.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let shown: Vec<Value> = blocks
        .map(|block| {
            let table: Value = toml::from_str(block).expect("TOML");
            let account = &table["channels"]["account"];
            let account =
                if account.is_object() { account } else { &table["channels"][0]["account"] };
            account
                .as_object()
                .expect("an account")
                .clone()
                .into_iter()
                .filter(|(_, v)| v.is_string())
                .collect()
        })
        .collect();
    let channels: Value = serde_json::from_str(&read("fixtures/http/account.json")).expect("JSON");
    let adapter = providers::find("http").expect("the adapter");
    let is_secret =
        |name: &str| adapter.account.iter().any(|field| field.name == name && field.secret);
    for (channel, shown) in [("http-orion", &shown[1]), ("http-lyra", &shown[2])] {
        let channels = fixture::channels(&channels).iter();
        let mut account = channels.filter(|it| it["id"] == channel).map(|it| it["account"].clone());
        let mut account = account.next().expect("a channel");
        account.as_object_mut().expect("an account").retain(|name, _| !is_secret(name));
        assert_eq!(&account, shown, "{channel}");
    }
}

/// Sends every fixture in the order of its number, and checks that it is believed as it should be.
async fn replay(gateway: &TestGateway) {
    for adapter in providers::ALL {
        let folder = fixtures().join(adapter.provider);
        let files =
            fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("a file").path());
        let mut files: Vec<_> = files
            .filter(|file| file.extension().is_some_and(|extension| extension == "http"))
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{} has no fixtures", adapter.provider);
        for file in files {
            let name = file.display();
            let request = fixture::read(&fs::read(&file).expect("a file"), PUBLIC_URL);
            let reply =
                gateway.send(request.unwrap_or_else(|error| panic!("{name}: {error}"))).await;
            let expected = fs::read(file.with_extension("expected.json")).expect("an expectation");
            let expected: Value = serde_json::from_slice(&expected).expect("JSON");
            let refused = matches!(reply.status, 401 | 403);
            assert_eq!(expected["verified"], !refused, "{name}: {reply:?}");
            assert!(reply.status < 500, "{name}: {reply:?}");
            if adapter.provider != "chat" && !refused {
                // Only chat hears what was new.
                assert_eq!(expected["answer"]["status"], reply.status, "{name}");
                assert_eq!(
                    expected["answer"]["body"].as_str().unwrap_or_default(),
                    reply.body,
                    "{name}"
                );
            }
        }
    }
}

/// Every row of every table, but for the archive, which keeps repeats as well, and for what workers
/// make of the rows behind everybody's back: the search index, and how far events were told.
async fn contents(gateway: &TestGateway) -> Vec<(String, Vec<String>)> {
    let (tables, row) = match &gateway.store {
        frontdesk::db::Store::Sqlite { .. } => (
            "select name from sqlite_master where type = 'table' order by name",
            "select group_concat('quote(\"' || name || '\")', ' || '','' || ') \
             from pragma_table_info('{table}')",
        ),
        frontdesk::db::Store::Postgres(_) => (
            "select table_name::text from information_schema.tables \
             where table_schema = 'public' order by table_name",
            "select '\"' || '{table}' || '\"::text'",
        ),
    };
    let mut contents = Vec::new();
    for table in gateway.texts(tables).await {
        let workers = table.starts_with("search_") || table == "dispatch";
        if table == "requests" || workers || table.starts_with("_sqlx") {
            continue;
        }
        let row = gateway.texts(&row.replace("{table}", &table)).await;
        let sql = format!("select {} as contents from \"{table}\" order by 1", row[0]);
        let rows = gateway.texts(&sql).await;
        contents.push((table, rows));
    }
    contents
}

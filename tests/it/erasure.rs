//! One person is erased everywhere, and nobody else anywhere.

use std::{collections::BTreeMap, fs};

use frontdesk::{db::Store, search};
use frontdesk_adapters::Request;
use serde_json::{Value, json};

use crate::support::{
    Database, Desk, Program, on_both,
    requests::{OURS, post, sms, twilio, whatsapp},
    rows, until,
};

const ANA: &str = "+12125550142";
const BEN: &str = "+12125550177";
/// Another telephone of Ana's.
const ANA_AT_WORK: &str = "+12125550143";
/// What must be gone: the numbers in any spelling, and every text that is Ana's.
const OF_ANA: [&str; 4] = ["2125550142", "2125550143", "zqana", "Zqana"];
const OF_BEN: [&str; 2] = ["2125550177", "zqben"];

on_both! {
    async fn a_number_is_found_in_every_spelling(database: Database) {
        let desk = Desk::open(&database).await;
        // The first is in the plans, the second in none.
        for (number, spelling) in [(ANA, "+1 (212) 555-0142"), ("+15550100555", "+1 555 010 0555")] {
            desk.accept(sms(number, number, "Hello")).await;
            let whom = json!({"address": spelling, "dry_run": true});
            let (status, preview) = desk.post("ana", "erasures", whom).await;
            assert_eq!((status, &preview["removed"]["profiles"]), (200, &json!(1)), "{preview}");
            let asked = spelling.replace('+', "%2B").replace(' ', "%20");
            for list in ["profiles", "interactions"] {
                let found = desk.see(&format!("{list}?address={asked}")).await;
                assert_eq!(found["data"].as_array().map(Vec::len), Some(1), "{list} {found}");
            }
            let (status, _) = desk.post("ana", "erasures", json!({"address": spelling})).await;
            assert_eq!((status, desk.count("profiles").await), (201, 0));
        }
    }

    async fn one_person_is_erased_from_every_table_and_nobody_else(database: Database) {
        let desk = Desk::open(&database).await;
        let person = everything_happens(&desk).await;
        search::catch_up(&desk.store).await.expect("an index");
        let before = dump(&desk.store).await;
        for canary in OF_ANA.iter().chain(&OF_BEN) {
            assert!(before.values().any(|text| text.contains(canary)), "{canary} was never there");
        }
        for table in ["requests", "messages", "events", "interactions", "interaction_notes", "audit",
            "tasks", "related_records", "profiles", "profile_aliases", "profile_merges", "people", "person_phones", "consents",
            "consent_changes", "idempotent_answers", "part_groups", "parts"]
        {
            let there = OF_ANA.iter().any(|canary| before[table].contains(canary));
            assert!(there, "{table} was not put to the test");
        }
        for table in ["search_names", "search_messages", "outbox", "deliveries", "profile_merge_rows"] {
            assert!(!before[table].is_empty(), "{table} was not put to the test");
        }
        let whom = json!({"person": person, "dry_run": true});
        let (status, preview) = desk.post("ana", "erasures", whom).await;
        assert_eq!((status, &preview["receipt"]), (200, &Value::Null));
        assert_eq!(dump(&desk.store).await["messages"], before["messages"], "a dry run removes nothing");

        let (status, erased) = desk.post("ana", "erasures", json!({"person": person})).await;
        assert_eq!(status, 201, "{erased}");
        for (what, count) in preview["removed"].as_object().expect("counts") {
            assert_eq!(&erased["removed"][what], count, "{what}");
        }
        let after = dump(&desk.store).await;
        for (table, text) in &after {
            for canary in OF_ANA {
                assert!(!text.contains(canary), "{canary} is left in {table}: {text}");
            }
            for canary in OF_BEN {
                // What came together with Ana's is kept as it was understood, not as it came.
                // SQLite's index is packed anew; its words are compared where they stand as text.
                if table != "requests" && !table.ends_with("_data") {
                    let (there, left) = (before[table].matches(canary).count(), text.matches(canary).count());
                    assert_eq!(left, there, "{canary} in {table}");
                }
            }
        }
        let raw = |dump: &BTreeMap<String, String>| dump["requests"].matches("zqben").count();
        assert_eq!(raw(&after), raw(&before) - 1, "one request was of both");
        if let Some(folder) = database.folder() {
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                let bytes = fs::read(entry.path()).expect("a file");
                let text = String::from_utf8_lossy(&bytes);
                for canary in OF_ANA {
                    assert!(!text.contains(canary), "{canary} rests in {:?}", entry.path());
                }
            }
        }

        // What is left explains itself, and the receipt is of nobody.
        let left = desk.see("interactions/IMS0000001").await;
        assert_eq!((&left["state"], &left["short_description"]), (&json!("closed_complete"), &json!("Erased")));
        assert_eq!((&left["profile_id"], &left["opened_for"]), (&Value::Null, &Value::Null));
        let id = erased["receipt"]["id"].as_str().expect("an id");
        let receipt = desk.see(&format!("erasures/{id}")).await;
        assert_eq!(receipt, erased["receipt"]);
        assert_eq!(desk.see("erasures").await["data"], json!([receipt]));
        let audit = desk.see(&format!("audit?subject_kind=erasure&subject={id}")).await;
        assert_eq!((&audit["data"][0]["action"], &audit["data"][0]["author"]), (&json!("erase"), &json!("ana")));
        let again = desk.refused("ana", "erasures", json!({"person": person})).await;
        assert_eq!(again, "not_found");
    }

    async fn who_opted_out_and_was_erased_is_still_not_written_to(database: Database) {
        let desk = Desk::open(&database).await;
        everything_happens(&desk).await;
        desk.does("ana", "erasures", json!({"address": ANA})).await;
        assert_eq!(desk.count("consents").await, 0);
        assert_eq!(desk.count("forgotten_consents").await, 1);
        // A provider's retry does not bring back what was erased.
        let messages = desk.count("messages").await;
        desk.accept(sms(ANA, "SM1", "zqana: my ring")).await;
        assert_eq!(desk.count("messages").await, messages);
        desk.accept(sms(ANA, "SM90", "It is me again")).await;
        let profile = "profiles where value = '+12125550142' and active and person_id is null";
        assert_eq!(desk.count(profile).await, 1, "somebody new");
        let state = "select state || ' ' || source from consents";
        assert_eq!(desk.texts(state).await, ["opted_out kept when erased"]);
        assert_eq!(desk.count("forgotten_consents").await, 0);
    }

    async fn a_request_of_both_is_emptied_and_a_mention_is_the_others_to_make(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        desk.accept(sms(BEN, "SM2", "My friend has +1 212 555 0142, or +12125550142")).await;
        let erased = desk.does("ana", "erasures", json!({"address": ANA})).await;
        assert_eq!(erased["removed"]["requests"], 1);
        assert_eq!(desk.count("messages").await, 1);
        assert_eq!(desk.count("requests").await, 1);
        let unknown = desk.refused("ana", "erasures", json!({"address": "+12125550199"})).await;
        assert_eq!(unknown, "not_found");
        let both = json!({"address": ANA, "person": "0198c6a2-7b1e-7000-8000-000000000001"});
        assert_eq!(desk.refused("ana", "erasures", both).await, "invalid_body");
    }

    async fn what_somebody_said_while_two_profiles_were_one_is_erased_as_well(database: Database) {
        for (place, erased) in ["zqkept", "zqother"].into_iter().enumerate() {
            let desk = Desk::open(&database).await;
            let numbers = [format!("+1212555013{place}"), format!("+1212555014{place}")];
            let [kept, other] = &numbers;
            let write = async |from: &str, word: &str| {
                let text = format!("{} {word}", if from == kept { "zqkept" } else { "zqother" });
                desk.accept(sms(from, &format!("{place}{text}"), &text)).await;
            };
            let close = async || {
                let path = format!("{}/close", desk.open_interaction().await);
                desk.does("ana", &path, json!({"short_description": "Done"})).await;
            };
            let mut profiles = Vec::new();
            for number in &numbers {
                write(number, "alone").await;
                close().await;
                let list = desk.see(&format!("profiles?address=%2B{}", &number[1..])).await;
                profiles.push(list["data"][0]["id"].as_str().expect("an id").to_owned());
            }
            let merge = format!("profiles/{}/merge", profiles[0]);
            let merge = desk.does("ana", &merge, json!({"profile": profiles[1]})).await;
            for (first, second) in [(other, kept), (kept, other)] {
                write(first, "first").await;
                write(second, "second").await;
                close().await;
            }
            let undo = format!("merges/{}/undo", merge["id"].as_str().expect("an id"));
            desk.does("ana", &undo, json!({})).await;
            let address = &numbers[place];
            let whom = json!({"address": address, "dry_run": true});
            let preview = desk.does("ana", "erasures", whom).await;
            let receipt = desk.does("ana", "erasures", json!({"address": address})).await;
            assert_eq!(receipt["removed"]["messages"], preview["removed"]["messages"]);
            for (table, text) in dump(&desk.store).await {
                for canary in [erased, &address[1..]] {
                    assert!(!text.contains(canary), "{canary} is left in {table}: {text}");
                }
            }
            // What was said in the other's conversations belongs to them.
            let left = desk.texts("select text from messages order by id").await;
            let name = if erased == "zqkept" { "zqother" } else { "zqkept" };
            assert_eq!(left, ["alone", "first"].map(|word| format!("{name} {word}")));
            desk.execute("delete from messages").await;
            desk.execute("delete from requests").await;
            desk.gateway.stop().await;
        }
    }

    async fn the_command_asks_before_it_erases(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        desk.accept(sms(BEN, "SM2", "Hello")).await;
        let program = Program::new(&database.url);
        let dry = program.run(&["erase", "--address", ANA, "--dry-run"]);
        assert_eq!(dry.0, Some(4), "{dry:?}");
        assert!(dry.1.contains("1 messages") && dry.1.contains("1 requests"), "{dry:?}");
        let unasked = program.run(&["erase", "--address", ANA]);
        assert!(unasked.0 == Some(2) && unasked.2.contains("--yes"), "{unasked:?}");
        assert_eq!(desk.count("messages").await, 2);
        let done = program.run(&["erase", "--address", ANA, "--yes", "--json"]);
        assert_eq!(done.0, Some(0), "{done:?}");
        let receipt: Value = serde_json::from_str(&done.1).expect("a receipt");
        assert_eq!((&receipt["removed"]["messages"], &receipt["author"]), (&json!(1), &json!("erase")));
        assert!(!done.1.contains(&ANA[1..]));
        assert_eq!(program.run(&["erase", "--address", ANA, "--yes"]).0, Some(3));
        assert_eq!(desk.texts("select text from messages").await, ["Hello"]);
    }
}

/// Everything that leaves something of Ana behind, and the same of Ben; returns the person Ana.
async fn everything_happens(desk: &Desk) -> Value {
    let person = |name: &str, phone: &str| json!({"kind": "consumer", "name": name, "phones": [phone], "email": format!("{name}@example.com")});
    // Nobody listens there, so that what is to be told waits.
    let sink =
        json!({"id": "crm", "kind": "webhook", "url": "https://localhost:9/", "settings": {}});
    desk.does("ana", "sinks", sink).await;
    let ana = desk.does("ana", "people", person("Zqana", ANA)).await["id"].clone();
    desk.does("ana", "people", person("zqben", BEN)).await;
    for (from, id, text) in [(ANA, "SM1", "zqana: my ring"), (BEN, "SM2", "zqben: my watch")] {
        desk.accept(sms(from, id, text)).await;
        // A repeated one is archived once more.
        desk.accept(sms(from, id, text)).await;
        desk.send_as_it_is(sms(from, "SM3", text)).await;
    }
    for (number, name, phone) in [(1, "zqana", ANA), (2, "zqben", BEN)] {
        let path = format!("interactions/IMS000000{number}");
        desk.does("ana", &format!("{path}/messages"), json!({"text": format!("Dear {name}")}))
            .await;
        desk.does("ana", &format!("{path}/notes"), json!({"text": format!("{name} is kind")}))
            .await;
        let about = json!({"short_description": format!("The ring of {name}"), "location": format!("{name} street"),
            "context": {"owner": name}});
        assert_eq!(desk.change("ana", &path, about).await.0, 200);
        let task = json!({"kind": "case", "short_description": format!("{name} lost something"), "description": name});
        desk.does("ana", &format!("{path}/tasks"), task).await;
        let url = format!("https://shop.example/{name}");
        let link = json!({"link": {"kind": "order", "id": format!("{name}-1"), "url": url}});
        desk.does("ana", &format!("{path}/related-tasks"), link).await;
        desk.accept(twilio(
            "twilio-main",
            &[
                ("From", OURS),
                ("To", phone),
                ("MessageSid", "SM80"),
                ("SmsSid", "SM80"),
                ("MessageStatus", "delivered"),
                ("AccountSid", name),
            ],
        ))
        .await;
        let note = json!({"text": format!("{name} called")});
        desk.remembered("ana", &format!("{path}/notes"), name, note).await;
        // A text in two parts, and one whose second part never comes.
        let (whole, held) = (format!("1{number}"), format!("2{number}"));
        desk.accept(part(phone, &whole, 1, &format!("{name} in one"))).await;
        desk.accept(part(phone, &whole, 2, &format!("and {name} in two"))).await;
        desk.accept(part(phone, &held, 1, &format!("{name} has not"))).await;
    }
    desk.accept(whatsapp(
        "whatsapp-demo",
        &[
            ("106540352242900", &ANA[1..], "w1", "zqana by WhatsApp"),
            ("106540352242900", &BEN[1..], "w2", "zqben by WhatsApp"),
        ],
    ))
    .await;
    desk.accept(twilio(
        "twilio-main",
        &[
            ("To", OURS),
            ("From", ANA),
            ("MessageSid", "SM4"),
            ("Body", "STOP"),
            ("OptOutType", "STOP"),
        ],
    ))
    .await;
    let said = json!({"scheme": "sms", "value": ANA, "our_address": OURS, "state": "opted_out",
        "reason": "zqana said so"});
    let entered = desk.call(Some("ana"), "PUT", "consents", None, Some(said)).await;
    assert!(entered.0 < 300, "{entered:?}");
    desk.accept(sms(ANA_AT_WORK, "SM5", "zqana at work")).await;
    let [at_work, of_ana] = [ANA_AT_WORK, ANA].map(async |address| {
        let profiles = desk.see(&format!("profiles?address=%2B{}", &address[1..])).await;
        let mut profiles = profiles["data"].as_array().expect("a list").iter();
        let by_sms = profiles.find(|profile| profile["scheme"] == "sms").expect("a profile");
        by_sms["id"].as_str().expect("an id").to_owned()
    });
    let (at_work, of_ana) = (at_work.await, of_ana.await);
    let open = desk.see(&format!("interactions?profile={at_work}")).await;
    let number = open["data"][0]["number"].as_str().expect("a number");
    let done = json!({"short_description": "zqana at work"});
    desk.does("ana", &format!("interactions/{number}/close"), done).await;
    desk.does("ana", &format!("profiles/{of_ana}/merge"), json!({"profile": at_work})).await;
    assert!(until(async || desk.count("deliveries").await > 0).await, "nothing is to be told");
    ana
}

/// A part of a text of two, as Vonage sends it.
fn part(from: &str, reference: &str, place: u32, text: &str) -> Request {
    let (id, place) = (format!("{reference}-{place}"), place.to_string());
    let parameters = [
        ("msisdn", &from[1..]),
        ("to", "15005550006"),
        ("messageId", &id),
        ("text", text),
        ("type", "text"),
        ("api-key", "abcd1234"),
        ("concat", "true"),
        ("concat-ref", reference),
        ("concat-total", "2"),
        ("concat-part", &place),
    ];
    let url = reqwest::Url::parse_with_params("http://form", &parameters).expect("a form");
    let body = url.query().unwrap_or_default().as_bytes().to_vec();
    post("vonage-main", "application/x-www-form-urlencoded", body)
}

/// Every table there is, as text.
pub(crate) async fn dump(store: &Store) -> BTreeMap<String, String> {
    let columns: Vec<(String, String, String)> = match store {
        Store::Sqlite { .. } => {
            rows(store, "select t.name, c.name, lower(c.type) from sqlite_master t \
                join pragma_table_info(t.name) c where t.type = 'table' and t.name not like 'sqlite_%' and t.name <> '_sqlx_migrations'").await
        }
        Store::Postgres(_) => {
            rows(store, "select table_name::text, column_name::text, data_type::text \
                from information_schema.columns where table_schema = 'public' and table_name <> '_sqlx_migrations'").await
        }
    };
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (table, column, kind) in columns {
        let text = match (store, kind.as_str()) {
            (Store::Postgres(_), "bytea") => format!("encode(\"{column}\", 'escape')"),
            _ => format!("cast(\"{column}\" as text)"),
        };
        tables.entry(table).or_default().push(format!("coalesce({text}, '')"));
    }
    let mut dump = BTreeMap::new();
    for (table, texts) in tables {
        let row = texts.join(" || '|' || ");
        let row = match store {
            Store::Sqlite { .. } => format!("cast({row} as blob)"),
            Store::Postgres(_) => format!("convert_to({row}, 'UTF8')"),
        };
        let found: Vec<(Vec<u8>,)> = rows(store, &format!("select {row} from \"{table}\"")).await;
        let found: Vec<String> =
            found.iter().map(|(row,)| String::from_utf8_lossy(row).into_owned()).collect();
        dump.insert(table, found.join("\n"));
    }
    dump
}

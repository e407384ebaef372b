//! The directory from CSV: a report, nothing twice, and the senders who waited for it.

use std::process::Command;

use serde_json::{Value, json};

use super::{NUMBER, profile};
use crate::support::{Database, Desk, SECRETS_KEY, on_both, requests::sms};

const FILE: &str = "\u{feff}external_id,kind,name,email,phones,active\r\n\
    C-1,Consumer,\"Prado, Ana\",ana@mail.example,+1 212 555 0123; +15550100009,\r\n\
    C-2,contact,Ben,,,no\r\n\
    ,user,Nobody,,,\r\n\
    C-3,king,Eve,,,\r\n\
    C-4,user,Dora,,12,\r\n\
    C-5,user,Finn\r\n\
    C-6,employee,Gil,gil,,\r\n\
    C-7,user,Hal,,,maybe\r\n";

async fn import(desk: &Desk, query: &str, text: &str) -> Value {
    let (status, report) =
        desk.post_text("ana", &format!("people/import{query}"), "text/csv", text).await;
    assert_eq!(status, 200, "{report}");
    report
}

fn counts(report: &Value) -> [u64; 6] {
    ["created", "changed", "unchanged", "refused", "linked", "undecided"]
        .map(|name| report[name].as_u64().expect("a count"))
}

on_both! {
    async fn a_directory_is_imported_and_says_what_was_wrong(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(NUMBER, "SM1", "Hello")).await;
        let dry = import(&desk, "?dry_run=true", FILE).await;
        assert_eq!((counts(&dry), &dry["dry_run"]), ([2, 0, 0, 6, 1, 0], &json!(true)));
        assert_eq!(desk.count("people").await, 0);
        assert_eq!(desk.see("interactions/IMS0000001").await["opened_for"], Value::Null);

        let report = import(&desk, "", FILE).await;
        assert_eq!(counts(&report), [2, 0, 0, 6, 1, 0]);
        let errors = report["errors"].as_array().expect("a list");
        let said: Vec<_> = errors.iter().map(|error| {
            let reason = error["reason"].as_str().expect("a reason");
            (error["line"].as_u64().expect("a line"), reason.split_whitespace().next().unwrap_or_default())
        }).collect();
        assert_eq!(said, [(4, "external_id"), (5, "kind"), (6, "phone"), (7, "there"), (8, "the"), (9, "active")]);
        let stored = "select external_id || ' ' || kind || ' ' || name from people order by external_id";
        assert_eq!(desk.texts(stored).await, ["C-1 consumer Prado, Ana", "C-2 contact Ben"]);
        let phones = desk.texts("select phone from person_phones order by phone").await;
        assert_eq!(phones, [NUMBER, "+15550100009"]);
        assert_eq!(profile(&desk, NUMBER).await["match_outcome"], "guest_linked");
        assert_eq!(desk.see("interactions/IMS0000001").await["people"][0]["name"], "Prado, Ana");
        let audit = desk.see("audit?subject_kind=person").await;
        assert_eq!(audit["data"].as_array().map(Vec::len), Some(2));
        assert_eq!((&audit["data"][0]["action"], &audit["data"][0]["author"]), (&json!("create"), &json!("ana")));
    }

    async fn a_quote_that_is_not_closed_makes_nobody_of_what_follows(database: Database) {
        let desk = Desk::open(&database).await;
        let head = "external_id,kind,name\n1,user,Ana\n";
        for (rest, line, says) in [
            ("14,user,\"open quote\n15,user,x\n", 3, "a quote that opens here is never closed"),
            ("14,user,\"open quote", 3, "a quote that opens here is never closed"),
            ("13,user,Ben\n14,user,\"open\n15,user,\"x\"\n", 4, "cell 3 goes on after the end of the line"),
            ("14,user,\"two\nlines\"\n", 3, "cell 3 goes on after the end of the line"),
        ] {
            let report = import(&desk, "?dry_run=true", &format!("{head}{rest}")).await;
            let error = &report["errors"][0];
            let reason = error["reason"].as_str().expect("a reason");
            assert!(error["line"] == line && reason.contains(says), "{rest}: {report}");
        }
        let (status, refused) =
            desk.post_text("ana", "people/import?region=ZZ", "text/csv", head).await;
        assert_eq!(status, 400, "{refused}");
        desk.store.close().await;
    }

    async fn importing_again_changes_only_what_is_different(database: Database) {
        let desk = Desk::open(&database).await;
        import(&desk, "", FILE).await;
        let versions = "select cast(sum(version) as text) from people";
        let before = desk.texts(versions).await;
        assert_eq!(counts(&import(&desk, "", FILE).await), [0, 0, 2, 6, 0, 0]);
        assert_eq!(desk.texts(versions).await, before);
        assert_eq!(desk.count("audit where subject_kind = 'person'").await, 2);
        // A column that is not there says nothing; the later of two lines counts.
        let other = "kind,external_id,name\nconsumer,C-1,Ana\ncontact,C-2,Ben B.\ncontact,C-2,Benny\n";
        assert_eq!(counts(&import(&desk, "", other).await), [0, 3, 0, 0, 0, 0]);
        let people = desk.see(&format!("people?phone=%2B{}", &NUMBER[1..])).await;
        let ana = &people["data"][0];
        assert_eq!((&ana["name"], &ana["email"], ana["phones"].as_array().map(Vec::len)),
            (&json!("Ana"), &json!("ana@mail.example"), Some(2)));
        assert_eq!(desk.texts("select name from people where external_id = 'C-2' and not active").await, ["Benny"]);
        // Somebody who leaves by the file leaves their senders, too.
        desk.accept(sms(NUMBER, "SM1", "Hello")).await;
        let gone = "external_id,kind,name,active\nC-1,consumer,Ana,false\n";
        assert_eq!(counts(&import(&desk, "", gone).await), [0, 1, 0, 0, 0, 1]);
        assert_eq!(desk.see("interactions/IMS0000001").await["match_outcome"], "person_inactive");
    }

    async fn a_file_of_many_chunks_is_imported_whole_and_twice_at_once(database: Database) {
        let desk = Desk::open(&database).await;
        let mut file = "external_id,kind,name,phones\n".to_owned();
        for n in 0..1_300 {
            file += &format!("C-{n},user,Person {n},0171 {:07}\n", 5_000_000 + n);
        }
        let (one, other) = tokio::join!(
            import(&desk, "?region=DE", &file),
            import(&desk, "?region=DE", &file),
        );
        let (one, other) = (counts(&one), counts(&other));
        assert_eq!(one[0] + other[0], 1_300, "{one:?} {other:?}");
        assert_eq!(one[2] + other[2], 1_300, "{one:?} {other:?}");
        assert_eq!(desk.count("people").await, 1_300);
        assert_eq!(desk.count("person_phones where phone = '+491715001299'").await, 1);
    }

    async fn a_file_that_is_none_is_refused_with_what_to_mend(database: Database) {
        let desk = Desk::open(&database).await;
        for (text, word) in [
            ("id,kind,name\n1,user,Ana\n", "column 1"),
            ("external_id,kind\n1,user\n", "no column name"),
            ("external_id;kind;name\n1;user;Ana\n", "commas"),
            ("external_id,kind,name,kind\n1,user,Ana,user\n", "twice"),
            ("", "no column external_id"),
        ] {
            let (status, problem) = desk.post_text("ana", "people/import", "text/csv", text).await;
            assert_eq!((status, &problem["code"]), (422, &json!("invalid_body")), "{text}");
            assert!(problem["detail"].as_str().expect("a sentence").contains(word), "{problem}");
        }
        let (status, _) = desk.post_text("ana", "people/import", "text/plain", "x").await;
        assert_eq!(status, 415);
        let (status, problem) = desk.post_text("ana", "people/import?region=Narnia", "text/csv", FILE).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_query")));
    }

    async fn the_command_imports_a_file_and_its_exit_code_says_how(database: Database) {
        let desk = Desk::open(&database).await;
        let folder = tempfile::TempDir::new().expect("a folder");
        let file = folder.path().join("people.csv");
        let run = |text: &str, more: &[&str]| {
            std::fs::write(&file, text).expect("a file");
            let output = Command::new(env!("CARGO_BIN_EXE_frontdesk"))
                .current_dir(folder.path())
                .env("FRONTDESK__DATABASE__URL", &database.url)
                .env("FRONTDESK__SECRETS__KEY", SECRETS_KEY)
                .args(["people", "import", "people.csv"])
                .args(more)
                .output()
                .expect("a program");
            (output.status.code(), String::from_utf8(output.stdout).expect("text"),
                String::from_utf8(output.stderr).expect("text"))
        };
        let good = "external_id,kind,name,phones\nC-1,user,Ana,+12125550123\n";
        let (code, said, _) = run(good, &["--dry-run"]);
        assert_eq!(code, Some(4), "{said}");
        assert!(said.contains("would be 1 created, 0 changed"), "{said}");
        let (code, said, warned) = run(good, &[]);
        assert_eq!(code, Some(0), "{said} {warned}");
        assert_eq!((said.trim(), warned.as_str()),
            ("1 created, 0 changed, 0 unchanged, 0 refused; 0 guests known, 0 senders to look at", ""));
        let (code, said, _) = run(FILE, &["--json"]);
        let report: Value = serde_json::from_str(&said).expect("one object");
        assert_eq!((code, counts(&report)), (Some(4), [1, 1, 0, 6, 0, 0]));
        let (code, _, warned) = run("name\nAna\n", &[]);
        assert_eq!(code, Some(5));
        assert!(warned.contains("no column external_id"), "{warned}");
        assert_eq!(run(good, &["--region", "Narnia"]).0, Some(2));
        let audit = desk.see("audit?subject_kind=person&author_kind=command").await;
        assert_eq!(audit["data"][0]["author"], "people import");
    }
}

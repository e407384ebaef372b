//! What is not kept for ever goes in time, and what is closed long enough is archived.

use frontdesk::retention::{self, Limits, Swept};
use serde_json::json;

use crate::support::{
    Database, Desk, on_both,
    requests::{OURS, sms, twilio},
    try_execute,
};

const DAY: i64 = 24 * 60 * 60 * 1000;
/// When the fixtures arrive.
const NOW: i64 = 1_767_225_610_000;

async fn after(desk: &Desk, days: i64, limits: Limits) -> Swept {
    retention::sweep(&desk.store, limits, NOW + days * DAY).await.expect("a sweep")
}

on_both! {
    async fn the_audit_is_only_ever_added_to(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms("+15550100002", "SM1", "Hello")).await;
        let text = json!({"short_description": "Hello"});
        desk.does("ana", "interactions/IMS0000001/close", text).await;
        let other = "'[{\"field\":\"state\",\"from\":null,\"to\":\"new\"}]'";
        for change in [
            "delete from audit".to_owned(),
            "update audit set author = 'ben'".to_owned(),
            "update audit set author_kind = 'system'".to_owned(),
            "update audit set key_id = null".to_owned(),
            "update audit set action = 'edit'".to_owned(),
            "update audit set subject = 'IMS0000002'".to_owned(),
            "update audit set subject_kind = 'task'".to_owned(),
            "update audit set at = at + 1".to_owned(),
            format!("update audit set changes = {other}"),
            // Values may be forgotten, fields only all at once.
            "update audit set changes = '[{\"field\":\"state\",\"from\":null,\"to\":null}]'".to_owned(),
            match database.is_sqlite() {
                true => "insert or replace into audit select * from audit".to_owned(),
                false => "truncate audit".to_owned(),
            },
        ] {
            let refused = try_execute(&desk.store, &change).await.expect_err(&change);
            assert!(refused.to_string().contains("only ever added to"), "{change}: {refused}");
        }
        let audit = desk.see("audit?subject_kind=interaction&subject=IMS0000001").await;
        let fields = audit["data"][0]["changes"].as_array().map(Vec::len);
        assert!(fields > Some(1) && audit["data"][0]["author"] == "ana", "{audit}");
        // Erasing forgets the values, and retention which fields they were of.
        desk.does("ana", "erasures", json!({"address": "+15550100002"})).await;
        let audit = desk.see("audit?subject_kind=interaction&subject=IMS0000001").await;
        let changes = audit["data"][0]["changes"].as_array().expect("a list");
        assert!(changes.iter().all(|change| change["to"] == json!(null)), "{audit}");
        assert_eq!(Some(changes.len()), fields);
        let limits = Limits { audit: Some(400), ..Limits::default() };
        assert!(after(&desk, 401, limits).await.audit > 0);
        assert_eq!(desk.see("audit?subject_kind=interaction&subject=IMS0000001").await["data"][0]["changes"], json!([]));
    }

    async fn each_kind_of_data_goes_in_its_own_time(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms("+15550100002", "SM1", "Hello")).await;
        desk.does("ana", "interactions/IMS0000001/close", json!({"short_description": "Hello"})).await;
        desk.accept(sms("+15550100003", "SM2", "Hello")).await;
        desk.accept(twilio("twilio-main", &[("From", OURS), ("To", "+15550100002"), ("MessageSid", "SM9"),
            ("SmsSid", "SM9"), ("MessageStatus", "delivered")])).await;
        desk.send_as_it_is(sms("+15550100002", "SM3", "forged")).await;
        let refused = "requests where outcome = 'refused'";
        for _ in 0..200 {
            if desk.count(refused).await == 1 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let limits = Limits {
            requests: Some(90), refused: Some(30), dedupe: Some(14), events: Some(60), messages: Some(365),
            audit: Some(400), archive: None,
        };
        assert_eq!(after(&desk, 14, limits).await, Swept::default(), "not a day too early");
        assert_eq!(after(&desk, 15, limits).await, Swept { dedupe: 3, ..Swept::default() });
        assert_eq!(after(&desk, 31, limits).await, Swept { requests: 1, ..Swept::default() });
        assert_eq!(after(&desk, 61, limits).await, Swept { events: 1, ..Swept::default() });
        assert_eq!(after(&desk, 91, limits).await, Swept { requests: 3, ..Swept::default() });
        // What is open is still needed, however old.
        assert_eq!(after(&desk, 366, limits).await, Swept { messages: 1, ..Swept::default() });
        assert_eq!(desk.count("messages").await, 1);
        let audited = desk.count("audit").await;
        assert!(after(&desk, 401, limits).await.audit > 0);
        assert_eq!(desk.count("audit").await, audited, "that there was a change stays");
        assert_eq!(after(&desk, 4000, limits).await, Swept::default());
        assert_eq!(after(&desk, 4000, Limits::default()).await, Swept::default(), "no limit is for ever");
    }

    async fn many_rows_go_in_steps_and_what_is_new_stays(database: Database) {
        let desk = Desk::open(&database).await;
        for from in 0..30 {
            desk.accept(sms(&format!("+155501001{from:02}"), &format!("SM{from}"), "Hello")).await;
        }
        // As many as make several steps, with the newest still needed.
        let (rows, id, body) = match &desk.store {
            frontdesk::db::Store::Sqlite { .. } => (
                "(with recursive n(i) as (select 1 union all select i + 1 from n where i < 1200) select i from n)",
                "unhex(printf('%032x', i))",
                "x''",
            ),
            frontdesk::db::Store::Postgres(_) => (
                "generate_series(1, 1200) as n(i)",
                "lpad(to_hex(i), 32, '0')::uuid",
                "''::bytea",
            ),
        };
        desk.execute(&format!("insert into requests (id, channel_id, method, target, headers, body, received_at, \
            outcome, events, duplicates) select {id}, 'twilio-main', 'POST', '/', '[]', {body}, {}, 'accepted', 1, 0 from {rows}",
            NOW - 10 * DAY)).await;
        let limits = Limits { requests: Some(5), ..Limits::default() };
        assert_eq!(after(&desk, 0, limits).await.requests, 1200);
        assert_eq!(desk.count("requests").await, 30);
    }

    async fn s26_nothing_is_archived_without_a_short_description(database: Database) {
        let desk = Desk::open(&database).await;
        for (from, id) in [("+15550100002", "SM1"), ("+15550100003", "SM2"), ("+15550100004", "SM3")] {
            desk.accept(sms(from, id, "Hello")).await;
        }
        for number in ["IMS0000001", "IMS0000002"] {
            desk.does("ana", &format!("interactions/{number}/close"), json!({"short_description": "Hello"})).await;
        }
        // Nothing of ours leaves one behind; another program might.
        desk.execute("update interactions set short_description = ' ' where seq = 2").await;
        let limits = Limits { archive: Some(30), ..Limits::default() };
        assert_eq!(after(&desk, 30, limits).await.archived, 0);
        assert_eq!(after(&desk, 31, limits).await.archived, 1);
        assert_eq!(after(&desk, 31, limits).await.archived, 0, "once");
        let archived = "select cast(seq as text) from interactions where archived_at is not null";
        assert_eq!(desk.texts(archived).await, ["1"], "what is open is not archived either");
        assert_eq!(desk.see("interactions/IMS0000001").await["archived_at"], "2026-02-01T00:00:10.000Z");
        desk.execute("update interactions set short_description = 'Found later' where seq = 2").await;
        assert_eq!(after(&desk, 32, limits).await.archived, 1);
    }
}

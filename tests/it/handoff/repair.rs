//! A sink that was down for long, and what takes up again what waits for it.

use std::fs;

use serde_json::json;

use super::{
    receiver::Receiver,
    sinks::{desk, hook},
};
use crate::support::{Database, Desk, Program, on_both, requests::sms, until};

/// What has been tried without success and waits for hours from now on.
const FAR_OFF: &str = "update deliveries set attempts = 12, due_at = due_at + 14400000 \
    where due_at is not null and lease is null";

/// Two events of one interaction and one of another, which wait for hours.
async fn wait_for_hours(desk: &Desk, receiver: &Receiver, round: usize) {
    receiver.answer(|_| 500);
    for (sender, text) in [(1, "first"), (1, "second"), (2, "elsewhere")] {
        let id = format!("SM{round}{text}");
        desk.accept(sms(&format!("+1212555010{sender}"), &id, text)).await;
    }
    let tried = "deliveries where state = 'waiting' and attempts > 0 and lease is null";
    let waits = "deliveries where state = 'waiting'";
    let waiting =
        async || desk.gateway.count(tried).await == 2 && desk.gateway.count(waits).await == 3;
    assert!(until(waiting).await, "{}", desk.see("deliveries").await);
    desk.gateway.execute(FAR_OFF).await;
}

/// The texts that arrive once the receiver works, as soon as there are so many.
async fn arrive(receiver: &Receiver, count: usize) -> Vec<String> {
    let arrived = until(async || receiver.accepted().len() >= count).await;
    assert!(arrived, "{} of {count} arrived", receiver.accepted().len());
    receiver.accepted().iter().map(|heard| heard.text().to_owned()).collect()
}

/// Waits until nothing waits.
async fn settled(desk: &Desk) {
    let waiting = "deliveries where state = 'waiting'";
    assert!(until(async || desk.gateway.count(waiting).await == 0).await);
}

on_both! {
    async fn whatever_an_operator_does_after_a_repair_takes_up_what_waits(database: Database) {
        let desk = desk(&database).await;
        let broken = Receiver::start().await;
        hook(&desk, "crm", &broken.url(), json!({"types": ["message.received"]})).await;
        for (round, how) in ["change", "resume", "rotate-secret", "test", "retry"].iter().enumerate() {
            wait_for_hours(&desk, &broken, round).await;
            let repaired = Receiver::start().await;
            let version = desk.see("sinks/crm").await["version"].as_i64();
            let change = json!({"url": repaired.url()});
            match *how {
                "change" => {
                    let (status, _) =
                        desk.call(None, "PATCH", "sinks/crm", version, Some(change)).await;
                    assert_eq!(status, 200);
                    let mut texts = arrive(&repaired, 3).await;
                    texts.retain(|text| text != "elsewhere");
                    assert_eq!(texts, ["first", "second"]);
                    settled(&desk).await;
                    assert_eq!(desk.see("sinks/crm").await["failing_since"], json!(null));
                    let back = json!({"url": broken.url()});
                    let next = version.map(|version| version + 1);
                    desk.call(None, "PATCH", "sinks/crm", next, Some(back)).await;
                    continue;
                }
                "resume" => {
                    desk.call(None, "POST", "sinks/crm/pause", None, None).await;
                }
                _ => {}
            }
            let known = broken.accepted().len();
            broken.answer(|_| 204);
            let body = (*how == "rotate-secret").then(|| json!({}));
            let (status, answer) =
                desk.call(None, "POST", &format!("sinks/crm/{how}"), None, body).await;
            assert_eq!(status, 200, "{how}: {answer}");
            if *how == "retry" {
                assert_eq!(answer["retried"], 2);
            }
            let expected = known + 3 + usize::from(*how == "test");
            let mut texts = arrive(&broken, expected).await.split_off(known);
            texts.retain(|text| text != "elsewhere" && !text.is_empty());
            assert_eq!(texts, ["first", "second"], "{how}");
            settled(&desk).await;
        }
        desk.gateway.stop().await;
    }

    async fn a_sink_that_is_changed_by_a_file_is_told_what_waits(database: Database) {
        let desk = desk(&database).await;
        // The command goes by the real time.
        desk.gateway.set_to_real_time();
        let (broken, repaired) = (Receiver::start().await, Receiver::start().await);
        hook(&desk, "crm", &broken.url(), json!({"types": ["message.received"]})).await;
        wait_for_hours(&desk, &broken, 0).await;
        let folder = tempfile::tempdir().expect("a folder");
        let (config, sinks) = (folder.path().join("config.toml"), folder.path().join("sinks.toml"));
        fs::write(&config, "[egress]\nallow = [\"127.0.0.0/8\"]\n").expect("a file");
        let secret = "whsec_ZGVzay5leGFtcGxlIGZpY3Rpb25hbCBrZXkgMDAwMQ==";
        let file = format!(
            "[[sinks]]\nid = \"crm\"\nkind = \"webhook\"\nurl = \"{}\"\n\
             types = [\"message.received\"]\nsecret = {{ literal = \"{secret}\" }}\n",
            repaired.url()
        );
        fs::write(&sinks, file).expect("a file");
        let path = |path: &std::path::Path| path.display().to_string();
        let program = Program::new(&database.url);
        let (code, _, said) = program.run(&["--config", &path(&config), "apply", &path(&sinks)]);
        assert_eq!(code, Some(0), "{said}");
        desk.gateway.set_to_real_time();
        let mut texts = arrive(&repaired, 3).await;
        texts.retain(|text| text != "elsewhere");
        assert_eq!(texts, ["first", "second"]);
        desk.gateway.stop().await;
    }

    async fn one_delivery_is_taken_up_with_what_it_waits_for(database: Database) {
        let desk = desk(&database).await;
        let receiver = Receiver::start().await;
        hook(&desk, "crm", &receiver.url(), json!({"types": ["message.received"]})).await;
        wait_for_hours(&desk, &receiver, 0).await;
        let waiting = desk.see("deliveries?state=waiting").await["data"].clone();
        // Newest first: `elsewhere`, `second`, which has no time of its own, and `first`.
        let behind = waiting.as_array().expect("a list").iter().find(|one| one["due_at"].is_null());
        let behind = behind.expect("one that waits for another")["id"].as_str().expect("an id").to_owned();
        receiver.answer(|_| 204);
        let path = format!("deliveries/{behind}/retry");
        let (status, answer) = desk.call(None, "POST", &path, None, None).await;
        assert_eq!((status, &answer["state"]), (200, &json!("waiting")), "{answer}");
        assert_eq!(arrive(&receiver, 2).await, ["first", "second"]);
        let told = async || desk.see(&format!("deliveries/{behind}")).await["state"] == "delivered";
        assert!(until(told).await);
        // The other interaction's waits as before; and what was accepted is not told again.
        assert_eq!(desk.gateway.count("deliveries where state = 'waiting' and attempts = 12").await, 1);
        let (status, problem) = desk.call(None, "POST", &path, None, None).await;
        assert_eq!((status, &problem["code"]), (409, &json!("illegal_transition")));
        desk.gateway.stop().await;
    }

    async fn what_is_taken_up_again_waits_for_seconds_again(database: Database) {
        let desk = desk(&database).await;
        let receiver = Receiver::start().await;
        hook(&desk, "crm", &receiver.url(), json!({"types": ["message.received"]})).await;
        wait_for_hours(&desk, &receiver, 0).await;
        desk.gateway.execute("update deliveries set state = 'dead', due_at = null, settled_at = 0 \
            where attempts = 12").await;
        let (_, answer) = desk.call(None, "POST", "sinks/crm/retry", None, None).await;
        assert_eq!(answer["retried"], 2);
        let again = "deliveries where state = 'waiting' and attempts = 1 and lease is null";
        assert!(until(async || desk.gateway.count(again).await == 2).await);
        let soon = "deliveries where due_at - first_attempt_at <= 5000";
        assert_eq!(desk.gateway.count(soon).await, 2);
        desk.gateway.stop().await;
    }
}

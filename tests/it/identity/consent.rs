//! Who wants no messages, how they say so, and what follows.

use frontdesk::channels::{Keywords, Settings};
use serde_json::{Value, json};

use super::{NUMBER, id, profile};
use crate::support::{
    Database, Desk, on_both,
    requests::{OURS, chat_message, sms, sms_to, twilio},
    twilio_account,
};

/// The decision that counts for a sender.
async fn standing(desk: &Desk, number: &str) -> Value {
    desk.see(&format!("consents?address=%2B{}", &number[1..])).await["data"][0].clone()
}

on_both! {
    async fn a_word_decides_and_opens_nothing(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(NUMBER, "SM1", " Stop ")).await;
        assert_eq!(desk.count("interactions").await + desk.count("profiles").await, 0);
        assert_eq!(desk.count("events where kind = 'message'").await, 1, "it is kept");
        let decided = standing(&desk, NUMBER).await;
        assert_eq!((&decided["state"], &decided["source"]), (&json!("opted_out"), &json!("keyword stop")));
        assert_eq!((&decided["our_address"], &decided["author_kind"]), (&json!(OURS), &json!("requester")));

        // What an opted-out sender writes is taken in and routed, with a flag.
        desk.accept(sms(NUMBER, "SM2", "Where is my parcel?")).await;
        let path = desk.open_interaction().await;
        let open = desk.see(&path).await;
        assert_eq!((&open["opted_out"], &open["work_item"]["state"]), (&json!(true), &json!("queued")));
        let reply = json!({"text": "On its way"});
        let (status, refused) = desk.post("ana", &format!("{path}/messages"), reply.clone()).await;
        assert_eq!((status, &refused["code"]), (409, &json!("opted_out")));
        assert!(refused["detail"].as_str().expect("a sentence").contains("PUT /v1/consents"));
        let bot = desk.call(None, "POST", &format!("{path}/messages"), None, Some(json!({"text": "Hi", "bot": true}))).await;
        assert_eq!(bot.1["code"], "opted_out", "one gate for all");

        // A word is noted on what is open, and moves nothing.
        desk.accept(sms(NUMBER, "SM3", "START")).await;
        let messages = desk.see(&format!("{path}/messages")).await;
        assert_eq!((&messages["data"][1]["text"], &messages["data"][1]["decision"]), (&json!("START"), &json!("noted")));
        assert_eq!(desk.see(&path).await["opted_out"], false);
        desk.does("ana", &format!("{path}/messages"), reply).await;
        desk.accept(sms(NUMBER, "SM4", "help")).await;
        assert_eq!(desk.count("interactions").await, 1);
        assert_eq!(desk.count("messages where decision = 'noted'").await, 2);

        let history = desk.see(&format!("consents/history?address=%2B{}&our_address=%2B{}", &NUMBER[1..], &OURS[1..])).await;
        let states: Vec<_> = history["data"].as_array().expect("a list").iter().map(|one| &one["source"]).collect();
        assert_eq!(states, ["keyword start", "keyword stop"]);
        let told = desk.texts("select type from outbox where type = 'consent.changed'").await;
        assert_eq!(told.len(), 2);
    }

    async fn opting_out_holds_for_the_address_that_received_it(database: Database) {
        let desk = Desk::open(&database).await;
        desk.add_channel("second", "twilio", "+15005550007", twilio_account()).await;
        desk.accept(sms(NUMBER, "SM1", "STOP")).await;
        desk.accept(sms_to("second", "+15005550007", NUMBER, "SM2", "Hello")).await;
        let path = desk.open_interaction().await;
        assert_eq!(desk.see(&path).await["opted_out"], false);
        desk.does("ana", &format!("{path}/messages"), json!({"text": "Hello"})).await;
        let first = json!({"type": "messaging", "channel": "twilio-main", "to": NUMBER, "text": "Hello"});
        assert_eq!(desk.refused("ana", "interactions", first).await, "opted_out");
    }

    async fn yes_counts_only_while_opted_out(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(NUMBER, "SM1", "Yes")).await;
        let path = desk.open_interaction().await;
        assert_eq!(desk.see(&format!("{path}/messages")).await["data"][0]["decision"], "opened");
        assert_eq!(desk.count("consents").await, 0);
        desk.accept(sms(NUMBER, "SM2", "QUIT")).await;
        desk.accept(sms(NUMBER, "SM3", "yes")).await;
        assert_eq!((standing(&desk, NUMBER).await["state"].clone(), desk.count("consent_changes").await), (json!("opted_in"), 2));
        desk.accept(sms(NUMBER, "SM4", "yes")).await;
        assert_eq!(desk.count("consent_changes").await, 2, "an answer again");
        let decisions = desk.texts("select decision from messages order by id").await;
        assert_eq!(decisions, ["opened", "noted", "noted", "continued"]);
    }

    async fn each_channel_says_which_words_count(database: Database) {
        let desk = Desk::open(&database).await;
        for (channel, ours, keywords) in [
            ("consent", "+15005550007", Keywords::Consent),
            ("plain", "+15005550008", Keywords::None),
        ] {
            let settings = Settings { keywords: Some(keywords), ..Settings::default() };
            desk.add_channel_with(channel, "twilio", ours, twilio_account(), settings).await;
        }
        desk.accept(sms_to("consent", "+15005550007", NUMBER, "SM1", "STOP")).await;
        desk.accept(sms_to("consent", "+15005550007", NUMBER, "SM2", "HELP")).await;
        desk.accept(sms_to("plain", "+15005550008", NUMBER, "SM3", "STOP")).await;
        desk.accept(chat_message("visitor-1", "m1", "stop")).await;
        let opened = "select m.text || ' ' || coalesce(i.our_address, '') from messages m \
            join interactions i on i.id = m.interaction_id where m.decision = 'opened' order by m.id";
        let opened = desk.texts(opened).await;
        assert_eq!(opened[..2], ["HELP +15005550007", "STOP +15005550008"]);
        assert!(opened[2].starts_with("stop "), "{opened:?}");
        assert_eq!(desk.texts("select our_address from consents").await, ["+15005550007"]);
    }

    async fn a_provider_that_refuses_to_send_has_been_told_to(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(NUMBER, "SM1", "Hello")).await;
        let path = desk.open_interaction().await;
        let blocked = [("MessageSid", "SM9"), ("MessageStatus", "failed"), ("ErrorCode", "21610"),
            ("To", NUMBER), ("From", OURS)];
        desk.accept(twilio("twilio-main", &blocked)).await;
        let decided = standing(&desk, NUMBER).await;
        assert_eq!((&decided["state"], &decided["source"]), (&json!("opted_out"), &json!("provider twilio")));
        assert_eq!(desk.see(&path).await["opted_out"], true);
        let refused = desk.refused("ana", &format!("{path}/messages"), json!({"text": "Hello"})).await;
        assert_eq!(refused, "opted_out");
    }

    async fn an_agent_enters_what_was_decided_elsewhere(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(NUMBER, "SM1", "Hello")).await;
        let path = desk.open_interaction().await;
        let put = async |state: &str, reason: &str| {
            let body = json!({"scheme": "sms", "value": "+1 212 555 0123", "our_address": OURS, "state": state, "reason": reason});
            desk.call(Some("ana"), "PUT", "consents", None, Some(body)).await
        };
        let (status, out) = put("opted_out", "Said so on the telephone").await;
        assert_eq!((status, &out["value"], &out["author"]), (200, &json!(NUMBER), &json!("ana")));
        assert_eq!(desk.see(&path).await["opted_out"], true);
        assert_eq!(put("opted_in", " ").await.0, 422, "a reason is needed");
        let (_, back) = put("opted_in", "Asked for it in the shop").await;
        assert_eq!((&back["state"], &back["reason"]), (&json!("opted_in"), &json!("Asked for it in the shop")));
        desk.does("ana", &format!("{path}/messages"), json!({"text": "Hello"})).await;
        let history = desk.see(&format!("consents/history?address=%2B{}&limit=1", &NUMBER[1..])).await;
        assert_eq!((&history["data"][0]["state"], history["next"].is_string()), (&json!("opted_in"), true));
        let audit = desk.see("audit?subject_kind=consent").await;
        assert_eq!(audit["data"][0]["changes"], json!([{"field": "state", "from": "opted_out", "to": "opted_in"}]));
    }

    async fn all_spellings_of_a_number_want_no_messages(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms("+5511961234567", "SM1", "PARAR")).await;
        desk.accept(sms("+551161234567", "SM2", "Oi")).await;
        let path = desk.open_interaction().await;
        assert_eq!(desk.see(&path).await["opted_out"], true);
        assert_eq!(desk.count("profile_merges").await, 0, "a word makes no profile");
        desk.accept(sms("+551161234567", "SM3", "start")).await;
        assert_eq!(desk.see(&path).await["opted_out"], true, "of two at one moment, the one that says no");
        desk.pass(1);
        desk.accept(sms("+551161234567", "SM4", "start")).await;
        assert_eq!(desk.see(&path).await["opted_out"], false);
    }

    async fn of_many_words_at_once_each_is_on_record_and_one_counts(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(NUMBER, "SM0", "Hello")).await;
        let words = (1..=20).map(|n| {
            let word = if n % 2 == 0 { "STOP" } else { "START" };
            desk.accept(sms(NUMBER, &format!("SM{n}"), word))
        });
        futures_util::future::join_all(words).await;
        assert_eq!(desk.count("consent_changes").await, 20);
        assert_eq!(desk.count("consents").await, 1);
        assert_eq!(desk.count("messages where decision = 'noted'").await, 20);
        let profile = id(&profile(&desk, NUMBER).await);
        assert_eq!(desk.see(&format!("interactions?profile={profile}")).await["data"].as_array().map(Vec::len), Some(1));
    }
}

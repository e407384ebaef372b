//! Continuing or opening, queues, and what is said beside messages.

use frontdesk::channels::{Continuation, Settings};
use serde_json::{Value, json};

use crate::support::{
    Database, TestGateway, on_both,
    requests::{self, OURS, chat, chat_message, sms, sms_to, twilio},
    twilio_account,
};

/// The messages with what was decided about each, in order of arrival.
const DECISIONS: &str =
    "select text || ': ' || decision || ', ' || reason from messages order by id";

on_both! {
    async fn a_message_continues_what_is_open_and_brings_back_what_was_parked(database: Database) {
        let gateway = TestGateway::start(&database).await;
        let state = async |state: &str, reason: &str| {
            gateway.execute(&format!(
                "update interactions set state = '{state}', state_reason = {reason} where active"
            )).await;
        };
        let say = async |text: &str| drop(gateway.accept(sms("+15550100002", text, text)).await);
        say("first").await;
        say("second").await;
        state("work_in_progress", "null").await;
        say("third").await;
        state("on_hold", "'waiting_on_customer'").await;
        say("fourth").await;
        let now = "select state || coalesce(state_reason, '') from interactions";
        assert_eq!(gateway.texts(now).await, ["work_in_progress"]);
        state("on_hold", "null").await;
        say("fifth").await;
        assert_eq!(gateway.texts(now).await, ["on_hold"]);
        state("wrap_up", "null").await;
        say("sixth").await;
        assert_eq!(gateway.texts(now).await, ["work_in_progress"]);
        assert_eq!(gateway.texts(DECISIONS).await, [
            "first: opened, none_open",
            "second: continued, waiting",
            "third: continued, in_progress",
            "fourth: continued, resumed_from_hold",
            "fifth: continued, awaiting_assignment",
            "sixth: continued, resumed_from_wrap_up",
        ]);
        assert_eq!(gateway.count("work_items").await, 1);
    }

    async fn a_closed_interaction_stays_closed_and_is_the_parent_of_the_next(database: Database) {
        for state in ["closed_complete", "closed_abandoned", "faulted"] {
            let gateway = TestGateway::start(&database).await;
            let from = format!("+1555010{:04}", state.len());
            gateway.accept(sms(&from, &format!("{state}-1"), "hello")).await;
            gateway.execute(&format!(
                "update interactions set state = '{state}', active = false where active"
            )).await;
            gateway.accept(sms(&from, &format!("{state}-2"), "again")).await;
            let parents = gateway.texts(
                "select p.state from interactions i join interactions p on p.id = i.parent_id \
                 and p.profile_id = i.profile_id where i.state = 'new' and i.active"
            ).await;
            assert_eq!(parents, [state]);
            gateway.stop().await;
        }
    }

    async fn a_conversation_lasts_as_long_as_its_channel_says(database: Database) {
        let gateway = TestGateway::start(&database).await;
        let settings =
            Settings { continuation: Continuation::WithinMinutes(30), ..Settings::default() };
        let account = twilio_account();
        gateway.add_channel_with("half-hour", "twilio", "+15005550007", account, settings).await;
        let message = |id: &str| sms_to("half-hour", "+15005550007", "+15550100002", id, id);
        gateway.accept(message("at once")).await;
        gateway.stop().await;
        // Half an hour each from the message before, not from the first.
        let mut latest = None;
        for (minutes, id) in [(30, "after 30"), (60, "after 60"), (91, "after 91")] {
            let gateway = TestGateway::later(&database, minutes).await;
            gateway.accept(message(id)).await;
            if let Some(gateway) = latest.replace(gateway) {
                gateway.stop().await;
            }
        }
        let gateway = latest.expect("a gateway");
        assert_eq!(gateway.texts(DECISIONS).await, [
            "at once: opened, none_open",
            "after 30: continued, waiting",
            "after 60: continued, waiting",
            "after 91: opened, too_long_silent",
        ]);
        let superseded = gateway.texts(
            "select o.state || ' ' || o.state_reason from interactions n \
             join interactions o on o.id = n.parent_id where n.active and not o.active"
        ).await;
        assert_eq!(superseded, ["closed_complete superseded"]);
        // What waited for an agent does not wait twice.
        let items = gateway.texts("select state from work_items order by id").await;
        assert_eq!(items, ["canceled", "queued"]);
    }

    async fn on_a_channel_of_single_messages_each_is_an_interaction(database: Database) {
        let gateway = TestGateway::start(&database).await;
        let settings = Settings { continuation: Continuation::Never, ..Settings::default() };
        let account = twilio_account();
        gateway.add_channel_with("tickets", "twilio", "+15005550007", account, settings).await;
        let message = |id: String| sms_to("tickets", "+15005550007", "+15550100002", &id, &id);
        gateway.accept(message("first".to_owned())).await;
        // Also when they come at once, in one group.
        let rest = (0..9).map(|n| gateway.accept(message(format!("number {n}"))));
        futures_util::future::join_all(rest).await;
        assert_eq!(gateway.count("interactions").await, 10);
        assert_eq!(gateway.count("interactions where active").await, 1);
        assert_eq!(gateway.count("interactions where parent_id is not null").await, 9);
        assert_eq!(gateway.count("messages where decision = 'opened'").await, 10);
        assert_eq!(gateway.count("messages where reason = 'always_new'").await, 9);
        assert_eq!(gateway.count("work_items where state = 'queued'").await, 1);
    }

    async fn the_first_route_whose_conditions_hold_chooses_the_queue(database: Database) {
        let gateway = TestGateway::start(&database).await;
        gateway.accept(sms("+15550100001", "SM1", "before any route")).await;
        gateway.add_route(10, "billing", json!({"text": "invoice|bill"})).await;
        gateway.add_route(20, "brazil", json!({"country": "BR"})).await;
        gateway.add_route(30, "widget", json!({"channel": ["chat"], "person_known": false})).await;
        gateway.accept(sms("+15550100002", "SM2", "My INVOICE is wrong")).await;
        gateway.accept(sms("+5511961234567", "SM3", "Oi")).await;
        gateway.accept(sms("+5511961234568", "SM4", "invoice")).await;
        gateway.accept(chat_message("u-1", "m-1", "hello")).await;
        gateway.accept(sms("+15550100003", "SM5", "nobody's business")).await;
        let sql = "select m.text || ' -> ' || w.queue_id || ' ' || cast(w.priority as text) \
            || ': ' || w.reason from work_items w join messages m on m.interaction_id = w.interaction_id \
            order by m.id";
        assert_eq!(gateway.texts(sql).await, [
            "before any route -> default 100: there are no routes",
            "My INVOICE is wrong -> billing 10: route to-billing matched",
            "Oi -> brazil 20: route to-brazil matched",
            "invoice -> billing 10: route to-billing matched",
            "hello -> widget 30: route to-widget matched",
            "nobody's business -> default 100: none of 3 routes matched",
        ]);
        assert_eq!(gateway.count("work_items where unrouted and queue_id = 'default'").await, 2);
        assert_eq!(gateway.count("work_items where unrouted").await, 2);
    }

    async fn an_edit_changes_the_message_whichever_of_the_two_comes_first(database: Database) {
        let gateway = TestGateway::start(&database).await;
        let edited = |id: &str, text: &str| {
            let sender = json!({"id": "u-42", "kind": "visitor"});
            chat("message.updated", json!({"id": id, "sender": sender, "text": text}))
        };
        gateway.accept(chat_message("u-42", "m-1", "in odrer")).await;
        gateway.accept(edited("m-1", "in order")).await;
        gateway.accept(edited("m-2", "out of order")).await;
        gateway.accept(chat_message("u-42", "m-2", "out of odrer")).await;
        let sql = "select provider_message_id || ': ' || text from messages order by id";
        assert_eq!(gateway.texts(sql).await, ["m-1: in order", "m-2: out of order"]);
        assert_eq!(gateway.count("interactions").await, 1);
    }

    async fn an_edit_keeps_what_it_does_not_bring_anew(database: Database) {
        let gateway = TestGateway::start(&database).await;
        let edited = |mut data: Value| {
            data["id"] = "m-1".into();
            chat("message.updated", data)
        };
        gateway.accept(chat_message("u-42", "m-1", "hello")).await;
        gateway.accept(edited(json!({"attachments": [{"id": "f-1"}]}))).await;
        let shown = "select text || ' ' || cast(attachments as text) from messages";
        let of = async || gateway.texts(shown).await.remove(0);
        let now = of().await;
        assert!(now.starts_with("hello ") && now.contains("f-1"), "{now}");
        gateway.accept(edited(json!({"text": "good day"}))).await;
        let now = of().await;
        assert!(now.starts_with("good day ") && now.contains("f-1"), "{now}");
        // Nothing to change is a mistake, and changes nothing.
        assert_eq!(gateway.send(edited(json!({"mood": "changed"}))).await.status, 422);
        assert_eq!(of().await, now);
        let both = json!({"text": "bye", "attachments": [{"id": "f-2"}]});
        gateway.accept(edited(both)).await;
        let now = of().await;
        assert!(now.starts_with("bye ") && now.contains("f-2") && !now.contains("f-1"), "{now}");
        gateway.accept(edited(json!({"text": ""}))).await;
        assert_eq!(gateway.count("messages where text is null and edited_at is not null").await, 1);
    }

    async fn of_edits_the_latest_counts_in_whatever_order_they_come(database: Database) {
        let gateway = TestGateway::start(&database).await;
        let edited = |id: &str, second: u8, text: &str| {
            let edited_at = format!("2026-01-01T00:00:{second:02}.000Z");
            chat("message.updated", json!({"id": id, "text": text, "edited_at": edited_at}))
        };
        let shown = async || {
            let sql = "select text || ' ' || coalesce(cast(edited_at as text), '-') from messages";
            gateway.texts(sql).await.remove(0)
        };
        gateway.accept(chat_message("u-42", "m-1", "first")).await;
        gateway.accept(edited("m-1", 20, "third")).await;
        gateway.accept(edited("m-1", 10, "second")).await;
        assert_eq!(shown().await, "third 1767225620000");
        assert_eq!(gateway.count("events where kind = 'message_edited'").await, 2);
        gateway.accept(edited("m-1", 20, "of the same moment")).await;
        assert_eq!(shown().await, "of the same moment 1767225620000");
        // Several in one request.
        let events = [(40, "fifth"), (30, "fourth")].map(|(second, text)| {
            let edited_at = format!("2026-01-01T00:00:{second}.000Z");
            let data = json!({"id": "m-1", "text": text, "edited_at": edited_at});
            json!({"type": "message.updated", "data": data})
        });
        gateway.accept(requests::json("chat", &json!({"events": events}))).await;
        assert_eq!(shown().await, "fifth 1767225640000");
        // One that does not say when is taken for the latest.
        let untimed = json!({"type": "message.updated", "data": {"id": "m-1", "text": "sixth"}});
        gateway.accept(requests::json("chat", &untimed)).await;
        assert!(shown().await.starts_with("sixth "));
        gateway.accept(edited("m-1", 30, "before that")).await;
        assert!(shown().await.starts_with("sixth "));
    }

    async fn an_edit_before_its_message_waits_for_it_or_stands_for_it(database: Database) {
        let gateway = TestGateway::start(&database).await;
        let edited = |id: &str, second: u8, mut data: Value| {
            data["id"] = id.into();
            data["edited_at"] = format!("2026-01-01T00:00:{second:02}.000Z").into();
            chat("message.updated", data)
        };
        let visitor = json!({"id": "u-42", "kind": "visitor"});
        // Whose it is shows only with the message.
        gateway.accept(edited("m-1", 20, json!({"text": "latest"}))).await;
        gateway.accept(edited("m-1", 10, json!({"text": "older"}))).await;
        gateway.accept(edited("m-1", 15, json!({"attachments": [{"id": "f-1"}]}))).await;
        assert_eq!(gateway.count("messages").await, 0);
        gateway.accept(chat_message("u-42", "m-1", "first")).await;
        // A text of somebody is a message; of two, the later one counts.
        gateway.accept(edited("m-2", 20, json!({"text": "latest", "sender": visitor}))).await;
        gateway.accept(edited("m-2", 10, json!({"text": "older", "sender": visitor}))).await;
        gateway.accept(chat_message("u-42", "m-2", "first")).await;
        // Files of somebody are not all that the message says.
        let files = json!({"attachments": [{"id": "f-3"}], "sender": visitor});
        gateway.accept(edited("m-3", 20, files)).await;
        gateway.accept(chat_message("u-42", "m-3", "with a file")).await;
        let sql = "select provider_message_id || ': ' || text || ' ' || cast(edited_at as text) || ' ' \
            || case when cast(attachments as text) like '%f-%' then 'file' else 'none' end \
            from messages order by id";
        assert_eq!(gateway.texts(sql).await, [
            "m-1: latest 1767225620000 file",
            "m-2: latest 1767225620000 none",
            "m-3: with a file 1767225620000 file",
        ]);
        assert_eq!(gateway.count("interactions").await, 1);
    }

    async fn a_deleted_message_is_marked_and_kept(database: Database) {
        let gateway = TestGateway::start(&database).await;
        gateway.accept(chat_message("u-42", "m-1", "oops")).await;
        gateway.accept(chat_message("u-42", "m-2", "fine")).await;
        gateway.accept(chat("message.deleted", json!({"id": "m-1"}))).await;
        let deleted = gateway.texts("select text from messages where deleted_at is not null").await;
        assert_eq!(deleted, ["oops"]);
        assert_eq!(gateway.count("events where kind = 'message_deleted'").await, 1);
    }

    async fn a_status_is_kept_once_per_step_and_opens_nothing(database: Database) {
        let gateway = TestGateway::start(&database).await;
        for status in ["sent", "delivered", "delivered"] {
            gateway.accept(twilio("twilio-main", &[
                ("MessageSid", "SM9"), ("MessageStatus", status),
                ("From", OURS), ("To", "+15550100002"),
            ])).await;
        }
        let sql = "select kind || ' of ' || target from events order by id";
        assert_eq!(gateway.texts(sql).await, ["status of SM9", "status of SM9"]);
        assert_eq!(gateway.count("outbox where type = 'message.status'").await, 2);
        assert_eq!(gateway.count("interactions").await + gateway.count("profiles").await, 0);
    }

    async fn an_opt_out_is_recorded_for_one_address_and_closes_no_ear(database: Database) {
        let gateway = TestGateway::start(&database).await;
        gateway.add_route(10, "careful", json!({"opted_out": true})).await;
        let keyword = |from: &str, id: &str, word: &str| twilio("twilio-main", &[
            ("To", OURS), ("From", from), ("MessageSid", id), ("Body", word), ("OptOutType", word),
        ]);
        // A stranger's keyword opens nothing.
        gateway.accept(keyword("+15550100009", "SM0", "STOP")).await;
        assert_eq!(gateway.count("interactions").await, 0);
        assert_eq!(gateway.count("consents where state = 'opted_out'").await, 1);

        gateway.accept(sms("+15550100002", "SM1", "hello")).await;
        gateway.accept(keyword("+15550100002", "SM2", "STOP")).await;
        let consents = "select value || ' ' || our_address || ' ' || state || ' by ' || source \
            from consents where value = '+15550100002'";
        let expected = format!("+15550100002 {OURS} opted_out by provider twilio");
        assert_eq!(gateway.texts(consents).await, [expected]);
        gateway.execute("update interactions set active = false, state = 'closed_complete'").await;
        gateway.accept(sms("+15550100002", "SM3", "one more thing")).await;
        assert_eq!(gateway.texts(DECISIONS).await, [
            "hello: opened, none_open",
            "STOP: noted, noted",
            "one more thing: opened, none_open",
        ]);
        let queues = gateway.texts("select queue_id from work_items order by id").await;
        assert_eq!(queues, ["default", "careful"]);

        gateway.accept(keyword("+15550100002", "SM4", "START")).await;
        let state = "select state from consents where value = '+15550100002'";
        assert_eq!(gateway.texts(state).await, ["opted_in"]);
    }

    async fn a_blocked_sender_is_answered_and_kept_and_nothing_more(database: Database) {
        let gateway = TestGateway::start(&database).await;
        gateway.accept(sms("+15550100002", "SM1", "hello")).await;
        gateway.execute("update interactions set active = false, state = 'closed_complete'").await;
        gateway.execute("update profiles set blocked_at = 1").await;
        gateway.accept(sms("+15550100002", "SM2", "let me in")).await;
        assert_eq!(gateway.texts("select text from messages").await, ["hello"]);
        assert_eq!(gateway.count("interactions").await, 1);
        assert_eq!(gateway.count("work_items").await, 1);
        assert_eq!(gateway.count("events where kind = 'message'").await, 1);
    }

    async fn our_own_number_as_sender_goes_round_no_circle(database: Database) {
        let gateway = TestGateway::start(&database).await;
        let account = twilio_account();
        gateway.add_channel("second", "twilio", "+15005550007", account).await;
        gateway.accept(sms(OURS, "SM1", "to itself")).await;
        gateway.accept(sms("+15005550007", "SM2", "from one of ours to another")).await;
        assert_eq!(gateway.count("profiles").await, 0);
        assert_eq!(gateway.count("interactions").await, 0);
        assert_eq!(gateway.count("events where kind = 'message'").await, 2);
    }

    async fn a_visitor_whose_id_looks_like_an_address_of_ours_is_heard(database: Database) {
        let gateway = TestGateway::start(&database).await;
        let channels: Vec<(String, String)> =
            gateway.rows("select id, address from channels where id <> 'chat' order by id").await;
        for (n, (_, address)) in channels.iter().enumerate() {
            gateway.accept(chat_message(address, &format!("m-{n}"), "hello")).await;
        }
        let heard = gateway.texts("select distinct value from profiles order by value").await;
        let mut addresses: Vec<&String> = channels.iter().map(|(_, address)| address).collect();
        let own = gateway.texts("select address from channels where id = 'chat'").await;
        addresses.retain(|address| **address != own[0]);
        addresses.sort_unstable();
        addresses.dedup();
        assert_eq!(heard.len(), addresses.len());
        assert!(addresses.contains(&&OURS.to_owned()));
    }

    async fn one_sender_has_one_conversation_per_address_of_ours(database: Database) {
        let gateway = TestGateway::start(&database).await;
        let account = twilio_account();
        gateway.add_channel("second", "twilio", "+15005550007", account).await;
        gateway.accept(sms("+15550100002", "SM1", "to the first")).await;
        gateway.accept(sms_to("second", "+15005550007", "+15550100002", "SM2", "to the second")).await;
        assert_eq!(gateway.count("profiles").await, 1);
        let open = gateway.texts("select our_address from interactions where active order by seq").await;
        assert_eq!(open, [OURS, "+15005550007"]);
    }
}

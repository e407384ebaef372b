//! Messaging actions and idle conversations.

use frontdesk::channels::Settings;
use serde_json::{Value, json};

use crate::support::{
    Database, Desk, TestGateway, on_both,
    requests::{chat_message, sms, sms_to, twilio},
    twilio_account, until,
};

const ANA: &str = "+15550100002";
const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;

/// A conversation that `ana` works on and has answered.
async fn answered(desk: &Desk) -> String {
    desk.accept(sms(ANA, "SM1", "Hello")).await;
    let path = desk.open_interaction().await;
    desk.does("ana", &format!("{path}/messages"), json!({"text": "How can I help?"})).await;
    path
}

async fn says(desk: &Desk, path: &str, text: &str) {
    desk.does("ana", &format!("{path}/messages"), json!({"text": text})).await;
}

/// Nothing fires, and soon nothing is looked at: what somebody works on is left for the next sweep.
async fn rests(desk: &Desk) {
    let is_at_rest = async || {
        let swept = desk.sweep().await;
        assert_eq!(swept.fired, 0);
        swept.looked_at == 0
    };
    assert!(until(is_at_rest).await, "an interaction is looked at again and again");
}

/// What fired, and what became of it.
async fn fired(desk: &Desk) -> Vec<String> {
    desk.texts("select rule || ' ' || outcome from timer_firings order by id").await
}

/// Leaves only what a test is about.
async fn only(desk: &Desk, action: Value) {
    desk.execute("update messaging_actions set active = false").await;
    desk.does("ana", "messaging-actions", action).await;
}

on_both! {
    async fn an_agent_who_does_not_answer_is_prompted_once(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        let path = desk.open_interaction().await;
        desk.does("ana", &format!("{path}/accept"), json!({})).await;
        // A second message neither restarts the time nor counts by itself.
        desk.pass_and_sweep(20 * MINUTE).await;
        desk.accept(sms(ANA, "SM2", "Hello?")).await;
        desk.pass_and_sweep(10 * MINUTE - 1).await;
        assert!(fired(&desk).await.is_empty());
        let told = "outbox where type = 'interaction.changed'";
        let before = desk.count(told).await;
        assert_eq!(desk.pass_and_sweep(1).await.fired, 1);
        assert_eq!(desk.count(told).await, before + 1);
        assert_eq!(desk.pass_and_sweep(60 * MINUTE).await.fired, 0, "once per arming");
        assert_eq!(fired(&desk).await, ["remind-agent done"]);
        let timeline = desk.see(&format!("{path}/timeline?limit=200")).await;
        let entry = timeline["data"].as_array().expect("a list").iter().find(|entry| entry["kind"] == "timer");
        let entry = entry.expect("an entry");
        assert_eq!((&entry["what"], &entry["armed_at"]), (&json!("prompt_agent"), &json!("2026-01-01T00:00:10.000Z")));
        assert_eq!(entry["due_at"], "2026-01-01T00:30:10.000Z");
        // The answer ends it, and the next question arms it again.
        says(&desk, &path, "Here I am").await;
        desk.accept(sms(ANA, "SM3", "At last")).await;
        assert_eq!(desk.pass_and_sweep(30 * MINUTE).await.fired, 1);
        assert_eq!(fired(&desk).await.len(), 2);
    }

    async fn an_answer_in_time_ends_the_agents_timer(database: Database) {
        let desk = Desk::open(&database).await;
        answered(&desk).await;
        desk.pass_and_sweep(31 * MINUTE).await;
        assert!(fired(&desk).await.is_empty());
        // Nobody has it yet, and still somebody waits.
        desk.accept(sms("+15550100003", "SM9", "Anybody there?")).await;
        desk.pass_and_sweep(31 * MINUTE).await;
        assert_eq!(fired(&desk).await, ["remind-agent done"]);
    }

    async fn a_customer_who_does_not_answer_for_two_days_is_let_go(database: Database) {
        let desk = Desk::open(&database).await;
        let path = answered(&desk).await;
        desk.pass_and_sweep(DAY).await;
        says(&desk, &path, "Are you still interested?").await;
        desk.pass_and_sweep(DAY - 1).await;
        assert_eq!(desk.see(&path).await["state"], "work_in_progress");
        desk.pass_and_sweep(1).await;
        let closed = desk.see(&path).await;
        assert_eq!((&closed["state"], &closed["state_reason"]), (&json!("closed_abandoned"), &json!("no_requester_reply")));
        assert_eq!((&closed["closed_by"], &closed["short_description"]), (&json!("system"), &json!("Hello")));
        assert_eq!(closed["closed_at"], "2026-01-03T00:00:10.000Z");
        assert_eq!(closed["work_item"]["state"], "completed");
        assert_eq!(desk.texts("select type from outbox order by seq desc limit 1").await, ["interaction.closed"]);
        assert_eq!(fired(&desk).await, ["no-requester-reply done"]);
    }

    async fn a_customers_answer_ends_the_timer_and_what_waits_inside_is_kept(database: Database) {
        let desk = Desk::open(&database).await;
        let path = answered(&desk).await;
        desk.pass_and_sweep(2 * DAY - 1).await;
        desk.accept(sms(ANA, "SM2", "I am")).await;
        says(&desk, &path, "Then let me ask a colleague").await;
        desk.does("ana", &format!("{path}/hold"), json!({"reason": "waiting_internal"})).await;
        desk.pass_and_sweep(2 * DAY).await;
        assert_eq!(desk.see(&path).await["state"], "on_hold");
        assert_eq!(fired(&desk).await, ["no-requester-reply unmet"], "our side owes the next word");
        desk.pass_and_sweep(2 * DAY).await;
        assert_eq!(desk.see(&path).await["state"], "on_hold");
    }

    async fn conditions_are_asked_when_it_fires(database: Database) {
        let desk = Desk::open(&database).await;
        only(&desk, json!({"id": "vip", "event": "requester_wrote", "after_seconds": 60,
            "when": {"with": "agent", "group": "vip"}, "action": {"do": "reassign"}})).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        let path = desk.open_interaction().await;
        desk.does("ana", &format!("{path}/accept"), json!({})).await;
        let vip = json!({"assignment_group": "vip", "short_description": "A parcel"});
        assert_eq!(desk.change("ana", &path, vip).await.0, 200);
        desk.pass_and_sweep(60).await;
        let reassigned = desk.see(&path).await;
        assert_eq!((&reassigned["state"], &reassigned["assigned_to"]), (&json!("on_hold"), &Value::Null));
        assert_eq!((&reassigned["work_item"]["state"], &reassigned["work_item"]["queue"]), (&json!("queued"), &json!("default")));
        let cause = "select cause || ' ' || author from interaction_transitions order by id desc limit 1";
        assert_eq!(desk.texts(cause).await, ["requeued vip"]);
        // Another one, of another group by then.
        desk.does("ben", &format!("{path}/accept"), json!({})).await;
        desk.does("ben", &format!("{path}/messages"), json!({"text": "Ben here"})).await;
        desk.accept(sms(ANA, "SM2", "Thank you")).await;
        desk.change("ben", &path, json!({"assignment_group": "all"})).await;
        desk.pass_and_sweep(60).await;
        assert_eq!(fired(&desk).await, ["vip done", "vip unmet"]);
        assert_eq!(desk.see(&path).await["assigned_to"], "ben");
    }

    async fn a_customer_is_prompted_unless_it_does_not_want_to_be(database: Database) {
        let desk = Desk::open(&database).await;
        only(&desk, json!({"id": "nudge", "event": "agent_wrote", "after_seconds": 300,
            "action": {"do": "prompt_requester", "text": "Do you still need us?"}})).await;
        let path = answered(&desk).await;
        let before = desk.see(&path).await;
        desk.pass_and_sweep(300).await;
        let prompt = "select direction || ' ' || author_kind || ' ' || author || ' ' || text from messages order by id desc limit 1";
        assert_eq!(desk.texts(prompt).await, ["outbound system nudge Do you still need us?"]);
        assert_eq!(desk.texts("select type from outbox order by seq desc limit 1").await, ["message.received"]);
        let after = desk.see(&path).await;
        for field in ["state", "assigned_to", "wait_time_ms", "agent_avg_response_ms"] {
            assert_eq!(after[field], before[field], "{field}");
        }
        assert_eq!(desk.pass_and_sweep(3600).await.fired, 0, "our prompt is not an agent's message");
        desk.accept(sms(ANA, "SM2", "Yes")).await;
        says(&desk, &path, "Good").await;
        desk.accept(twilio("twilio-main", &[("To", "+15005550006"), ("From", ANA), ("MessageSid", "SM3"),
            ("Body", "STOP"), ("OptOutType", "STOP")])).await;
        let messages = desk.count("messages").await;
        desk.pass_and_sweep(300).await;
        assert_eq!(fired(&desk).await, ["nudge done", "nudge opted_out"]);
        assert_eq!(desk.count("messages").await, messages);
    }

    async fn a_bot_alone_is_idle_after_two_hours_and_people_take_their_time(database: Database) {
        let desk = Desk::open(&database).await;
        for (from, id) in [(ANA, "SM1"), ("+15550100003", "SM2"), ("+15550100004", "SM3")] {
            desk.accept(sms(from, id, "Hello")).await;
        }
        let bot = json!({"text": "I am a bot", "bot": true});
        for number in ["IMS0000001", "IMS0000002"] {
            let messages = format!("interactions/{number}/messages");
            assert_eq!(desk.call(None, "POST", &messages, None, Some(bot.clone())).await.0, 201);
        }
        desk.does("ana", "interactions/IMS0000003/messages", json!({"text": "Ana here"})).await;
        desk.pass(60 * MINUTE);
        desk.accept(sms(ANA, "SM4", "And now?")).await;
        desk.pass_and_sweep(60 * MINUTE).await;
        let states = "select state || ' ' || coalesce(state_reason, '-') from interactions order by seq";
        assert_eq!(desk.texts(states).await,
            ["work_in_progress -", "closed_abandoned no_activity", "work_in_progress -"]);
        desk.pass_and_sweep(60 * MINUTE).await;
        assert_eq!(desk.texts(states).await,
            ["closed_complete no_user_response", "closed_abandoned no_activity", "work_in_progress -"]);
        let idle = "timer_firings where rule = 'idle' and outcome = 'done'";
        assert_eq!(desk.count(idle).await, 2);
    }

    async fn a_channel_says_for_itself_what_idle_is(database: Database) {
        let desk = Desk::open(&database).await;
        for (id, address, idle_minutes) in [("quick", "+15005550011", Some(10)), ("patient", "+15005550012", Some(0))] {
            let settings = Settings { idle_minutes, ..Settings::default() };
            desk.add_channel_with(id, "twilio", address, twilio_account(), settings).await;
        }
        for (number, channel, to) in [(1, "quick", "+15005550011"), (2, "patient", "+15005550012")] {
            desk.accept(sms_to(channel, to, ANA, channel, "Hello")).await;
            let messages = format!("interactions/IMS000000{number}/messages");
            let bot = json!({"text": "I am a bot", "bot": true});
            assert_eq!(desk.call(None, "POST", &messages, None, Some(bot)).await.0, 201);
        }
        desk.pass_and_sweep(10 * MINUTE - 1).await;
        assert_eq!(desk.count("interactions where active").await, 2);
        desk.pass_and_sweep(1).await;
        assert_eq!(desk.texts("select channel_id from interactions where active").await, ["patient"]);
        desk.pass_and_sweep(DAY).await;
        assert_eq!(desk.count("interactions where active").await, 1);
    }

    async fn an_idle_live_chat_is_reminded_and_then_closed(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(chat_message("visitor-1", "m1", "Hello")).await;
        let path = desk.open_interaction().await;
        says(&desk, &path, "How can I help?").await;
        desk.pass_and_sweep(3 * MINUTE).await;
        assert_eq!(fired(&desk).await, ["chat-remind done"]);
        desk.pass_and_sweep(3 * MINUTE - 1).await;
        assert_eq!(desk.see(&path).await["active"], true);
        desk.pass_and_sweep(1).await;
        let closed = desk.see(&path).await;
        assert_eq!((&closed["state"], &closed["state_reason"]), (&json!("closed_complete"), &json!("no_user_response")));
        // By messaging the same silence says nothing.
        let path = answered(&desk).await;
        desk.pass_and_sweep(7 * MINUTE).await;
        assert_eq!(desk.see(&path).await["active"], true);
        // A chat that nobody came to is idle after two hours.
        desk.accept(chat_message("visitor-2", "m2", "Hello")).await;
        desk.pass_and_sweep(120 * MINUTE).await;
        let last = "select state || ' ' || state_reason from interactions where type = 'chat' order by seq desc limit 1";
        assert_eq!(desk.texts(last).await, ["closed_abandoned no_activity"]);
    }

    async fn a_restart_forgets_no_timer_and_a_new_rule_holds_for_what_is_open(database: Database) {
        let desk = Desk::open(&database).await;
        answered(&desk).await;
        desk.sweep().await;
        desk.gateway.stop().await;
        let desk = Desk::at(TestGateway::later(&database, 60).await).await;
        // Nothing can be due before half an hour.
        rests(&desk).await;
        desk.does("ana", "messaging-actions", json!({"id": "hourly", "event": "agent_wrote",
            "after_seconds": 3600, "action": {"do": "set_state", "state": "on_hold", "reason": "waiting_on_customer"}})).await;
        assert_eq!(desk.sweep().await.fired, 1);
        let path = desk.open_interaction().await;
        assert_eq!(desk.see(&path).await["state_reason"], "waiting_on_customer");
        desk.gateway.stop().await;
        let desk = Desk::at(TestGateway::later(&database, 2 * 24 * 60).await).await;
        desk.sweep().await;
        assert_eq!(desk.see(&path).await["state_reason"], "no_requester_reply");
        assert_eq!(fired(&desk).await, ["hourly done", "no-requester-reply done"]);
    }

    async fn many_instances_at_once_do_each_thing_once(database: Database) {
        let desk = Desk::open(&database).await;
        const MANY: usize = 30;
        for from in 0..MANY {
            desk.accept(sms(&format!("+155501001{from:02}"), &format!("SM{from}"), "Hello")).await;
        }
        desk.pass(31 * MINUTE);
        let desk = &desk;
        let sweeps: Vec<_> = (0..8).map(|_| desk.sweep()).collect();
        let counts = futures_util::future::join_all(sweeps).await;
        assert_eq!(counts.iter().map(|swept| swept.fired).sum::<usize>(), MANY);
        assert_eq!(desk.count("timer_firings").await, i64::try_from(MANY).expect("few"));
        rests(desk).await;
    }

    async fn an_answer_at_the_very_moment_is_never_lost(database: Database) {
        let desk = Desk::open(&database).await;
        only(&desk, json!({"id": "let-go", "event": "agent_wrote", "after_seconds": 60,
            "action": {"do": "set_state", "state": "closed_abandoned", "reason": "no_requester_reply"}})).await;
        for round in 0..12 {
            let from = format!("+155501001{round:02}");
            desk.accept(sms(&from, &format!("SM{round}"), "Hello")).await;
            let newest = desk.see("interactions?limit=1").await["data"][0]["number"].clone();
            let path = format!("interactions/{}", newest.as_str().expect("a number"));
            // Whoever is assigned past the queue has room for any number.
            desk.does("ana", &format!("{path}/assign"), json!({})).await;
            says(&desk, &path, "Yes?").await;
            desk.pass(60);
            tokio::join!(desk.accept(sms(&from, &format!("SN{round}"), "Me again")), desk.sweep());
        }
        // Either the answer came first and it is open, or it opened another one.
        let lost = "messages m join interactions i on i.id = m.interaction_id \
            where m.text = 'Me again' and i.state_reason = 'no_requester_reply'";
        assert_eq!(desk.count(lost).await, 0);
        assert_eq!(desk.count("messages where text = 'Me again'").await, 12);
    }
}

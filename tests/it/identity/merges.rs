//! Two profiles of one sender: proposed, confirmed, and taken back without loss.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{id, person, profile};
use crate::support::{
    Database, Desk, on_both,
    requests::{self, sms, sms_to, whatsapp},
    twilio_account,
};

/// One Brazilian mobile in its two spellings.
const SHORT: &str = "+551161234567";
const LONG: &str = "+5511961234567";
/// Our phone number id at the WhatsApp fixture channel.
const OUR_ID: &str = "106540352242900";

async fn merges(desk: &Desk, state: &str) -> Vec<Value> {
    let list = desk.see(&format!("merges?state={state}")).await;
    list["data"].as_array().expect("a list").clone()
}

async fn close(desk: &Desk, number: u32) {
    let text = json!({"short_description": "Done"});
    desk.does("ana", &format!("interactions/IMS{number:07}/close"), text).await;
}

/// Everything a merge may touch, without what counts changes.
async fn picture(desk: &Desk) -> Vec<String> {
    type Whose = (Uuid, Option<Uuid>, Option<Uuid>, Option<Uuid>, Option<Uuid>, String);
    type Who = (Uuid, Option<Uuid>, Option<Uuid>, String, String, bool);
    let mut rows = Vec::new();
    let profiles: Vec<Who> = desk
        .rows(
            "select id, person_id, merged_into, match_outcome, cast(candidates as text) || \
         coalesce(cast(verified_at as text), '-') || coalesce(verified_by, '-') || \
         coalesce(cast(blocked_at as text), '-') || coalesce(blocked_reason, '-') || \
         coalesce(cast(expired_at as text), '-'), active from profiles order by id",
        )
        .await;
    rows.extend(profiles.iter().map(|row| format!("profile {row:?}")));
    let interactions: Vec<Whose> = desk.rows(
        "select id, profile_id, opened_for, contact, consumer, opened_for_kind || match_outcome || \
         cast(candidates as text) || state from interactions order by id").await;
    rows.extend(interactions.iter().map(|row| format!("interaction {row:?}")));
    let tasks: Vec<(Uuid, Option<Uuid>, Option<Uuid>)> =
        desk.rows("select id, profile_id, opened_for from tasks order by id").await;
    rows.extend(tasks.iter().map(|row| format!("task {row:?}")));
    let aliases: Vec<(String, Uuid)> = desk.rows(
        "select scheme || scope || value, profile_id from profile_aliases order by scheme, scope, value").await;
    rows.extend(aliases.iter().map(|row| format!("alias {row:?}")));
    let related: Vec<(Uuid, Uuid)> =
        desk.rows("select id, interaction_id from related_records order by id").await;
    rows.extend(related.iter().map(|row| format!("related {row:?}")));
    let messages: Vec<(Uuid, Uuid, Uuid)> =
        desk.rows("select id, interaction_id, profile_id from messages order by id").await;
    rows.extend(messages.iter().map(|row| format!("message {row:?}")));
    rows
}

on_both! {
    async fn two_spellings_of_a_number_are_proposed_and_may_become_one(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(SHORT, "SM1", "Oi")).await;
        assert_eq!(merges(&desk, "proposed").await, Vec::<Value>::new());
        let task = json!({"kind": "case", "short_description": "A case"});
        desk.does("ana", "interactions/IMS0000001/tasks", task.clone()).await;
        close(&desk, 1).await;
        desk.accept(sms(LONG, "SM2", "Oi")).await;
        desk.accept(sms(LONG, "SM3", "Oi")).await;
        let (kept, given_up) = (profile(&desk, SHORT).await, profile(&desk, LONG).await);
        let proposed = merges(&desk, "proposed").await;
        assert_eq!(proposed.len(), 1, "once, and nothing by itself");
        let merge = &proposed[0];
        assert_eq!((&merge["kept_id"], &merge["given_up_id"]), (&kept["id"], &given_up["id"]));
        assert_eq!((&merge["reason"], &merge["proposed_by"]), (&json!("twin"), &json!("system")));
        desk.does("ana", "interactions/IMS0000002/tasks", task.clone()).await;
        let before = picture(&desk).await;

        desk.pass(60);
        let path = format!("merges/{}", id(merge));
        let confirmed = desk.does("ana", &format!("{path}/confirm"), json!({})).await;
        assert_eq!((&confirmed["state"], &confirmed["decided_by"]), (&json!("confirmed"), &json!("agent:ana")));
        let gone = desk.see(&format!("profiles/{}", id(&given_up))).await;
        assert_eq!((&gone["active"], &gone["merged_into"]), (&json!(false), &kept["id"]));
        assert_eq!(desk.see("interactions/IMS0000002").await["profile_id"], kept["id"]);
        let tasks = desk.see(&format!("tasks?profile={}", id(&kept))).await;
        assert_eq!(tasks["data"].as_array().map(Vec::len), Some(2));
        let shown = desk.see(&format!("profiles/{}", id(&kept))).await;
        assert_eq!(shown["aliases"], json!([{"scheme": "sms", "scope": "", "value": LONG}]));
        // The address that was given up leads to the one that is kept.
        desk.accept(sms(LONG, "SM4", "Ainda eu")).await;
        desk.accept(sms(SHORT, "SM5", "E eu")).await;
        let messages = desk.see("interactions/IMS0000002/messages").await;
        assert_eq!(messages["data"].as_array().map(Vec::len), Some(4));
        assert_eq!(desk.count("profiles").await, 2);

        // What came since by the address that was given up is that profile's again.
        close(&desk, 2).await;
        desk.accept(sms(LONG, "SM6", "Mais uma")).await;
        desk.does("ana", "interactions/IMS0000003/tasks", task).await;
        let undone = desk.does("ben", &format!("{path}/undo"), json!({})).await;
        assert_eq!((&undone["state"], &undone["undone_by"]), (&json!("undone"), &json!("agent:ben")));
        assert_eq!(desk.see("interactions/IMS0000003").await["profile_id"], given_up["id"]);
        let tasks = desk.see(&format!("tasks?profile={}", id(&given_up))).await;
        assert_eq!(tasks["data"].as_array().map(Vec::len), Some(2));
        let after = picture(&desk).await;
        let closed = |row: &String| !row.contains("new_guest[]new") && !row.contains("closed");
        let same: Vec<_> = before.iter().filter(|row| closed(row)).collect();
        assert!(same.len() > 6 && same.iter().all(|row| after.contains(row)), "{before:#?}\n{after:#?}");
        desk.accept(sms(LONG, "SM7", "Sozinho")).await;
        assert_eq!(desk.see("interactions/IMS0000003/messages").await["data"].as_array().map(Vec::len), Some(2));
        assert_eq!(desk.refused("ana", &format!("{path}/undo"), json!({})).await, "cannot_merge");
    }

    async fn what_is_dismissed_is_not_proposed_again_and_may_be_wanted_later(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(SHORT, "SM1", "Oi")).await;
        desk.accept(sms(LONG, "SM2", "Oi")).await;
        let merge = merges(&desk, "proposed").await.remove(0);
        let path = format!("merges/{}", id(&merge));
        // Both have an open interaction on one address of ours.
        let (status, both) = desk.post("ana", &format!("{path}/confirm"), json!({})).await;
        assert_eq!((status, &both["code"]), (409, &json!("cannot_merge")));
        assert!(both["detail"].as_str().expect("a sentence").contains("IMS0000001 and IMS0000002"));
        let dismissed = desk.does("ana", &format!("{path}/dismiss"), json!({})).await;
        assert_eq!(dismissed["state"], "dismissed");
        assert_eq!(desk.refused("ana", &format!("{path}/dismiss"), json!({})).await, "cannot_merge");
        let other = format!("profiles/{}/deactivate", id(&profile(&desk, LONG).await));
        desk.does("ana", &other, json!({})).await;
        assert_eq!(merges(&desk, "proposed").await, Vec::<Value>::new());
        assert_eq!(desk.refused("ana", &format!("{path}/confirm"), json!({})).await, "given_up");
        let stale = desk.call(Some("ana"), "POST", &format!("{path}/confirm"), Some(1), Some(json!({}))).await;
        assert_eq!(stale.0, 412);
    }

    async fn profiles_of_two_media_or_two_people_stay_two(database: Database) {
        let desk = Desk::open(&database).await;
        let (one, other) = ("+12125550123", "+12125550124");
        person(&desk, "user", "Ana", &[one]).await;
        person(&desk, "user", "Ben", &[other]).await;
        desk.accept(sms(one, "SM1", "Ana")).await;
        desk.accept(sms(other, "SM2", "Ben")).await;
        desk.accept(whatsapp("whatsapp-demo", &[(OUR_ID, "12125550199", "wamid.1", "Hello")])).await;
        let (ana, ben) = (id(&profile(&desk, one).await), id(&profile(&desk, other).await));
        let on_whatsapp = id(&profile(&desk, "+12125550199").await);
        let merge = format!("profiles/{ana}/merge");
        assert_eq!(desk.refused("ana", &merge, json!({"profile": ben})).await, "cannot_merge");
        assert_eq!(desk.refused("ana", &merge, json!({"profile": on_whatsapp})).await, "cannot_merge");
        assert_eq!(desk.refused("ana", &merge, json!({"profile": ana})).await, "invalid_body");
        assert_eq!(desk.refused("ana", &merge, json!({"profile": Uuid::nil()})).await, "invalid_body");
        assert_eq!(desk.count("profile_merges").await, 0, "what is refused leaves nothing");
    }

    async fn of_two_who_merge_at_once_one_does(database: Database) {
        let desk = Desk::open(&database).await;
        for (from, message, number) in [(SHORT, "SM1", 1), (LONG, "SM2", 2)] {
            desk.accept(sms(from, message, "Oi")).await;
            close(&desk, number).await;
        }
        let (short, long) = (id(&profile(&desk, SHORT).await), id(&profile(&desk, LONG).await));
        let merge = |kept: &str, given_up: &str| {
            let (path, body) = (format!("profiles/{kept}/merge"), json!({"profile": given_up}));
            let desk = &desk;
            async move { desk.post("ana", &path, body).await }
        };
        let answers = tokio::join!(merge(&short, &long), merge(&long, &short), merge(&short, &long));
        let mut statuses = [answers.0.0, answers.1.0, answers.2.0];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409, 409], "{answers:?}");
        assert_eq!(desk.count("profiles where active").await, 1);
        let kept = desk.texts("select cast(count(distinct profile_id) as text) from interactions").await;
        assert_eq!(kept, ["1"]);
    }

    async fn no_message_is_lost_while_two_become_one_and_two_again(database: Database) {
        let desk = Desk::open(&database).await;
        for (from, message, number) in [(SHORT, "SM1", 1), (LONG, "SM2", 2)] {
            desk.accept(sms(from, message, "Oi")).await;
            close(&desk, number).await;
        }
        let (kept, given_up) = (id(&profile(&desk, SHORT).await), id(&profile(&desk, LONG).await));
        let writing = (0..40).map(|n| {
            let from = if n % 2 == 0 { SHORT } else { LONG };
            desk.accept(sms(from, &format!("SM-{n}"), "Oi"))
        });
        let deciding = async {
            let merge = format!("profiles/{kept}/merge");
            // While both have an open one it is refused: then they stay two.
            let (status, merge) = desk.post("ana", &merge, json!({"profile": given_up})).await;
            if status == 200 {
                let undo = format!("merges/{}/undo", id(&merge));
                desk.does("ana", &undo, json!({})).await;
            }
        };
        tokio::join!(futures_util::future::join_all(writing), deciding);
        assert_eq!(desk.count("messages").await, 42);
        assert_eq!(desk.count("profiles where active").await, 2);
        let open = "select cast(count(*) as text) from interactions where active \
            group by profile_id, our_address having count(*) > 1";
        assert_eq!(desk.texts(open).await, Vec::<String>::new());
        let lost = "messages where interaction_id not in (select id from interactions)";
        assert_eq!(desk.count(lost).await, 0);
    }

    async fn whoever_changed_the_number_is_proposed_under_the_new_one(database: Database) {
        let desk = Desk::open(&database).await;
        let (old, new) = ("+15550100002", "+15550100012");
        let system = |id: &str, from: &str| requests::json("whatsapp-demo", &json!({
            "object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages",
            "value": {"messaging_product": "whatsapp",
                "metadata": {"display_phone_number": "15005550006", "phone_number_id": OUR_ID},
                "messages": [{"from": from, "id": id, "timestamp": "1767225601", "type": "system",
                    "system": {"body": "changed", "wa_id": "15550100012", "type": "user_changed_number"}}]}}]}],
        }));
        desk.accept(system("wamid.1", "15550100777")).await;
        assert_eq!(desk.count("profiles").await, 0, "nobody we know");
        desk.accept(whatsapp("whatsapp-demo", &[(OUR_ID, "15550100002", "wamid.2", "Hello")])).await;
        desk.accept(system("wamid.3", "15550100002")).await;
        desk.accept(system("wamid.3", "15550100002")).await;
        let proposed = merges(&desk, "proposed").await;
        assert_eq!(proposed.len(), 1);
        let (from, to) = (profile(&desk, old).await, profile(&desk, new).await);
        assert_eq!((&proposed[0]["reason"], &proposed[0]["kept_id"]), (&json!("moved"), &to["id"]));
        desk.does("ana", &format!("merges/{}/confirm", id(&proposed[0])), json!({})).await;
        desk.accept(whatsapp("whatsapp-demo", &[(OUR_ID, "15550100012", "wamid.4", "It is me")])).await;
        let messages = desk.see("interactions/IMS0000001/messages").await;
        assert_eq!(messages["data"].as_array().map(Vec::len), Some(2), "the conversation follows");
        // The old number may be somebody else's by now.
        desk.accept(whatsapp("whatsapp-demo", &[(OUR_ID, "15550100002", "wamid.5", "Who is this?")])).await;
        let stranger = profile(&desk, old).await;
        assert_ne!(stranger["id"], from["id"]);
        assert_eq!(desk.see("interactions/IMS0000002").await["profile_id"], stranger["id"]);
        let undo = format!("merges/{}/undo", id(&proposed[0]));
        let (status, taken) = desk.post("ana", &undo, json!({})).await;
        assert_eq!((status, &taken["code"]), (409, &json!("cannot_merge")));
    }

    /// Whatever is merged in whatever order: taking it back in the reverse order leaves everything
    /// as it was, and what is refused changes nothing.
    async fn taking_merges_back_leaves_everything_as_it_was(database: Database) {
        let desk = Desk::open(&database).await;
        desk.add_channel("second", "twilio", "+15005550007", twilio_account()).await;
        let ana = person(&desk, "consumer", "Ana", &[]).await;
        let numbers: Vec<String> = (0..6).map(|n| format!("+1212555012{n}")).collect();
        let mut profiles = Vec::new();
        for (n, number) in numbers.iter().enumerate() {
            desk.accept(sms(number, &format!("SM-{n}-a"), "Hello")).await;
            let found = id(&profile(&desk, number).await);
            let interactions = desk.see(&format!("interactions?profile={found}")).await;
            let path = format!("interactions/{}", interactions["data"][0]["number"].as_str().expect("a number"));
            let task = json!({"kind": "case", "short_description": "A case"});
            desk.does("ana", &format!("{path}/tasks"), task).await;
            if n % 3 != 0 {
                desk.does("ana", &format!("{path}/close"), json!({"short_description": "Done"})).await;
            }
            if n % 2 == 0 {
                desk.accept(sms_to("second", "+15005550007", number, &format!("SM-{n}-b"), "Hi")).await;
            }
            match n {
                1 => drop(desk.does("ana", &format!("profiles/{found}/link"), json!({"person": ana})).await),
                2 => drop(desk.does("ana", &format!("profiles/{found}/verify"),
                    json!({"person": ana, "method": "callback", "confirm": true})).await),
                3 => drop(desk.does("ana", &format!("profiles/{found}/block"), json!({"reason": "Spam"})).await),
                _ => {}
            }
            profiles.push(found);
        }
        for (n, alias) in [(0, "a"), (0, "b"), (4, "c")] {
            let number = &numbers[n];
            desk.execute(&format!("insert into profile_aliases (scheme, scope, value, profile_id, created_at) \
                select 'sms', '', '{alias}', id, 0 from profiles where value = '{number}'")).await;
        }
        let mut chance = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = |below: usize| {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            usize::try_from(chance % below as u64).expect("small")
        };
        let mut standing: Vec<(String, Vec<String>)> = Vec::new();
        let (mut made, mut refused) = (0, 0);
        for _ in 0..60 {
            desk.pass(1);
            let before = picture(&desk).await;
            if next(3) == 0 && let Some((merge, then)) = standing.pop() {
                desk.does("ana", &format!("merges/{merge}/undo"), json!({})).await;
                assert_eq!(picture(&desk).await, then);
                continue;
            }
            let (kept, given_up) = (&profiles[next(profiles.len())], &profiles[next(profiles.len())]);
            let path = format!("profiles/{kept}/merge");
            let (status, answer) = desk.post("ana", &path, json!({"profile": given_up})).await;
            if status == 200 {
                made += 1;
                assert_ne!(picture(&desk).await, before);
                standing.push((id(&answer), before));
            } else {
                refused += 1;
                assert!(matches!(status, 409 | 422), "{answer}");
                assert_eq!(picture(&desk).await, before, "{answer}");
            }
        }
        assert!(made > 5 && refused > 5, "{made} made, {refused} refused");
        while let Some((merge, then)) = standing.pop() {
            desk.does("ana", &format!("merges/{merge}/undo"), json!({})).await;
            assert_eq!(picture(&desk).await, then);
        }
    }
}

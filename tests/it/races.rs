//! Messages that arrive in the very moment in which their sender's profile is merged, given up,
//! handed over or erased.
//!
//! A lock that a test holds keeps whoever comes first in the middle of the work until the other one
//! waits too, or is through. SQLite has one writer, so there whoever comes first is through.

use std::{
    cell::Cell,
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
};

use frontdesk::{db::Tx, search};
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    erasure::dump,
    properties::Dice,
    support::{Database, Desk, TestGateway, on_both, requests::sms, until},
};

/// One Brazilian mobile in its two spellings.
const SHORT: &str = "+551161234567";
const LONG: &str = "+5511961234567";

/// How many decide while messages pour in.
const DECIDERS: u64 = 3;
/// Keeps a group that has found its profiles and conversations from going on.
const MESSAGES: &str = "lock table messages in share mode";
/// Keeps whoever changes profiles from going on.
const PROFILES: &str = "select id from profiles for update";
/// Keeps whoever indexes from being done with it.
const INDEX: &str = "select name from search_progress for update";

on_both! {
    async fn a_message_is_before_a_merge_or_after_it(database: Database) {
        for (lock, message_first) in [(MESSAGES, true), (PROFILES, false)] {
            let scene = Scene::open(&database).await;
            let merge = scene.merge().await;
            let confirm = scene.does(format!("merges/{merge}/confirm"), json!({}));
            scene.race(&database, lock, message_first, confirm).await;
            let kept = scene.profile_of(SHORT).await;
            assert_eq!(scene.holder().await, [kept], "message first: {message_first}");
            scene.leave().await;
        }
    }

    async fn a_message_is_before_a_merge_is_taken_back_or_after_it(database: Database) {
        for (lock, message_first) in [(MESSAGES, true), (PROFILES, false)] {
            let scene = Scene::open(&database).await;
            let merge = scene.merge().await;
            scene.does(format!("merges/{merge}/confirm"), json!({})).await;
            let undo = scene.does(format!("merges/{merge}/undo"), json!({}));
            scene.race(&database, lock, message_first, undo).await;
            let own = scene.profile_of(LONG).await;
            assert_eq!(scene.holder().await, [own], "message first: {message_first}");
            scene.leave().await;
        }
    }

    async fn a_message_is_before_an_address_changes_hands_or_after_it(database: Database) {
        for (lock, message_first) in [(MESSAGES, true), (PROFILES, false)] {
            let scene = Scene::open(&database).await;
            let [one, other] = scene.people().await;
            let path = format!("profiles/{}", scene.profile_of(LONG).await);
            scene.does(format!("{path}/link"), json!({"person": one})).await;
            let reassociate = scene.does(format!("{path}/reassociate"), json!({"person": other}));
            scene.race(&database, lock, message_first, reassociate).await;
            let successor = scene.profile_of(LONG).await;
            assert_eq!(scene.holder().await, [successor], "message first: {message_first}");
            assert_eq!(scene.desk.count("profiles where active").await, 2);
            scene.leave().await;
        }
    }

    async fn a_message_is_before_an_agent_takes_an_address_over_or_after_it(database: Database) {
        for (lock, message_first) in [(MESSAGES, true), (PROFILES, false)] {
            let scene = Scene::open(&database).await;
            let [one, other] = scene.people().await;
            let path = format!("profiles/{}", scene.profile_of(LONG).await);
            scene.does(format!("{path}/link"), json!({"person": one})).await;
            let outreach = json!({"type": "messaging", "channel": "twilio-main", "to": LONG,
                "text": "Hello", "person": other, "take_over": true});
            let take_over = scene.does("interactions".to_owned(), outreach);
            scene.race(&database, lock, message_first, take_over).await;
            // What came before was the old holder's and is closed.
            let theirs = scene.desk.count("interactions where active").await;
            assert_eq!(theirs, 1, "message first: {message_first}");
            let joined = scene.holder().await == [scene.profile_of(LONG).await];
            assert_eq!(joined, !message_first);
            scene.leave().await;
        }
    }

    async fn a_message_is_before_a_profile_is_given_up_or_after_it(database: Database) {
        for (lock, message_first) in [(MESSAGES, true), (PROFILES, false)] {
            let scene = Scene::open(&database).await;
            let before = scene.profile_of(LONG).await;
            let deactivate = scene.does(format!("profiles/{before}/deactivate"), json!({}));
            scene.race(&database, lock, message_first, deactivate).await;
            let on_the_old_one = scene.holder().await == [before];
            assert_eq!(on_the_old_one, message_first);
            scene.leave().await;
        }
    }

    async fn a_message_is_erased_or_somebody_elses(database: Database) {
        for (lock, message_first) in [(MESSAGES, true), (PROFILES, false)] {
            let scene = Scene::open(&database).await;
            let before = scene.profile_of(LONG).await;
            let erase = scene.does("erasures".to_owned(), json!({"address": LONG}));
            scene.race(&database, lock, message_first, erase).await;
            let left = scene.holder().await;
            if message_first {
                assert_eq!(left, [] as [Uuid; 0]);
                for (table, text) in dump(&scene.desk.store).await {
                    assert!(!text.contains("zqlast"), "it is left in {table}: {text}");
                }
            } else {
                assert!(left.len() == 1 && left != [before], "{left:?}");
            }
            scene.leave().await;
        }
    }

    async fn what_is_being_indexed_is_erased_as_well(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(SHORT, "1", "Oi")).await;
        search::catch_up(&desk.store).await.expect("an index");
        let index = async {
            desk.accept(sms(SHORT, "2", "zqlast")).await;
            search::catch_up(&desk.store).await.expect("an index");
        };
        let erase = desk.does("ana", "erasures", json!({"address": SHORT}));
        race(&desk, &database, INDEX, index, erase).await;
        for (table, text) in dump(&desk.store).await {
            assert!(!text.contains("zqlast"), "it is left in {table}: {text}");
        }
    }

    async fn whatever_is_decided_while_messages_pour_in_nothing_is_left_behind(database: Database) {
        let first = Desk::open(&database).await;
        let second = Desk::at(TestGateway::beside(&database, &first).await).await;
        let desks = [&first, &second];
        let people = people(&first).await;
        let (clock, running) = (AtomicU64::new(0), Cell::new(DECIDERS));
        let tick = || clock.fetch_add(1, Ordering::SeqCst);
        let writers = (0..4_u64).map(|writer| {
            let (running, tick) = (&running, &tick);
            async move {
                let mut dice = Dice(writer);
                let mut sent = Vec::new();
                while running.get() > 0 {
                    let number = sent.len();
                    let (from, word) = (address(dice.below(6)), format!("zq{writer}x{number}z"));
                    let begun = tick();
                    desks[dice.below(2)].accept(sms(&from, &word, &word)).await;
                    sent.push(Sent { from, word, begun, ended: tick() });
                }
                sent
            }
        });
        let deciders = (0..DECIDERS).map(|decider| {
            let (running, tick, people) = (&running, &tick, &people);
            async move {
                let mut dice = Dice(100 + decider);
                let mut erased = Vec::new();
                for _ in 0..60 {
                    let desk = desks[dice.below(2)];
                    let begun = tick();
                    if let Some(from) = decide(desk, &mut dice, people).await {
                        erased.push(Sent { from, word: String::new(), begun, ended: tick() });
                    }
                }
                running.set(running.get() - 1);
                erased
            }
        });
        let (sent, erased) = tokio::join!(join_all(writers), join_all(deciders));
        let erased: Vec<Sent> = erased.into_iter().flatten().collect();
        assert!(!erased.is_empty(), "nobody was erased");
        for kind in ["confirm", "undo", "reassociate"] {
            let decided = first.count(&format!("audit where action = '{kind}'")).await;
            assert!(decided > 0, "{decided} times {kind}");
        }
        assert_eq!(left_behind(&first).await, [] as [String; 0]);
        let everything = dump(&first.store).await.into_values().collect::<Vec<_>>().join("\n");
        let stored: BTreeSet<String> =
            first.texts("select text from messages where direction = 'inbound'").await.into_iter().collect();
        for sent in sent.iter().flatten() {
            let theirs = || erased.iter().filter(|erasure| erasure.from == sent.from);
            if theirs().any(|erasure| sent.ended < erasure.begun) {
                assert!(!everything.contains(&sent.word), "{} was erased", sent.word);
            }
            // A merged one goes with its twin.
            let any = erased.iter().any(|erasure| {
                erasure.from[erasure.from.len() - 8..] == sent.from[sent.from.len() - 8..]
                    && sent.begun < erasure.ended
            });
            assert!(any || stored.contains(&sent.word), "{} is lost", sent.word);
        }
    }
}

/// A message, or an erasure of an address; with when it began and ended.
struct Sent {
    from: String,
    word: String,
    begun: u64,
    ended: u64,
}

/// Three pairs of twins.
fn address(place: usize) -> String {
    let spelling = if place.is_multiple_of(2) { "+55116123456" } else { "+551196123456" };
    format!("{spelling}{}", place / 2)
}

/// Decides something; the address, if it was erased.
async fn decide(desk: &Desk, dice: &mut Dice, people: &[String; 2]) -> Option<String> {
    let pick = |list: &Value, dice: &mut Dice| {
        let list = list["data"].as_array().expect("a list");
        (!list.is_empty()).then(|| list[dice.below(list.len())].clone())
    };
    let (path, body) = match dice.below(8) {
        0..=2 => {
            let pair = 2 * dice.below(3);
            let (kept, other) = (active(desk, pair).await?, active(desk, pair + 1).await?);
            let open = format!("interactions?active=true&profile={other}");
            for open in desk.see(&open).await["data"].as_array().expect("a list") {
                close(desk, open).await;
            }
            (format!("profiles/{kept}/merge"), json!({"profile": other}))
        }
        3 => {
            let merge = pick(&desk.see("merges?state=confirmed").await, dice)?;
            (format!("merges/{}/undo", merge["id"].as_str().expect("an id")), json!({}))
        }
        4 => {
            let path = format!("profiles/{}", active(desk, dice.below(6)).await?);
            let [one, other] = people;
            let (status, answer) =
                desk.post("ana", &format!("{path}/link"), json!({"person": one})).await;
            assert!(status < 500, "{path}: {status} {answer}");
            (format!("{path}/reassociate"), json!({"person": other}))
        }
        5 => {
            let from = address(dice.below(6));
            let (status, answer) =
                desk.post("ana", "erasures", json!({"address": from.clone()})).await;
            assert!(matches!(status, 201 | 404 | 409), "{status} {answer}");
            return (status == 201).then_some(from);
        }
        _ => {
            let open = pick(&desk.see("interactions?active=true").await, dice)?;
            close(desk, &open).await;
            return None;
        }
    };
    let (status, answer) = desk.post("ben", &path, body).await;
    assert!(status < 500, "{path}: {status} {answer}");
    None
}

/// The active profile of the address at a place.
async fn active(desk: &Desk, place: usize) -> Option<String> {
    let profiles = desk.see(&format!("profiles?address=%2B{}", &address(place)[1..])).await;
    let mut profiles = profiles["data"].as_array().expect("a list").iter();
    let active = profiles.find(|profile| profile["active"] == true)?;
    Some(active["id"].as_str().expect("an id").to_owned())
}

/// Closes an interaction, unless somebody else does something with it.
async fn close(desk: &Desk, interaction: &Value) {
    let number = interaction["number"].as_str().expect("a number");
    let text = json!({"short_description": "Done"});
    let (status, answer) = desk.post("ana", &format!("interactions/{number}/close"), text).await;
    assert!(status < 500, "{number}: {status} {answer}");
}

/// What no order of events leads to.
async fn left_behind(desk: &Desk) -> Vec<String> {
    let mut wrong = Vec::new();
    for (what, rows) in [
        (
            "open with nobody",
            "interactions i left join profiles p on p.id = i.profile_id \
                where i.active and p.active is not true",
        ),
        (
            "interactions of nobody",
            "interactions i left join profiles p on p.id = i.profile_id \
                where i.profile_id is not null and p.id is null",
        ),
        (
            "messages of nothing",
            "messages m left join interactions i on i.id = m.interaction_id where i.id is null",
        ),
        (
            "addresses that lead to nobody",
            "profile_aliases a left join profiles p on p.id = a.profile_id \
                where p.active is not true",
        ),
    ] {
        let count = desk.count(rows).await;
        if count > 0 {
            wrong.push(format!("{count} {what}"));
        }
    }
    wrong
}

async fn people(desk: &Desk) -> [String; 2] {
    let mut ids = Vec::new();
    for name in ["Bea", "Carl"] {
        let person = desk.does("ana", "people", json!({"kind": "contact", "name": name})).await;
        ids.push(person["id"].as_str().expect("an id").to_owned());
    }
    ids.try_into().expect("two")
}

/// Two profiles of one sender, with nothing open.
struct Scene {
    desk: Desk,
}

impl Scene {
    async fn open(database: &Database) -> Self {
        let scene = Self { desk: Desk::open(database).await };
        for (from, id) in [(SHORT, "1"), (LONG, "2")] {
            scene.desk.accept(sms(from, id, "Oi")).await;
            let path = format!("{}/close", scene.desk.open_interaction().await);
            scene.does(path, json!({"short_description": "Done"})).await;
        }
        // A minute later, so that what comes is known to be later.
        scene.desk.pass(60);
        scene
    }

    async fn leave(self) {
        for table in
            ["interactions", "profiles", "profile_aliases", "profile_merges", "dedupe", "messages"]
        {
            self.desk.execute(&format!("delete from {table}")).await;
        }
        self.desk.gateway.stop().await;
    }

    async fn people(&self) -> [String; 2] {
        people(&self.desk).await
    }

    async fn does(&self, path: String, body: Value) -> Value {
        self.desk.does("ana", &path, body).await
    }

    async fn merge(&self) -> String {
        let proposed = self.desk.see("merges?state=proposed").await;
        proposed["data"][0]["id"].as_str().expect("an id").to_owned()
    }

    /// The active profile an address has itself.
    async fn profile_of(&self, address: &str) -> Uuid {
        let sql = format!("select id from profiles where value = '{address}' and active");
        let rows: Vec<(Uuid,)> = self.desk.rows(&sql).await;
        assert_eq!(rows.len(), 1, "profiles of {address}");
        rows[0].0
    }

    /// Whose the last message is.
    async fn holder(&self) -> Vec<Uuid> {
        let rows: Vec<(Uuid,)> = self
            .desk
            .rows(
                "select i.profile_id from messages m join interactions i on i.id = m.interaction_id \
                where m.text = 'zqlast'",
            )
            .await;
        rows.into_iter().map(|(id,)| id).collect()
    }

    /// A message from [`LONG`] and a decision, one of them in the middle of the other.
    async fn race(
        &self,
        database: &Database,
        lock: &'static str,
        message_first: bool,
        decision: impl Future<Output = Value>,
    ) {
        let message = self.desk.accept(sms(LONG, "zqlast", "zqlast"));
        if message_first {
            race(&self.desk, database, lock, message, decision).await;
        } else {
            race(&self.desk, database, lock, decision, message).await;
        }
    }
}

/// Lets `second` begin while a lock keeps `first` in the middle of its work, until it waits too or
/// is through.
async fn race<A, B>(
    desk: &Desk,
    database: &Database,
    lock: &'static str,
    first: impl Future<Output = A>,
    second: impl Future<Output = B>,
) {
    let mut held = database.open().await.begin().await.expect("a transaction");
    let Tx::Postgres(tx) = &mut held else {
        held.rollback().await.expect("a rollback");
        drop((first.await, second.await));
        return;
    };
    sqlx::query(lock).execute(&mut **tx).await.expect("a lock");
    let through = Cell::new(false);
    let second = async {
        desk.stuck().await;
        second.await;
        through.set(true);
    };
    let release = async {
        let waiting = "pg_stat_activity where datname = current_database() \
            and wait_event_type = 'Lock'";
        let both = async || through.get() || desk.count(waiting).await == 2;
        assert!(until(both).await, "the second neither waits nor comes through");
        held.rollback().await.expect("a rollback");
    };
    tokio::join!(first, second, release);
}

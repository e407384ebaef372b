//! Whatever agents, customers, timers and the clock do in whatever order, from two instances at
//! once, the records stay true.
//!
//! Each run takes a few seeds that stay and one that does not. A failing one is printed;
//! `FRONTDESK_PROPERTY_SEED=… tests/run --test it properties` takes it again, and
//! `FRONTDESK_PROPERTY_STEPS=…` makes more of each.

use std::{
    collections::{BTreeMap, HashMap},
    env,
    fmt::Write,
};

use frontdesk::{
    audit::AuthorKind,
    clock,
    interactions::{Actor, State, state},
};
use serde_json::{Value, json};

use crate::support::{
    Database, Desk, TestGateway, on_both,
    requests::{chat_message, sms},
};

const STEPS: usize = 150;
const SEEDS: [u64; 2] = [1, 20_260_101];
/// How often each kind of deed is accepted at the very least, over all seeds.
const LEAST: usize = 3;
const KINDS: [&str; 16] = [
    "abandon",
    "accept",
    "assign",
    "chat",
    "close",
    "end",
    "hold",
    "interactions",
    "messages",
    "messages by a bot",
    "resume",
    "sms",
    "timers",
    "transfer",
    "transfer to a queue",
    "wrap-up",
];

on_both! {
    async fn whatever_happens_in_whatever_order_the_records_stay_true(database: Database) {
        let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let steps = number("FRONTDESK_PROPERTY_STEPS").and_then(|steps| usize::try_from(steps).ok());
        // The only chance in it: which seed comes last.
        let new = u64::from_le_bytes(clock::random_bytes());
        let seeds = match number("FRONTDESK_PROPERTY_SEED") {
            Some(seed) => vec![seed],
            None => SEEDS.into_iter().chain([new]).collect(),
        };
        let first = Desk::open(&database).await;
        let second = Desk::at(TestGateway::beside(&database, &first).await).await;
        configure(&first).await;
        let all = seeds.len() > SEEDS.len();
        let mut done: BTreeMap<String, usize> = KINDS.map(|kind| (kind.to_owned(), 0)).into();
        for seed in seeds {
            println!("FRONTDESK_PROPERTY_SEED={seed}");
            let mut story = Story::new(seed, [&first, &second]);
            for _ in 0..steps.unwrap_or(STEPS) {
                story.go_on().await;
            }
            let wrong = complaints(&first, story.sent).await;
            assert!(wrong.is_empty(), "seed {seed}:\n{}\n{}", story.told, wrong.join("\n"));
            for kind in story.done {
                *done.get_mut(&kind).unwrap_or_else(|| panic!("{kind} is no kind")) += 1;
            }
        }
        println!("{done:?}");
        // A story in which everything is refused proves nothing.
        let rare: Vec<_> = done.iter().filter(|(_, count)| **count < LEAST).collect();
        assert!(!all || rare.is_empty(), "hardly ever done: {rare:?}");
    }
}

/// Wrap-up of every kind, and timers short enough to meet the others.
async fn configure(desk: &Desk) {
    for (path, body) in [
        (
            "wrap-up-configurations",
            json!({"id": "sms", "when": {"subtype": "sms"}, "enforced": true,
            "codes": [{"code": "other", "label": "Something else"}], "default_code": "other"}),
        ),
        (
            "wrap-up-configurations",
            json!({"id": "chat", "when": {"subtype": "chat", "agent": "ana"}}),
        ),
        (
            "messaging-actions",
            json!({"id": "reassign", "event": "requester_wrote", "after_seconds": 900,
            "when": {"with": "agent"}, "action": {"do": "reassign"}}),
        ),
        (
            "messaging-actions",
            json!({"id": "park", "event": "agent_wrote", "after_seconds": 600,
            "when": {"type": "messaging", "state": "work_in_progress"},
            "action": {"do": "set_state", "state": "on_hold", "reason": "waiting_on_customer"}}),
        ),
    ] {
        desk.does("ana", path, body).await;
    }
}

/// Numbers that follow from a seed (SplitMix64).
pub(crate) struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let sides = u64::try_from(sides).expect("few sides");
        usize::try_from((z ^ (z >> 31)) % sides).expect("fewer than sides")
    }

    pub fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

/// One thing that somebody does at one of the instances.
#[derive(Debug)]
enum Deed {
    Writes(&'static str, String),
    Acts(&'static str, String, Value),
    Sweeps,
}

impl Deed {
    /// One of [`KINDS`].
    fn kind(&self) -> String {
        match self {
            Self::Writes(who, _) => if who.starts_with('+') { "sms" } else { "chat" }.to_owned(),
            Self::Sweeps => "timers".to_owned(),
            Self::Acts(_, path, body) => {
                let action = path.rsplit('/').next().unwrap_or_default();
                match (body.get("queue"), body.get("bot")) {
                    (Some(_), _) => format!("{action} to a queue"),
                    (None, Some(_)) => format!("{action} by a bot"),
                    (None, None) => action.to_owned(),
                }
            }
        }
    }
}

struct Story<'a> {
    seed: u64,
    dice: Dice,
    desks: [&'a Desk; 2],
    sent: usize,
    told: String,
    /// What was not refused.
    done: Vec<String>,
}

impl<'a> Story<'a> {
    fn new(seed: u64, desks: [&'a Desk; 2]) -> Self {
        Self { seed, dice: Dice(seed), desks, sent: 0, told: String::new(), done: Vec::new() }
    }

    /// The clock moves, or somebody does something, or two do at the same moment.
    async fn go_on(&mut self) {
        if self.dice.below(4) == 0 {
            let seconds = *self.dice.of(&[1, 45, 61, 300, 601, 901, 1801, 7201, 90_000, 172_801]);
            let _ = writeln!(self.told, "{seconds} s pass");
            self.desks[0].pass(seconds);
            return;
        }
        let open = self.open().await;
        let (one, other) = (self.deed(&open), self.deed(&open));
        let turned = self.dice.below(2);
        let (here, there) = (self.desks[turned], self.desks[1 - turned]);
        let accepted = if self.dice.below(3) == 0 {
            let _ = writeln!(self.told, "{one:?} while {other:?}");
            tokio::join!(perform(here, &one), perform(there, &other))
        } else {
            let _ = writeln!(self.told, "{one:?}, then {other:?}");
            (perform(here, &one).await, perform(there, &other).await)
        };
        self.done.extend(accepted.0.then(|| one.kind()));
        self.done.extend(accepted.1.then(|| other.kind()));
    }

    async fn open(&self) -> Vec<Value> {
        let list = self.desks[0].see("interactions?active=true&limit=200").await;
        list["data"].as_array().expect("a list").clone()
    }

    fn deed(&mut self, open: &[Value]) -> Deed {
        match self.dice.below(10) {
            0..=2 => {
                let who = *self.dice.of(&["+15550100002", "+15550100003", "visitor-1"]);
                self.sent += 1;
                Deed::Writes(who, format!("{}-{}-{}", self.seed, self.desks[0].address, self.sent))
            }
            3 => Deed::Sweeps,
            _ => self.act(open),
        }
    }

    fn act(&mut self, open: &[Value]) -> Deed {
        let mut agent = *self.dice.of(&["ana", "ben"]);
        if open.is_empty() || self.dice.below(12) == 0 {
            let entered = json!({"type": "walk_up", "short_description": "At the counter"});
            return Deed::Acts(agent, "interactions".to_owned(), entered);
        }
        // By chance alone, what has to fit is hardly ever done.
        let fits = self.dice.below(3) == 0;
        let held = open.iter().find(|one| fits && one["state"] == "on_hold");
        let one = held.unwrap_or_else(|| self.dice.of(open));
        let path = format!("interactions/{}", one["number"].as_str().expect("a number"));
        let described = json!({"short_description": "Something"});
        let to = json!({"agent": *self.dice.of(&["ana", "ben"])});
        let parked = json!({"reason": *self.dice.of(&["waiting_internal", "waiting_on_customer"])});
        let mut choices = vec![
            ("accept", json!({})),
            ("assign", to.clone()),
            ("hold", parked),
            ("resume", json!({})),
            ("transfer", to),
            ("transfer", json!({"queue": "default"})),
            ("end", described.clone()),
            ("wrap-up", json!({})),
            ("close", described.clone()),
            ("abandon", described),
            ("messages", json!({"text": "From us"})),
            ("messages", json!({"text": "From us"})),
            ("messages", json!({"text": "From us"})),
            ("messages", json!({"text": "From a bot", "bot": true})),
        ];
        let fitting: &[&str] = match one["state"].as_str() {
            Some("new") => &["accept", "assign"],
            Some("on_hold") => &["resume"],
            Some("work_in_progress") => &["hold"],
            _ => &[],
        };
        if fits && !fitting.is_empty() {
            choices.retain(|(action, _)| fitting.contains(action));
            agent = if one["assigned_to"] == "ben" { "ben" } else { "ana" };
        }
        let (action, body) = self.dice.of(&choices).clone();
        Deed::Acts(if body["bot"] == true { "" } else { agent }, format!("{path}/{action}"), body)
    }
}

/// Does it; whether it was accepted.
async fn perform(desk: &Desk, deed: &Deed) -> bool {
    match deed {
        Deed::Writes(who, id) if who.starts_with('+') => {
            desk.accept(sms(who, id, "Hello")).await.is_success()
        }
        Deed::Writes(who, id) => desk.accept(chat_message(who, id, "Hello")).await.is_success(),
        Deed::Sweeps => desk.sweep().await.fired > 0,
        Deed::Acts(agent, path, body) => {
            let agent = Some(*agent).filter(|agent| !agent.is_empty());
            let (status, answer) = desk.call(agent, "POST", path, None, Some(body.clone())).await;
            // Refusals are part of life; breaking down is not.
            assert!(matches!(status, 200 | 201 | 409 | 422), "{deed:?}: {status} {answer}");
            matches!(status, 200 | 201)
        }
    }
}

/// What is not as it must be.
async fn complaints(desk: &Desk, sent: usize) -> Vec<String> {
    let mut wrong = Vec::new();
    let twice = "select cast(count(*) as text) from (select 1 as one from interactions where active \
        and profile_id is not null group by profile_id, our_address having count(*) > 1) as t";
    let orphans = "select cast(count(*) as text) from messages m left join interactions i \
        on i.id = m.interaction_id where i.id is null";
    let idle_agents = "select cast(count(*) as text) from work_items w join interactions i \
        on i.id = w.interaction_id where w.state in ('queued', 'accepted') and not i.active";
    for (what, sql) in [
        ("two open for one key", twice),
        ("messages of nothing", orphans),
        ("open items of closed interactions", idle_agents),
    ] {
        if desk.texts(sql).await != ["0"] {
            wrong.push(what.to_owned());
        }
    }
    if usize::try_from(desk.count("messages where provider_message_id is not null").await).ok()
        < Some(sent)
    {
        wrong.push("a message is missing".to_owned());
    }
    let moves: HashMap<String, Vec<Move>> = moves(desk).await;
    let records: Vec<Record> = desk
        .rows(
            "select cast(seq as text) as number, state, state_reason, opened_at, state_changed_at, \
            active, closed_at, closed_by, short_description, worked_ms, wrap_up_ms, \
            initiated_by from interactions order by seq",
        )
        .await;
    for record in records {
        let none = Vec::new();
        let way = moves.get(&record.number).unwrap_or(&none);
        wrong.extend(record.complaints(way).into_iter().map(|what| format!("{record:?}: {what}")));
    }
    wrong
}

#[derive(Debug, sqlx::FromRow)]
struct Record {
    number: String,
    state: State,
    state_reason: Option<String>,
    opened_at: i64,
    state_changed_at: i64,
    active: bool,
    closed_at: Option<i64>,
    closed_by: Option<String>,
    short_description: Option<String>,
    worked_ms: i64,
    wrap_up_ms: i64,
    initiated_by: String,
}

#[derive(Debug, sqlx::FromRow)]
struct Move {
    number: String,
    from_state: State,
    to_state: State,
    author_kind: AuthorKind,
    cause: String,
    at: i64,
}

async fn moves(desk: &Desk) -> HashMap<String, Vec<Move>> {
    let all: Vec<Move> = desk
        .rows("select cast(i.seq as text) as number, t.from_state, t.to_state, t.author_kind, t.cause, t.at \
            from interaction_transitions t join interactions i on i.id = t.interaction_id order by t.id")
        .await;
    let mut moves: HashMap<String, Vec<Move>> = HashMap::new();
    for one in all {
        moves.entry(one.number.clone()).or_default().push(one);
    }
    moves
}

impl Record {
    fn complaints(&self, way: &[Move]) -> Vec<String> {
        let mut wrong = Vec::new();
        let begins = if self.initiated_by == "agent" { State::WorkInProgress } else { State::New };
        let (mut stands, mut since) = (begins, self.opened_at);
        let (mut worked, mut wrapped_up) = (0, 0);
        for one in way {
            if one.from_state != stands || one.at < since {
                wrong.push(format!("{one:?} does not follow {stands} at {since}"));
            }
            let actor = match (one.cause.as_str(), one.author_kind) {
                ("bot", _) => Actor::Bot,
                (_, AuthorKind::Requester) => Actor::Requester,
                (_, AuthorKind::System) => Actor::System,
                (_, AuthorKind::Agent | AuthorKind::Key | AuthorKind::Command) => Actor::Agent,
            };
            if let Err(error) = state::permit(one.from_state, one.to_state, actor) {
                wrong.push(format!("{actor:?}: {error}"));
            }
            match stands {
                State::WorkInProgress => worked += one.at - since,
                State::WrapUp => wrapped_up += one.at - since,
                State::New
                | State::OnHold
                | State::ClosedComplete
                | State::ClosedAbandoned
                | State::Faulted => {}
            }
            (stands, since) = (one.to_state, one.at);
        }
        for (fits, what) in [
            (self.state == stands, "it stands where no move led"),
            (self.active == stands.is_open(), "it is open and closed"),
            (self.state_changed_at == since, "it came there at another time"),
            (self.worked_ms == worked, "the time worked does not add up"),
            (self.wrap_up_ms == wrapped_up, "the time in wrap-up does not add up"),
            (self.active || self.closed_at == Some(since), "it closed at another time"),
            (self.active || self.closed_by.is_some(), "nobody closed it"),
            (self.active || self.state_reason.is_some(), "it closed for no reason"),
            (self.active || self.short_description.is_some(), "it closed without a description"),
        ] {
            if !fits {
                wrong.push(what.to_owned());
            }
        }
        wrong
    }
}

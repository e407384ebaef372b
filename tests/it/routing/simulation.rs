//! The same small worlds as beside the rules, on real databases: after every step and a sweep, what
//! the rows say is held against what must hold.
//!
//! `FRONTDESK_SEED=17` replays one seed.

use std::collections::HashMap;

use frontdesk::{
    agents::{self, Agent},
    assign::{Rules, sweep},
    audit::Author,
    clock,
    db::{Record, Store},
    desk,
    interactions::{Action, ContactType, StateReason, work},
    routing::{
        self, Decision, NewWork, Pool, Queue, QueueSettings,
        availability::{self, Availability, Capacity, Presence},
        offers,
    },
};
use uuid::Uuid;

use crate::support::{Database, execute, on_both, rows};

const SEEDS: u64 = 24;
const STEPS: usize = 40;
const START: i64 = 1_767_225_600_000;

/// Steele, Lea and Flood's SplitMix64: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let sides = u64::try_from(sides).expect("few sides");
        usize::try_from((mixed ^ (mixed >> 31)) % sides).expect("fewer than sides")
    }
}

struct World {
    seed: u64,
    dice: Dice,
    store: Store,
    now: i64,
    agents: Vec<String>,
    last: HashMap<Uuid, Item>,
}

/// An item as its row has it.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
struct Item {
    id: Uuid,
    queue_id: String,
    lane: String,
    state: String,
    assigned_to: Option<String>,
    queued_at: i64,
    sort_1: i64,
    sort_2: i64,
}

on_both! {
    async fn no_item_waits_while_an_eligible_agent_is_free_and_no_capacity_is_exceeded(database: Database) {
        let store = database.open().await;
        store.migrate().await.expect("a schema");
        let seeds = match std::env::var("FRONTDESK_SEED") {
            Ok(seed) => vec![seed.parse().expect("FRONTDESK_SEED is a number")],
            Err(_) => (0..SEEDS).collect(),
        };
        let mut offered = 0;
        for seed in seeds {
            let mut world = World::new(seed, store.clone()).await;
            for _ in 0..STEPS {
                world.step().await;
                sweep(&world.store, &Rules::default(), world.now).await.expect("a sweep");
                world.check().await;
            }
            let count: Vec<(i64,)> =
                rows(&store, "select count(*) from work_item_events where kind = 'offered'").await;
            offered += count[0].0;
        }
        assert!(offered > 0, "nothing was ever offered");
    }
}

impl World {
    async fn new(seed: u64, store: Store) -> Self {
        for table in [
            "work_items",
            "work_item_events",
            "interactions",
            "interaction_transitions",
            "agents",
            "routes",
            "queues",
            "outbox",
        ] {
            execute(&store, &format!("delete from {table}")).await;
        }
        let mut dice = Dice(seed);
        let mut tx = store.begin().await.expect("a transaction");
        let skilled = Pool { skills: vec!["billing".to_owned()], ..Pool::default() };
        let later = Pool { after_seconds: 20, ..Pool::default() };
        for (id, pools) in [
            ("support", vec![Pool::default()]),
            ("sales", vec![skilled, later]),
            ("pulled", Vec::new()),
        ] {
            let queue = Queue {
                id: id.to_owned(),
                name: id.to_owned(),
                is_default: false,
                settings: QueueSettings { pools, ..QueueSettings::default() },
                created_at: 0,
                changed_at: 0,
                version: 1,
            };
            routing::store::insert_queue(&mut tx, &queue).await.expect("a queue");
        }
        let mut ids = Vec::new();
        for number in 0..1 + dice.roll(4) {
            let id = format!("a{number}");
            let agent = Agent {
                id: id.clone(),
                name: id.clone(),
                active: true,
                created_at: 0,
                changed_at: 0,
                version: 1,
            };
            agents::insert(&mut tx, &agent).await.expect("an agent");
            let served = ["support", "sales", "pulled"].iter().take(1 + dice.roll(3));
            let known = Availability {
                id: id.clone(),
                active: true,
                presence: Presence::Offline,
                presence_at: 0,
                capacity: Capacity {
                    messaging: i64::try_from(dice.roll(4)).expect("few"),
                    total: [None, Some(2)][dice.roll(2)],
                    ..Capacity::default()
                },
                queues: served.map(|id| (*id).to_owned()).collect(),
                skills: [vec![], vec!["billing".to_owned()]][dice.roll(2)].clone(),
                last_work_at: 0,
            };
            availability::save(&mut tx, &known).await.expect("an agent");
            ids.push(id);
        }
        tx.commit().await.expect("a commit");
        Self { seed, dice, store, now: START, agents: ids, last: HashMap::new() }
    }

    async fn step(&mut self) {
        let jump = self.dice.roll(15_000);
        self.now += i64::try_from(jump).expect("a short time");
        let now = self.now;
        let agent = self.agents[self.dice.roll(self.agents.len())].clone();
        let author = Author::agent(&agent, None);
        match self.dice.roll(10) {
            0..=3 => self.arrive().await,
            4 | 5 => {
                let all =
                    [Presence::Available, Presence::Available, Presence::Busy, Presence::Offline];
                let presence = all[self.dice.roll(all.len())];
                let mut tx = self.store.begin().await.expect("a transaction");
                availability::set_presence(&mut tx, &agent, presence, now).await.expect("presence");
                if presence != Presence::Available {
                    offers::withdraw(&mut tx, &agent, &author, now).await.expect("a withdrawal");
                }
                tx.commit().await.expect("a commit");
            }
            6 => {
                let mut tx = self.store.begin().await.expect("a transaction");
                let claimed = offers::claim(&mut tx, "pulled", &agent, 10, &author, now).await;
                match claimed {
                    Ok(_) => tx.commit().await.expect("a commit"),
                    Err(offers::OfferError::NotServing | offers::OfferError::AtCapacity) => {
                        tx.rollback().await.expect("a rollback");
                    }
                    Err(error) => panic!("seed {}: {error}", self.seed),
                }
            }
            7 | 8 => {
                let reason = ["busy", "wrong_skill", "", ""][self.dice.roll(4)];
                let offered = "state = 'pending_accept' and assigned_to is not null";
                let Some(item) = self.any(offered).await else { return };
                let agent = item.assigned_to.unwrap_or_default();
                let author = Author::agent(&agent, None);
                let mut tx = self.store.begin().await.expect("a transaction");
                let done = if reason.is_empty() {
                    let accepted = desk::accept_offer(&mut tx, item.id, &agent, &author, now).await;
                    accepted.map(drop).map_err(|error| error.to_string())
                } else {
                    let rejected =
                        offers::reject(&mut tx, item.id, &agent, reason, &author, now).await;
                    rejected.map(drop).map_err(|error| error.to_string())
                };
                match done {
                    Ok(()) => tx.commit().await.expect("a commit"),
                    // Its time ran out in this very step.
                    Err(error) => {
                        assert!(error.contains("no longer"), "seed {}: {error}", self.seed);
                        tx.rollback().await.expect("a rollback");
                    }
                }
            }
            _ => {
                let Some(item) = self.any("state = 'accepted'").await else { return };
                let mut tx = self.store.begin().await.expect("a transaction");
                let item = routing::store::item(&mut tx, item.id).await.expect("a look");
                let interaction = item.expect("an item").interaction_id;
                let interaction = work::by_id(&mut tx, interaction).await.expect("a look");
                let interaction = interaction.expect("an interaction");
                let system = Author::system("simulation");
                let done = if self.dice.roll(3) == 0 {
                    desk::requeue(&mut tx, &interaction, "support", &system, now).await
                } else {
                    let close = Action::Close(Some(StateReason::NoUserResponse));
                    desk::act(&mut tx, &interaction, &close, &system, now).await
                };
                done.unwrap_or_else(|error| panic!("seed {}: {error}", self.seed));
                tx.commit().await.expect("a commit");
            }
        }
    }

    async fn arrive(&mut self) {
        let queue = ["support", "support", "sales", "pulled"][self.dice.roll(4)];
        let skills: &[&str] = [&[] as &[&str], &[], &["billing"]][self.dice.roll(3)];
        let priority = [1, 100][self.dice.roll(2)];
        let id = clock::new_id();
        let literal = match &self.store {
            Store::Sqlite { .. } => format!("x'{}'", id.simple()),
            Store::Postgres(_) => format!("'{id}'"),
        };
        execute(&self.store, &format!(
            "insert into interactions (id, type, subtype, direction, initiated_by, state, state_changed_at, \
             active, opened_for_kind, verified, match_outcome, candidates, opened_at, opened_by, \
             channel_metadata, version) values ({literal}, 'messaging', 'sms', 'inbound', 'requester', 'new', \
             {now}, true, 'guest', false, 'new_guest', '[]', {now}, 'requester', '{{}}', 1)",
            now = self.now,
        )).await;
        let decision = Decision {
            queue: queue.to_owned(),
            priority,
            route: None,
            unrouted: true,
            skills: skills.iter().map(|skill| (*skill).to_owned()).collect(),
            reason: "simulated".to_owned(),
            terms: QueueSettings::default().terms(),
        };
        let new = NewWork {
            interaction_id: id,
            contact_type: ContactType::Messaging,
            opened_at: self.now,
            decision,
        };
        let mut tx = self.store.begin().await.expect("a transaction");
        routing::enqueue(&mut tx, vec![new], self.now).await.expect("an item");
        tx.commit().await.expect("a commit");
    }

    async fn any(&mut self, which: &str) -> Option<Item> {
        let mut items = self.items(which).await;
        if items.is_empty() {
            return None;
        }
        let place = self.dice.roll(items.len());
        Some(items.swap_remove(place))
    }

    async fn items(&self, which: &str) -> Vec<Item> {
        self.select(&format!(
            "select id, queue_id, lane, state, assigned_to, queued_at, sort_1, sort_2 from work_items \
             where {which} order by id"
        )).await
    }

    async fn select<T: Record>(&self, sql: &str) -> Vec<T> {
        rows(&self.store, sql).await
    }

    async fn check(&mut self) {
        let seed = self.seed;
        let items = self.items("true").await;
        // A place is kept, whatever becomes of an item.
        for item in &items {
            if let Some(last) = self.last.get(&item.id) {
                let place = |item: &Item| (item.queued_at, item.sort_1, item.sort_2);
                assert_eq!(place(last), place(item), "FRONTDESK_SEED={seed}");
            }
        }
        let mut tx = self.store.begin_read().await.expect("a transaction");
        let known = availability::list(&mut tx, "", 100).await.expect("agents");
        tx.rollback().await.expect("a rollback");
        let at_work: Vec<(String,)> = self
            .select(
                "select assigned_to from interactions where active and state = 'work_in_progress' \
             and assigned_to is not null",
            )
            .await;
        let excluded: Vec<(Uuid, String)> =
            self.select("select work_item_id, agent_id from work_item_events where excludes").await;
        let offered = |id: &str| {
            let is = |item: &&Item| {
                item.state == "pending_accept" && item.assigned_to.as_deref() == Some(id)
            };
            items.iter().filter(is).count()
        };
        for agent in &known {
            let work = at_work.iter().filter(|(id,)| *id == agent.id).count();
            let load = i64::try_from(work + offered(&agent.id)).expect("few");
            let most = agent.capacity.messaging.min(agent.capacity.total.unwrap_or(i64::MAX));
            assert!(load <= most, "{} has {load} of {most}: FRONTDESK_SEED={seed}", agent.id);
            if agent.presence != Presence::Available || load >= most {
                continue;
            }
            let billing = agent.skills.contains(&"billing".to_owned());
            for item in items.iter().filter(|item| item.state == "queued") {
                let serves = agent.queues.contains(&item.queue_id);
                let waited = self.now - item.queued_at;
                let in_pool = match item.queue_id.as_str() {
                    "support" => serves,
                    "sales" => serves && (billing || waited >= 20_000),
                    _ => false,
                };
                let skilled = item.lane == "messaging" || billing;
                let may = in_pool && skilled && !excluded.contains(&(item.id, agent.id.clone()));
                assert!(!may, "{} is free and {item:?} waits: FRONTDESK_SEED={seed}", agent.id);
            }
        }
        // Who was offered something in this look was offered the first that was there for them.
        for given in items.iter().filter(|item| item.state == "pending_accept") {
            let news = self.last.get(&given.id).is_none_or(|last| last.state == "queued");
            let agent = known.iter().find(|agent| Some(&agent.id) == given.assigned_to.as_ref());
            let (true, Some(agent)) = (news && given.queue_id == "support", agent) else {
                continue;
            };
            let billing = agent.skills.contains(&"billing".to_owned());
            let before = items.iter().find(|item| {
                item.state == "queued"
                    && item.queue_id == given.queue_id
                    && (item.sort_1, item.sort_2, item.id) < (given.sort_1, given.sort_2, given.id)
                    && (item.lane == "messaging" || billing)
                    && !excluded.contains(&(item.id, agent.id.clone()))
            });
            assert!(before.is_none(), "{before:?} came before {given:?}: FRONTDESK_SEED={seed}");
        }
        self.last = items.into_iter().map(|item| (item.id, item)).collect();
    }
}

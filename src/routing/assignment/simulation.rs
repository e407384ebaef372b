//! Agents who come, go, reject and let offers run out, against a stream of items: thousands of
//! seeds, each a small world. What must hold is said here once more, in other words than the rules.
//!
//! `FRONTDESK_SEED=17` replays one seed.

use super::{
    tests::{agent, queue},
    *,
};
use crate::{
    interactions::ContactType,
    routing::{Pool, availability::Presence},
};

const SEEDS: u64 = 3_000;
const STEPS: usize = 60;
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

    fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        if of.is_empty() { None } else { of.get(self.roll(of.len())) }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    Queued,
    Offered { agent: String, until: i64 },
    AtWork { agent: String },
    Done,
}

struct World {
    dice: Dice,
    now: i64,
    agents: Vec<Agent>,
    queues: Queues,
    items: Vec<(Waiting, State)>,
    arrived: u128,
}

#[test]
fn no_item_waits_while_an_eligible_agent_is_free_and_none_is_with_two() {
    let seeds = match std::env::var("FRONTDESK_SEED") {
        Ok(seed) => vec![seed.parse().expect("FRONTDESK_SEED is a number")],
        Err(_) => (0..SEEDS).collect(),
    };
    let mut offers = 0;
    for seed in seeds {
        let run = std::panic::catch_unwind(|| World::new(seed).run());
        match run {
            Ok(made) => offers += made,
            Err(_) => panic!("it breaks with FRONTDESK_SEED={seed}"),
        }
    }
    assert!(offers > 0, "nothing was ever offered");
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let skilled = Pool { skills: vec!["billing".to_owned()], ..Pool::default() };
        let later = Pool { after_seconds: 20, ..Pool::default() };
        let named = Pool { after_seconds: 40, agents: vec!["a0".to_owned()], ..Pool::default() };
        let mut queues: Queues = [
            ("support".to_owned(), queue(vec![Pool::default()])),
            ("sales".to_owned(), queue(vec![skilled, later])),
            ("late".to_owned(), queue(vec![named])),
            ("pulled".to_owned(), queue(Vec::new())),
        ]
        .into();
        queues.entry("sales".to_owned()).and_modify(|queue| queue.priority = 50);
        let served = ["support", "sales", "pulled"];
        let agents = (0..1 + dice.roll(5)).map(|number| {
            let mut agent = agent(&format!("a{number}"));
            let known = &mut agent.availability;
            known.queues = served.iter().take(dice.roll(4)).map(|id| (*id).to_owned()).collect();
            if dice.roll(2) == 0 {
                known.skills = vec!["billing".to_owned()];
            }
            known.capacity.messaging = i64::try_from(dice.roll(4)).expect("few");
            known.capacity.chat = i64::try_from(dice.roll(3)).expect("few");
            known.capacity.total = [None, Some(2)][dice.roll(2)];
            agent
        });
        let agents = agents.collect();
        Self { dice, now: START, agents, queues, items: Vec::new(), arrived: 0 }
    }

    fn run(mut self) -> usize {
        let mut offers = 0;
        for _ in 0..STEPS {
            self.step();
            self.expire();
            offers += self.push();
            self.check();
        }
        offers
    }

    fn step(&mut self) {
        let jump = self.dice.roll(15_000);
        self.now += i64::try_from(jump).expect("a short time");
        match self.dice.roll(9) {
            0..=3 => self.arrive(),
            4 => {
                let all =
                    [Presence::Available, Presence::Available, Presence::Busy, Presence::Offline];
                let presence = all[self.dice.roll(all.len())];
                let number = self.dice.roll(self.agents.len());
                let known = &mut self.agents[number].availability;
                known.presence = presence;
                let id = known.id.clone();
                if presence != Presence::Available {
                    self.give_back(|agent, _| *agent == id);
                }
            }
            5 => {
                let capacity = i64::try_from(self.dice.roll(4)).expect("few");
                let number = self.dice.roll(self.agents.len());
                self.agents[number].availability.capacity.messaging = capacity;
            }
            6 | 7 => {
                let answered = self.dice.roll(4);
                let place = self.any(|state| matches!(state, State::Offered { .. }));
                let Some((item, state)) = place.map(|place| &mut self.items[place]) else { return };
                let State::Offered { agent, .. } = state.clone() else { return };
                match answered {
                    0 => item.rejected_by.push((agent, false)),
                    1 => item.rejected_by.push((agent, true)),
                    _ => {
                        *state = State::AtWork { agent };
                        return;
                    }
                }
                *state = State::Queued;
            }
            _ => {
                let place = self.any(|state| *state != State::Done && *state != State::Queued);
                if let Some(place) = place {
                    self.items[place].1 = State::Done;
                }
            }
        }
    }

    fn arrive(&mut self) {
        self.arrived += 1;
        let queues: Vec<String> = self.queues.keys().cloned().collect();
        let queue = self.dice.pick(&queues).expect("queues").clone();
        let skills: &[&str] = [&[] as &[&str], &["billing"], &["vip"]][self.dice.roll(3)];
        let skills: Vec<String> = skills.iter().map(|skill| (*skill).to_owned()).collect();
        let kind = [ContactType::Messaging, ContactType::Messaging, ContactType::Chat];
        let kind = kind[self.dice.roll(3)];
        let priority = [1, 100][self.dice.roll(2)];
        let previous = self.dice.roll(4) == 0;
        let number = self.dice.roll(self.agents.len());
        let previous = previous.then(|| self.agents[number].availability.id.clone());
        let item = Waiting {
            id: Uuid::from_u128(self.arrived),
            queue,
            lane: Lane::new(kind, &skills),
            priority,
            queued_at: self.now,
            place: [priority, self.now],
            previous_agent: previous,
            rejected_by: Vec::new(),
        };
        self.items.push((item, State::Queued));
    }

    fn any(&mut self, is: impl Fn(&State) -> bool) -> Option<usize> {
        let places: Vec<usize> =
            (0..self.items.len()).filter(|place| is(&self.items[*place].1)).collect();
        self.dice.pick(&places).copied()
    }

    fn give_back(&mut self, whose: impl Fn(&String, i64) -> bool) {
        for (_, state) in &mut self.items {
            if matches!(state, State::Offered { agent, until } if whose(agent, *until)) {
                *state = State::Queued;
            }
        }
    }

    fn expire(&mut self) {
        let now = self.now;
        self.give_back(|_, until| until <= now);
        self.items.retain(|(_, state)| *state != State::Done);
    }

    /// Offers what can be offered, and holds each offer against what was true before it.
    fn push(&mut self) -> usize {
        for agent in &mut self.agents {
            agent.load = Load::default();
            for (item, state) in &self.items {
                if holder(state) == Some(&agent.availability.id) {
                    agent.load.add(item.lane.contact_type(), 1);
                }
            }
        }
        let before: Vec<i64> = self.agents.iter().map(|agent| agent.load.total()).collect();
        let waiting = self.items.iter().filter(|(_, state)| *state == State::Queued);
        let waiting = waiting.map(|(item, _)| item.clone()).collect();
        let offers = plan(&self.agents, &self.queues, waiting, self.now);
        for offer in &offers {
            let (_, state) = self.find(offer.item);
            assert_eq!(*state, State::Queued, "an item is with two");
            *state = State::Offered { agent: offer.agent.clone(), until: offer.lease_until };
        }
        for offer in &offers {
            let given = self.find(offer.item).0.clone();
            let agent = self.agents.iter().find(|agent| agent.availability.id == offer.agent);
            let agent = agent.expect("an agent of this world");
            let passed_over = self.items.iter().find(|(item, state)| {
                *state == State::Queued
                    && item.queue == given.queue
                    && (item.place, item.id) < (given.place, given.id)
                    && item.lane.contact_type() == given.lane.contact_type()
                    && self.may(agent, item)
            });
            assert!(passed_over.is_none(), "{passed_over:?} came before {given:?}");
        }
        for (agent, before) in self.agents.iter().zip(before) {
            let at_hand = |kind| self.at_hand(agent, kind);
            if at_hand(None) == before {
                continue; // A capacity lowered since takes nothing away.
            }
            let capacity = agent.availability.capacity;
            for (kind, most) in [
                (Some(ContactType::Messaging), Some(capacity.messaging)),
                (Some(ContactType::Chat), Some(capacity.chat)),
                (None, capacity.total),
            ] {
                let given = offers.iter().any(|offer| {
                    let item = self.items.iter().find(|(item, _)| item.id == offer.item);
                    offer.agent == agent.availability.id
                        && item.is_some_and(|(item, _)| {
                            kind.is_none_or(|kind| item.lane.contact_type() == kind)
                        })
                });
                assert!(
                    !given || most.is_none_or(|most| at_hand(kind) <= most),
                    "too much at hand"
                );
            }
        }
        offers.len()
    }

    fn find(&mut self, id: Uuid) -> &mut (Waiting, State) {
        self.items.iter_mut().find(|(item, _)| item.id == id).expect("an item of this world")
    }

    /// Nobody who could take an item is left without it.
    fn check(&self) {
        for agent in &self.agents {
            let capacity = agent.availability.capacity;
            let (messaging, chat) = (ContactType::Messaging, ContactType::Chat);
            let all = self.at_hand(agent, None);
            let free = |kind, most| {
                self.at_hand(agent, Some(kind)) < most
                    && capacity.total.is_none_or(|total| all < total)
            };
            let free = [
                (messaging, free(messaging, capacity.messaging)),
                (chat, free(chat, capacity.chat)),
            ];
            for (item, _) in self.items.iter().filter(|(_, state)| *state == State::Queued) {
                let has_room = free.contains(&(item.lane.contact_type(), true));
                let id = &agent.availability.id;
                assert!(!(has_room && self.may(agent, item)), "{id} is free and {item:?} waits");
            }
        }
    }

    fn at_hand(&self, agent: &Agent, kind: Option<ContactType>) -> i64 {
        let holds = |(item, state): &&(Waiting, State)| {
            holder(state) == Some(&agent.availability.id)
                && kind.is_none_or(|kind| item.lane.contact_type() == kind)
        };
        i64::try_from(self.items.iter().filter(holds).count()).expect("few")
    }

    /// Whether an agent could take an item, room apart.
    fn may(&self, agent: &Agent, item: &Waiting) -> bool {
        let known = &agent.availability;
        let waited = (self.now - item.queued_at) / 1000;
        let billing = known.skills.contains(&"billing".to_owned());
        let serves = known.queues.contains(&item.queue);
        let in_pool = match item.queue.as_str() {
            "support" => serves,
            "sales" => serves && (billing || waited >= 20),
            "late" => known.id == "a0" && waited >= 40,
            _ => false,
        };
        let skilled = match item.lane.as_str().split_once(' ') {
            None => true,
            Some((_, "billing")) => billing,
            Some(_) => false,
        };
        known.presence == Presence::Available
            && in_pool
            && skilled
            && !item.rejected_by.contains(&(known.id.clone(), true))
    }
}

fn holder(state: &State) -> Option<&String> {
    match state {
        State::Offered { agent, .. } | State::AtWork { agent } => Some(agent),
        State::Queued | State::Done => None,
    }
}

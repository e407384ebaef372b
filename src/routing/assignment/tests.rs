//! Who may take an item, and who is best.

use super::*;
use crate::{
    interactions::ContactType,
    routing::{
        Pool,
        availability::{Capacity, Presence},
    },
};

const NOW: i64 = 1_767_225_600_000;

pub(super) fn agent(id: &str) -> Agent {
    let availability = Availability {
        id: id.to_owned(),
        active: true,
        presence: Presence::Available,
        presence_at: 1,
        capacity: Capacity::default(),
        queues: vec!["support".to_owned()],
        skills: Vec::new(),
        last_work_at: 0,
    };
    Agent { availability, load: Load::default() }
}

fn with_skills(id: &str, skills: &[&str]) -> Agent {
    let mut agent = agent(id);
    agent.availability.skills = skills.iter().map(|skill| (*skill).to_owned()).collect();
    agent
}

pub(super) fn queue(pools: Vec<Pool>) -> QueueSettings {
    QueueSettings { pools, ..QueueSettings::default() }
}

fn everybody() -> Queues {
    [("support".to_owned(), queue(vec![Pool::default()]))].into()
}

/// An item that was queued `waited` seconds ago and has this place.
fn item(place: i64, waited: i64) -> Waiting {
    let place_u128 = u128::try_from(place).expect("a place");
    Waiting {
        id: Uuid::from_u128(place_u128),
        queue: "support".to_owned(),
        lane: Lane::new(ContactType::Messaging, &[]),
        priority: 100,
        queued_at: NOW - waited * 1000,
        place: [place, 0],
        previous_agent: None,
        rejected_by: Vec::new(),
    }
}

fn offered(agents: &[Agent], queues: &Queues, items: Vec<Waiting>) -> Vec<(i64, String)> {
    let offers = plan(agents, queues, items, NOW);
    let number = |id: Uuid| i64::try_from(id.as_u128()).expect("a small id");
    offers.into_iter().map(|offer| (number(offer.item), offer.agent)).collect()
}

fn pairs(expected: &[(i64, &str)]) -> Vec<(i64, String)> {
    expected.iter().map(|(item, agent)| (*item, (*agent).to_owned())).collect()
}

#[test]
fn most_room_comes_before_longest_without_work() {
    let (mut ana, mut ben, mut eve) = (agent("ana"), agent("ben"), agent("eve"));
    ana.load.messaging = 1;
    ben.availability.last_work_at = NOW - 1_000;
    eve.availability.last_work_at = NOW - 2_000;
    let items = (1..=4).map(|place| item(place, 0)).collect();
    // Eve and Ben have four units left, Ana three; whoever was given one has less than before.
    let expected = pairs(&[(1, "eve"), (2, "ben"), (3, "ana"), (4, "ben")]);
    assert_eq!(offered(&[ana, ben, eve], &everybody(), items), expected);
}

#[test]
fn the_agent_of_the_previous_conversation_comes_first_while_there() {
    let mut wanted = item(1, 0);
    wanted.previous_agent = Some("ben".to_owned());
    let (ana, mut ben) = (agent("ana"), agent("ben"));
    ben.load.messaging = 3;
    let agents = [ana, ben];
    let plan_for = |agents: &[Agent]| plan(agents, &everybody(), vec![wanted.clone()], NOW);
    let offers = plan_for(&agents);
    assert_eq!(offers[0].agent, "ben");
    assert_eq!(offers[0].reason, "had the customer's previous conversation");
    assert_eq!(offers[0].lease_until, NOW + 30_000);
    let mut full = agents.clone();
    full[1].load.messaging = 4;
    assert_eq!(plan_for(&full)[0].agent, "ana");
    let mut away = agents;
    away[1].availability.presence = Presence::Away;
    assert_eq!(plan_for(&away)[0].agent, "ana");
}

#[test]
fn skills_presence_and_capacity_each_rule_an_agent_out() {
    let mut skilled = item(1, 0);
    skilled.lane =
        Lane::new(ContactType::Messaging, &["portuguese".to_owned(), "billing".to_owned()]);
    assert_eq!(skilled.lane.as_str(), "messaging billing portuguese");
    let able = || with_skills("ana", &["billing", "portuguese", "other"]);
    let takes = |agent: Agent| !offered(&[agent], &everybody(), vec![skilled.clone()]).is_empty();
    assert!(takes(able()));
    assert!(!takes(with_skills("ana", &["billing"])));
    for presence in [Presence::Busy, Presence::Away, Presence::Offline] {
        let mut agent = able();
        agent.availability.presence = presence;
        assert!(!takes(agent), "{presence:?}");
    }
    let mut gone = able();
    gone.availability.active = false;
    assert!(!takes(gone));
    let mut elsewhere = able();
    elsewhere.availability.queues = vec!["sales".to_owned()];
    assert!(!takes(elsewhere));
    let mut full = able();
    full.load.messaging = 4;
    assert!(!takes(full));
    let mut parked = able();
    parked.load.messaging = 5;
    assert!(!takes(parked), "taking up parked work again may lead past the capacity");
    let mut chatting = able();
    chatting.load.chat = 4;
    assert!(takes(chatting), "another kind has units of its own");
    let mut in_all = able();
    in_all.availability.capacity.total = Some(4);
    in_all.load.chat = 4;
    assert!(!takes(in_all), "unless there is a limit for all kinds together");
}

#[test]
fn pools_widen_with_waiting_and_none_pushes_to_nobody() {
    let first = Pool { skills: vec!["billing".to_owned()], ..Pool::default() };
    let second = Pool { after_seconds: 60, ..Pool::default() };
    let third = Pool { after_seconds: 120, agents: vec!["boss".to_owned()], ..Pool::default() };
    let queues: Queues = [("support".to_owned(), queue(vec![first, second, third]))].into();
    let mut boss = agent("boss");
    boss.availability.queues.clear();
    let to = |agent: &Agent, waited| {
        offered(std::slice::from_ref(agent), &queues, vec![item(1, waited)]).len()
    };
    for (agent, from) in [(with_skills("ana", &["billing"]), 0), (agent("ben"), 60), (boss, 120)] {
        for waited in [0, 59, 60, 119, 120] {
            assert_eq!(to(&agent, waited), usize::from(waited >= from), "{from} {waited}");
        }
    }
    let pull_only: Queues = [("support".to_owned(), queue(Vec::new()))].into();
    assert_eq!(offered(&[agent("ana")], &pull_only, vec![item(1, 1_000)]), []);
    let settings = &pull_only["support"];
    assert_eq!(eligible_after(&agent("ana").availability, "support", settings), Some(0));
    assert_eq!(eligible_after(&agent("ana").availability, "sales", settings), None);
}

#[test]
fn who_rejected_comes_last_or_never() {
    let (ana, ben) = (agent("ana"), agent("ben"));
    let rejected = |by: &[(&str, bool)]| {
        let mut item = item(1, 0);
        item.rejected_by = by.iter().map(|(id, never)| ((*id).to_owned(), *never)).collect();
        offered(&[ana.clone(), ben.clone()], &everybody(), vec![item])
    };
    assert_eq!(rejected(&[]), pairs(&[(1, "ana")]));
    assert_eq!(rejected(&[("ana", false)]), pairs(&[(1, "ben")]));
    assert_eq!(rejected(&[("ana", false), ("ben", false), ("ben", false)]), pairs(&[(1, "ana")]));
    assert_eq!(rejected(&[("ana", true), ("ben", false)]), pairs(&[(1, "ben")]));
    assert_eq!(rejected(&[("ana", true), ("ben", true)]), []);
}

#[test]
fn queues_come_by_their_priority_and_each_in_its_own_order() {
    let mut queues = everybody();
    queues.insert("vip".to_owned(), QueueSettings { priority: 1, ..queues["support"].clone() });
    queues.insert("also".to_owned(), queues["support"].clone());
    let mut ana = agent("ana");
    ana.availability.queues = ["support", "vip", "also"].map(str::to_owned).into();
    ana.availability.capacity.messaging = 100;
    // Five and six are in their queue's own order, whatever waits longer.
    let items = vec![
        item(1, 50),
        Waiting { queue: "vip".to_owned(), ..item(2, 0) },
        Waiting { queue: "also".to_owned(), ..item(3, 100) },
        Waiting { queue: "also".to_owned(), priority: 1, ..item(4, 0) },
        Waiting { place: [-2, 0], ..item(5, 10) },
        Waiting { place: [-1, 0], ..item(6, 300) },
    ];
    let order: Vec<i64> =
        offered(&[ana], &queues, items).into_iter().map(|(item, _)| item).collect();
    assert_eq!(order, [2, 3, 4, 5, 6, 1]);
}

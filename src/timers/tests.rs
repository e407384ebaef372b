//! Which timers run, row by row.

use std::time::Duration;

use sqlx::types::Json;
use uuid::Uuid;

use super::{
    Action, ActionError, Event, MessagingAction,
    rules::{Conversation, Kind, Rules, Said, agenda},
    sweep::Limits,
};
use crate::interactions::{ContactType, Interaction, Number, State, StateReason};

const MINUTE: i64 = 60_000;

fn interaction(contact_type: ContactType, state: State, assigned_to: Option<&str>) -> Interaction {
    Interaction {
        number: Number(1),
        id: Uuid::from_u128(1),
        contact_type,
        subtype: "sms".to_owned(),
        direction: "inbound".to_owned(),
        initiated_by: "requester".to_owned(),
        state,
        state_reason: None,
        state_changed_at: 0,
        active: true,
        profile_id: None,
        channel_id: Some("main".to_owned()),
        our_address: None,
        opened_for_kind: "guest".to_owned(),
        opened_for: None,
        account: None,
        contact: None,
        consumer: None,
        verified: false,
        match_outcome: "new_guest".to_owned(),
        candidates: Json(Vec::new()),
        assigned_to: assigned_to.map(str::to_owned),
        assigned_at: None,
        assignment_group: None,
        opened_at: 0,
        opened_by: "requester".to_owned(),
        closed_at: None,
        closed_by: None,
        short_description: None,
        description_generated: false,
        context: None,
        channel_metadata: Json(serde_json::Value::Null),
        language: None,
        country: None,
        location: None,
        sentiment: None,
        help_requested: false,
        client_session_id: None,
        virtual_agent: false,
        agent_chat: false,
        system_wrap_up: false,
        archived_at: None,
        wrap_up_configuration: None,
        wrap_up_ends_at: None,
        wrap_up_codes: Json(Vec::new()),
        parent_id: None,
        worked_ms: 0,
        wrap_up_ms: 0,
        live_requested_at: None,
        first_reply_at: None,
        last_reply_id: None,
        replies: 0,
        response_ms: 0,
        version: 1,
    }
}

fn action(id: &str, event: Event, after_seconds: i64, action: Action) -> MessagingAction {
    MessagingAction {
        id: id.to_owned(),
        event,
        after_seconds,
        when: crate::conditions::Conditions::default(),
        action,
        active: true,
        created_at: 0,
        changed_at: 0,
        version: 1,
    }
}

fn rules() -> Rules {
    let limits =
        Limits { idle: Some(Duration::from_secs(7200)), wrap_up: Some(Duration::from_secs(900)) };
    let actions = vec![
        action("remind", Event::RequesterWrote, 1800, Action::PromptAgent),
        action("nudge", Event::AgentWrote, 3600, Action::Reassign { queue: None }),
        MessagingAction {
            active: false,
            ..action("off", Event::AgentWrote, 1, Action::PromptAgent)
        },
    ];
    Rules { actions, idle: [("quiet".to_owned(), 10), ("open".to_owned(), 0)].into(), limits }
}

fn said(id: u128, minute: i64) -> Option<Said> {
    Some(Said { id: Uuid::from_u128(id), at: minute * MINUTE })
}

#[test]
fn which_timers_run_row_by_row() {
    use ContactType::{Chat, Messaging};
    let waiting = Conversation { unanswered: said(2, 5), last: said(3, 9), ..Default::default() };
    let answered = Conversation {
        unreplied: said(4, 10),
        last: said(4, 10),
        engaged: true,
        ..Default::default()
    };
    let ana = Some("ana");
    let bot = Some("bot:desk");
    let on =
        |channel: &str, of: Interaction| Interaction { channel_id: Some(channel.to_owned()), ..of };
    let enforced = Interaction {
        wrap_up_ends_at: Some(7 * MINUTE),
        ..interaction(Messaging, State::WrapUp, ana)
    };
    // Names, and the minute they are due.
    type Due<'a> = &'a [(&'a str, i64)];
    let rows: [(Interaction, &Conversation, Due<'_>); 10] = [
        (interaction(Messaging, State::New, None), &waiting, &[("remind", 35)]),
        (interaction(Messaging, State::WorkInProgress, ana), &waiting, &[("remind", 35)]),
        (interaction(Messaging, State::WorkInProgress, ana), &answered, &[("nudge", 70)]),
        (
            interaction(Messaging, State::WorkInProgress, bot),
            &waiting,
            &[("remind", 35), ("idle", 129)],
        ),
        (interaction(Chat, State::New, None), &waiting, &[("remind", 35), ("idle", 129)]),
        (
            on("quiet", interaction(Chat, State::WorkInProgress, ana)),
            &answered,
            &[("idle", 20), ("nudge", 70)],
        ),
        (on("open", interaction(Chat, State::WorkInProgress, ana)), &answered, &[("nudge", 70)]),
        (interaction(Messaging, State::WrapUp, ana), &waiting, &[("wrap_up_limit", 15)]),
        (enforced, &waiting, &[("wrap_up_timer", 7)]),
        (interaction(Messaging, State::New, None), &Conversation::default(), &[]),
    ];
    let rules = rules();
    for (interaction, conversation, expected) in rows {
        let timers = agenda(&interaction, conversation, &rules);
        let found: Vec<_> =
            timers.iter().map(|timer| (timer.kind.name(), timer.due_at / MINUTE)).collect();
        assert_eq!(found, expected, "{interaction:?} {conversation:?}");
    }
}

#[test]
fn the_customers_silence_says_nothing_while_our_side_owes_the_next_word() {
    let mut parked = interaction(ContactType::Messaging, State::OnHold, Some("ana"));
    let nudge = action("nudge", Event::AgentWrote, 1, Action::Reassign { queue: None });
    let remind = action("remind", Event::RequesterWrote, 1, Action::PromptAgent);
    let (nudge, remind) = (Kind::Action(&nudge), Kind::Action(&remind));
    parked.state_reason = Some(StateReason::WaitingInternal);
    assert!(!nudge.holds(&parked) && remind.holds(&parked));
    parked.state_reason = Some(StateReason::WaitingOnCustomer);
    assert!(nudge.holds(&parked));
}

#[test]
fn nothing_is_due_before_the_shortest_of_all_timers() {
    let mut rules = rules();
    assert_eq!(rules.shortest(ContactType::Messaging), 10 * MINUTE, "a channel says so");
    rules.idle.clear();
    assert_eq!(rules.shortest(ContactType::Messaging), 30 * MINUTE);
    rules.actions[0].when =
        serde_json::from_value(serde_json::json!({"type": "chat"})).expect("ok");
    assert_eq!(rules.shortest(ContactType::Messaging), 60 * MINUTE);
    assert_eq!(rules.shortest(ContactType::Chat), 30 * MINUTE);
}

#[test]
fn what_a_messaging_action_may_say_row_by_row() {
    let good = action("nudge", Event::AgentWrote, 60, Action::PromptAgent);
    let does = |action: Action| MessagingAction { action, ..good.clone() };
    let moves = |state, reason| does(Action::SetState { state, reason });
    let named = |id: &str| MessagingAction { id: id.to_owned(), ..good.clone() };
    for (action, expected) in [
        (good.clone(), Ok(())),
        (named("Nudge"), Err(ActionError::Id)),
        (named("idle"), Err(ActionError::Id)),
        (MessagingAction { after_seconds: 0, ..good.clone() }, Err(ActionError::After)),
        (does(Action::PromptRequester { text: " ".to_owned() }), Err(ActionError::Text)),
        (moves(State::OnHold, StateReason::WaitingOnCustomer), Ok(())),
        (moves(State::OnHold, StateReason::UserEnded), Err(ActionError::Reason)),
        (moves(State::ClosedAbandoned, StateReason::NoRequesterReply), Ok(())),
        (moves(State::ClosedComplete, StateReason::NoRequesterReply), Err(ActionError::Reason)),
        (moves(State::WorkInProgress, StateReason::UserEnded), Err(ActionError::State)),
    ] {
        assert_eq!(action.check(), expected, "{action:?}");
    }
}

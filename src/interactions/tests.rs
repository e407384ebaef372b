//! The continuation table and the state machine, row by row.

use super::*;

const MINUTE: i64 = 60_000;

fn current(state: State, reason: Option<StateReason>) -> Option<Current> {
    Some(Current { state, parked: reason.is_some(), last_at: 0 })
}

#[test]
fn the_continuation_table_row_by_row() {
    use Continuation::{Always, Never, WithinMinutes};
    let parked = Some(StateReason::WaitingOnCustomer);
    for (current, policy, now, expected) in [
        (None, Always, 0, Continuity::Open(Reason::NoneOpen)),
        (None, Never, 0, Continuity::Open(Reason::NoneOpen)),
        (current(State::New, None), Always, 0, Continuity::Continue(Reason::Waiting, None)),
        (
            current(State::WorkInProgress, None),
            Always,
            0,
            Continuity::Continue(Reason::InProgress, None),
        ),
        (
            current(State::OnHold, parked),
            Always,
            0,
            Continuity::Continue(Reason::ResumedFromHold, Some(State::WorkInProgress)),
        ),
        (
            current(State::OnHold, None),
            Always,
            0,
            Continuity::Continue(Reason::AwaitingAssignment, None),
        ),
        (
            current(State::WrapUp, None),
            Always,
            0,
            Continuity::Continue(Reason::ResumedFromWrapUp, Some(State::WorkInProgress)),
        ),
        (current(State::ClosedComplete, None), Always, 0, Continuity::Open(Reason::NoneOpen)),
        (current(State::ClosedAbandoned, None), Always, 0, Continuity::Open(Reason::NoneOpen)),
        (current(State::Faulted, None), Always, 0, Continuity::Open(Reason::NoneOpen)),
        (
            current(State::New, None),
            WithinMinutes(5),
            5 * MINUTE,
            Continuity::Continue(Reason::Waiting, None),
        ),
        (
            current(State::New, None),
            WithinMinutes(5),
            5 * MINUTE + 1,
            Continuity::Open(Reason::TooLongSilent),
        ),
        (current(State::WorkInProgress, None), Never, 0, Continuity::Open(Reason::AlwaysNew)),
    ] {
        assert_eq!(continuity(current, policy, now), expected, "{current:?} {policy:?} {now}");
    }
}

#[test]
fn closed_is_closed() {
    for from in State::ALL.into_iter().filter(|state| !state.is_open()) {
        for to in State::ALL {
            for actor in [Actor::Requester, Actor::Agent, Actor::Bot, Actor::System] {
                assert!(state::permit(from, to, actor).is_err(), "{from} to {to} by {actor:?}");
            }
        }
    }
}

#[test]
fn an_illegal_move_names_the_legal_ones() {
    let error = state::permit(State::New, State::WrapUp, Actor::Agent).expect_err("illegal");
    let text = error.to_string();
    assert_eq!(
        text,
        "an interaction that is new cannot become wrap_up; \
         it can become work_in_progress, closed_complete, closed_abandoned"
    );
    let error =
        state::permit(State::ClosedComplete, State::New, Actor::Agent).expect_err("illegal");
    assert!(error.to_string().ends_with("it can become nothing else"));
}

#[test]
fn what_a_message_does_is_legal() {
    for state in State::ALL.into_iter().filter(|state| state.is_open()) {
        for reason in [None, Some(StateReason::WaitingInternal)] {
            let moved = continuity(current(state, reason), Continuation::Always, 0);
            if let Continuity::Continue(_, Some(to)) = moved {
                state::permit(state, to, Actor::Requester).expect("a legal move");
            }
        }
        state::permit(state, State::ClosedComplete, Actor::System)
            .or_else(|_| state::permit(state, State::ClosedComplete, Actor::Requester))
            .expect("an open interaction can be superseded");
    }
}

#[test]
fn numbers_read_as_they_are_written() {
    assert_eq!(number(1), "IMS0000001");
    assert_eq!(number(12_345_678), "IMS12345678");
    assert_eq!(parse_number("IMS0000042"), Some(42));
    assert_eq!(parse_number("IMS42"), None);
    assert_eq!(parse_number("INC0000042"), None);
}

fn standing(state: State, reason: Option<StateReason>, agent: Option<&str>) -> Standing<'_> {
    Standing {
        contact_type: ContactType::Messaging,
        state,
        reason,
        assigned_to: agent,
        described: true,
    }
}

#[test]
fn what_may_be_done_row_by_row() {
    use Action::{Abandon, Accept, Assign, Close, Fault, Hold, Requeue, Resume, WrapUp};
    use State::{ClosedAbandoned, ClosedComplete, Faulted, New, OnHold, WorkInProgress};
    use StateReason::{AgentEnded, LeftBeforeEngagement, NoUserResponse, WaitingOnCustomer};
    let waiting = Some(WaitingOnCustomer);
    let accept = || Accept("ana".to_owned());
    let assign = || Assign("ben".to_owned());
    let ana = Some("ana");
    // From, by an agent; to, why there, whose then.
    type End<'a> = (State, Option<StateReason>, Option<&'a str>);
    let rows: [(Standing<'_>, Action, Option<End<'_>>); 26] = [
        (standing(New, None, None), accept(), Some((WorkInProgress, None, ana))),
        (standing(OnHold, None, None), accept(), Some((WorkInProgress, None, ana))),
        (standing(OnHold, waiting, ana), accept(), None),
        (standing(WorkInProgress, None, ana), accept(), None),
        (standing(ClosedComplete, None, ana), accept(), None),
        (standing(New, None, None), assign(), Some((WorkInProgress, None, Some("ben")))),
        (standing(WorkInProgress, None, ana), assign(), Some((WorkInProgress, None, Some("ben")))),
        (standing(WorkInProgress, None, Some("ben")), assign(), None),
        (standing(OnHold, waiting, ana), assign(), Some((WorkInProgress, None, Some("ben")))),
        (standing(State::WrapUp, None, ana), assign(), None),
        (standing(WorkInProgress, None, ana), Hold(waiting), Some((OnHold, waiting, ana))),
        (standing(New, None, None), Hold(waiting), None),
        (standing(OnHold, None, None), Hold(waiting), None),
        (standing(OnHold, waiting, ana), Resume, Some((WorkInProgress, None, ana))),
        (standing(OnHold, None, None), Resume, None),
        (standing(WorkInProgress, None, ana), Resume, None),
        (standing(State::WrapUp, None, ana), Resume, None),
        (standing(WorkInProgress, None, ana), Requeue, Some((OnHold, None, None))),
        (standing(New, None, None), Requeue, Some((New, None, None))),
        (standing(OnHold, waiting, ana), WrapUp, Some((State::WrapUp, None, ana))),
        (standing(New, None, None), WrapUp, None),
        (
            standing(State::WrapUp, None, ana),
            Close(None),
            Some((ClosedComplete, Some(AgentEnded), ana)),
        ),
        (
            standing(New, None, None),
            Abandon(None),
            Some((ClosedAbandoned, Some(LeftBeforeEngagement), None)),
        ),
        (
            standing(WorkInProgress, None, ana),
            Abandon(None),
            Some((ClosedAbandoned, Some(NoUserResponse), ana)),
        ),
        (standing(ClosedAbandoned, None, ana), Close(None), None),
        (standing(Faulted, None, None), Fault, None),
    ];
    for (standing, action, expected) in rows {
        let step = step(standing, &action, Actor::Agent);
        let end = step.as_ref().map(|step| (step.to, step.reason, step.assigned_to.as_deref()));
        assert_eq!(end.ok(), expected, "{action:?} from {standing:?}");
    }
}

#[test]
fn reasons_to_park_are_for_messaging_and_it_needs_one() {
    let at_work = |contact_type| Standing {
        contact_type,
        ..standing(State::WorkInProgress, None, Some("ana"))
    };
    let hold = |contact_type, reason| {
        step(at_work(contact_type), &Action::Hold(reason), Actor::Agent).map(|step| step.reason)
    };
    let internal = Some(StateReason::WaitingInternal);
    assert_eq!(hold(ContactType::Messaging, internal), Ok(internal));
    assert_eq!(hold(ContactType::Messaging, None), Err(Refused::HoldReasonNeeded));
    let ended = Some(StateReason::UserEnded);
    assert_eq!(hold(ContactType::Messaging, ended), Err(Refused::NotAHoldReason));
    for other in [ContactType::Chat, ContactType::Phone, ContactType::WalkUp] {
        assert_eq!(hold(other, internal), Err(Refused::ReasonForMessagingOnly));
        assert_eq!(hold(other, None), Ok(None));
    }
    // Parked without a reason it is still its agent's, and no one else's to accept.
    let parked =
        Standing { contact_type: ContactType::Chat, ..standing(State::OnHold, None, Some("ana")) };
    assert!(step(parked, &Action::Resume, Actor::Agent).is_ok());
    assert!(step(parked, &Action::Accept("ben".to_owned()), Actor::Agent).is_err());
}

#[test]
fn what_people_end_must_say_what_it_was_about() {
    let silent = |state| Standing { described: false, ..standing(state, None, Some("ana")) };
    for state in [State::New, State::WorkInProgress, State::OnHold, State::WrapUp] {
        let close = step(silent(state), &Action::Close(None), Actor::Agent);
        assert_eq!(close, Err(Refused::DescriptionNeeded), "{state}");
        let by_system = step(silent(state), &Action::Close(None), Actor::System);
        assert!(by_system.is_ok(), "{state}: what ends by itself is described by us");
    }
    let abandon = step(silent(State::New), &Action::Abandon(None), Actor::Agent);
    assert_eq!(abandon, Err(Refused::DescriptionNeeded));
}

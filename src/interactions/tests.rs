//! The continuation table and the state machine, row by row.

use super::*;

const MINUTE: i64 = 60_000;

fn current(state: State, reason: Option<StateReason>) -> Option<Current> {
    Some(Current { state, reason, last_at: 0 })
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

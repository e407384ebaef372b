//! The matching table, and what tells one sender from another.

use uuid::Uuid;

use super::*;

fn person(n: u128) -> PersonRef {
    PersonRef { kind: PersonKind::User, id: Uuid::from_u128(n) }
}

/// Rows 1 to 11 of the matching table; an inactive profile (row 10) reads as none.
#[test]
fn the_matching_table_row_by_row() {
    let (ana, ben, eve) = (person(1), person(2), person(3));
    type Row<'a> = (
        u8,
        Known,
        &'a [PersonRef],
        MatchOutcome,
        Option<PersonRef>,
        Option<PersonRef>,
        &'a [PersonRef],
    );
    let cases: [Row<'_>; 12] = [
        (1, Known::No, &[ana], MatchOutcome::NewLinked, Some(ana), Some(ana), &[]),
        (2, Known::No, &[], MatchOutcome::NewGuest, None, None, &[]),
        (3, Known::No, &[ana, ben], MatchOutcome::NewAmbiguous, None, None, &[ana, ben]),
        (4, Known::Person(ana), &[], MatchOutcome::KnownUnlisted, Some(ana), None, &[]),
        (5, Known::Person(ana), &[ana], MatchOutcome::KnownConfirmed, Some(ana), None, &[]),
        (5, Known::Person(ana), &[ben, ana], MatchOutcome::KnownConfirmed, Some(ana), None, &[]),
        (6, Known::Person(ana), &[ben], MatchOutcome::Conflict, Some(ana), None, &[ben]),
        (6, Known::Person(ana), &[ben, eve], MatchOutcome::Conflict, Some(ana), None, &[ben, eve]),
        (7, Known::Guest, &[], MatchOutcome::KnownGuest, None, None, &[]),
        (8, Known::Guest, &[ana], MatchOutcome::GuestLinked, Some(ana), Some(ana), &[]),
        (9, Known::Guest, &[ana, ben], MatchOutcome::GuestAmbiguous, None, None, &[ana, ben]),
        (11, Known::InactivePerson, &[ana], MatchOutcome::PersonInactive, None, None, &[ana]),
    ];
    for (row, known, directory, outcome, opened_for, link, candidates) in cases {
        let expected = Decision { outcome, opened_for, link, candidates: candidates.to_vec() };
        assert_eq!(decide(known, directory), expected, "row {row}");
    }
}

#[test]
fn a_chat_widgets_ids_are_told_apart_by_channel() {
    let visitor = Address::user("u-42");
    assert_ne!(Key::new(Medium::Chat, &visitor, "shop"), Key::new(Medium::Chat, &visitor, "bank"));
    let phone = Address::telephone("+12125550123", None).expect("a number");
    assert_eq!(Key::new(Medium::Sms, &phone, "one"), Key::new(Medium::Sms, &phone, "two"));
    assert_ne!(Key::new(Medium::Sms, &phone, "one"), Key::new(Medium::Whatsapp, &phone, "one"));
}

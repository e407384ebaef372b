//! What becomes of two profiles that are one, and of one that is two again.

use super::*;

fn profile(id: u128) -> Profile {
    Profile {
        id: Uuid::from_u128(id),
        scheme: "sms".to_owned(),
        scope: String::new(),
        value: format!("+1212555012{id}"),
        address_kind: "phone".to_owned(),
        answerable: true,
        person_kind: None,
        person_id: None,
        display_name: None,
        language: None,
        active: true,
        verified_at: None,
        verified_by: None,
        verified_method: None,
        blocked_at: None,
        blocked_by: None,
        blocked_reason: None,
        expired_at: None,
        merged_into: None,
        match_outcome: "new_guest".to_owned(),
        candidates: Json(Vec::new()),
        created_at: 0,
        changed_at: 0,
        version: 1,
    }
}

fn of(profile: Profile, person: u128) -> Profile {
    profile.of_person(Some(PersonRef { kind: PersonKind::User, id: Uuid::from_u128(person) }))
}

fn blocked(profile: Profile) -> Profile {
    Profile { blocked_at: Some(5), blocked_by: Some("agent:ana".to_owned()), ..profile }
}

fn verified(profile: Profile) -> Profile {
    Profile { verified_at: Some(7), verified_by: Some("agent:ben".to_owned()), ..profile }
}

#[test]
fn only_two_active_profiles_of_one_medium_and_one_person_fit() {
    let (one, other) = (profile(1), profile(2));
    let gone = Profile { active: false, ..profile(2) };
    let elsewhere = Profile { scheme: "whatsapp".to_owned(), ..profile(2) };
    let in_another_scope = Profile { scope: "page".to_owned(), ..profile(2) };
    for (kept, given_up, expected) in [
        (one.clone(), one.clone(), Some(Unfit::Same)),
        (one.clone(), gone.clone(), Some(Unfit::GivenUp)),
        (gone, one.clone(), Some(Unfit::GivenUp)),
        (one.clone(), elsewhere, Some(Unfit::OtherMedium)),
        (one.clone(), in_another_scope, Some(Unfit::OtherMedium)),
        (of(one.clone(), 1), of(other.clone(), 2), Some(Unfit::TwoPeople)),
        (of(one.clone(), 1), of(other.clone(), 1), None),
        (of(one.clone(), 1), other.clone(), None),
        (one.clone(), of(other.clone(), 2), None),
        (one, other, None),
    ] {
        assert_eq!(united(&kept, &given_up).err(), expected, "{kept:?} {given_up:?}");
    }
}

#[test]
fn what_is_known_of_either_is_kept_and_goes_with_it_again() {
    for (kept, given_up) in [
        (profile(1), profile(2)),
        (profile(1), of(profile(2), 9)),
        (of(profile(1), 9), profile(2)),
        (of(profile(1), 9), verified(of(profile(2), 9))),
        (profile(1), blocked(profile(2))),
        (blocked(profile(1)), blocked(verified(of(profile(2), 9)))),
    ] {
        let after = united(&kept, &given_up).expect("they fit");
        assert_eq!(after.person_id, kept.person_id.or(given_up.person_id));
        assert_eq!(after.blocked_at, kept.blocked_at.or(given_up.blocked_at));
        assert_eq!(after.verified_at, kept.verified_at.or(given_up.verified_at));
        let changes =
            Changes { kept: Some(((&kept).into(), (&after).into())), ..Changes::default() };
        assert_eq!(Standing::from(&parted(&after, &changes)), Standing::from(&kept));
        // What was decided since is nobody's to take back.
        let since = of(verified(after.clone()), 3);
        let since = Profile { blocked_at: Some(99), ..since };
        let apart = parted(&since, &changes);
        assert_eq!((apart.person_id, apart.blocked_at), (since.person_id, since.blocked_at));
    }
}

#[test]
fn a_pair_is_one_whichever_is_kept() {
    let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    assert_eq!(pair(one, other), pair(other, one));
    assert_eq!(pair(other, one), (one, other));
}

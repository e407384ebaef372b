//! Each condition by itself, and the order of routes.

use super::*;

fn route(id: &str, when: &str) -> Route {
    Route {
        id: id.to_owned(),
        position: 0,
        queue: format!("{id}-queue"),
        priority: 10,
        when: serde_json::from_str(when).expect("conditions"),
        active: true,
        created_at: 0,
        changed_at: 0,
        version: 1,
    }
}

fn facts() -> Facts<'static> {
    Facts {
        channel: "support-sms",
        address: "+15005550006",
        medium: Medium::Sms,
        text: Some("I want a REFUND now"),
        country: Some("BR"),
        language: Some("pt-BR"),
        person: Some(PersonKind::User),
        opted_out: false,
    }
}

#[test]
fn each_condition_holds_and_fails_by_itself() {
    for (holds, fails) in [
        (r#"{"channel": "support-sms"}"#, r#"{"channel": "sales"}"#),
        (r#"{"channel": ["sales", "support-sms"]}"#, r#"{"channel": ["sales", "press"]}"#),
        (r#"{"address": "+15005550006"}"#, r#"{"address": "+15005550007"}"#),
        (r#"{"medium": "sms"}"#, r#"{"medium": "whatsapp"}"#),
        (r#"{"text": "refund"}"#, r#"{"text": "^refund"}"#),
        (r#"{"country": ["PT", "BR"]}"#, r#"{"country": "US"}"#),
        (r#"{"language": "pt"}"#, r#"{"language": "pt-PT"}"#),
        (r#"{"person_known": true}"#, r#"{"person_known": false}"#),
        (r#"{"person_kind": "user"}"#, r#"{"person_kind": "employee"}"#),
        (r#"{"opted_out": false}"#, r#"{"opted_out": true}"#),
        (r#"{}"#, r#"{"channel": "support-sms", "country": "US"}"#),
    ] {
        let taken = |when| Table::new(vec![route("r", when)], &[]).decide(&facts()).route;
        assert_eq!(taken(holds).as_deref(), Some("r"), "{holds}");
        assert_eq!(taken(fails), None, "{fails}");
    }
}

#[test]
fn the_first_route_that_holds_is_taken() {
    let mut switched_off = route("zero", "{}");
    switched_off.active = false;
    let routes = vec![
        switched_off,
        route("one", r#"{"country": "US"}"#),
        route("two", "{}"),
        route("three", "{}"),
    ];
    let decision = Table::new(routes, &[]).decide(&facts());
    assert_eq!(decision.route.as_deref(), Some("two"));
    assert_eq!(decision.queue, "two-queue");
    assert_eq!(decision.priority, 10);
}

#[test]
fn what_no_route_wants_goes_to_the_default_queue_and_says_so() {
    let decision = Table::new(vec![route("one", r#"{"country": "US"}"#)], &[]).decide(&facts());
    assert_eq!((decision.queue.as_str(), decision.route), (DEFAULT_QUEUE, None));
    assert_eq!(decision.reason, "the one route did not match");
}

#[test]
fn unknown_conditions_and_bad_patterns_are_refused() {
    assert!(serde_json::from_str::<When>(r#"{"chanel": "x"}"#).is_err());
    assert!(pattern("(").is_err());
    assert!(pattern("(a{1000}){1000}").is_err());
}

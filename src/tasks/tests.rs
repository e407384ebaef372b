//! Numbers, states, and what is logged of a document.

use super::{
    IllegalMove, Kind, State, mentions, parse_number,
    related::{Link, LinkError, Operation, Policy, effective},
};

#[test]
fn each_kind_has_numbers_of_its_own() {
    for (kind, seq, number) in [
        (Kind::Incident, 1, "INC0000001"),
        (Kind::Case, 42, "CS0000042"),
        (Kind::Request, 12_345_678, "REQ12345678"),
    ] {
        assert_eq!(kind.number(seq), number);
        assert_eq!(parse_number(number).as_deref(), Some(number));
        assert_eq!(parse_number(&number.to_lowercase()).as_deref(), Some(number));
    }
    for typed in ["", "INC", "INC1", "INC000000x", "IMS0000001", "PRB0000001", "INC0000001 "] {
        assert_eq!(parse_number(typed), None, "{typed}");
    }
}

#[test]
fn a_text_mentions_the_numbers_that_stand_alone() {
    for (text, expected) in [
        ("nothing", &[][..]),
        ("See INC0000001.", &["INC0000001"]),
        (
            "(inc0000001), then CS0000002/REQ0000003; INC0000001",
            &["INC0000001", "CS0000002", "REQ0000003"],
        ),
        ("XINC0000001 INC0000001a INC_0000001", &[]),
    ] {
        assert_eq!(mentions(text), expected, "{text}");
    }
}

#[test]
fn a_task_goes_where_the_table_says() {
    use State::{Canceled, Closed, InProgress, New, OnHold, Resolved};
    let all = [New, InProgress, OnHold, Resolved, Closed, Canceled];
    for (from, legal) in [
        (New, &[InProgress, OnHold, Resolved, Canceled][..]),
        (InProgress, &[OnHold, Resolved, Canceled]),
        (OnHold, &[InProgress, Resolved, Canceled]),
        (Resolved, &[InProgress, Closed]),
        (Closed, &[]),
        (Canceled, &[]),
    ] {
        for to in all {
            let permitted = from == to || legal.contains(&to);
            assert_eq!(from.permit(to).is_ok(), permitted, "{from:?} to {to:?}");
        }
        assert_eq!(from.is_final(), legal.is_empty());
    }
    let refused = Resolved.permit(OnHold).expect_err("no such move");
    assert_eq!(
        refused.to_string(),
        "a task does not go from resolved to on_hold; from here it goes to in_progress, closed"
    );
    let refused = IllegalMove { from: Closed, to: New, legal: Vec::new() };
    assert!(refused.to_string().ends_with("from here it goes nowhere"));
}

#[test]
fn the_strongest_operation_is_the_one_that_did_most() {
    use Operation::{Insert, Mention, Open, Unknown, Update};
    let weakest_first =
        [None, Some(Unknown), Some(Open), Some(Mention), Some(Update), Some(Insert)];
    for (index, stronger) in weakest_first.into_iter().enumerate() {
        for weaker in &weakest_first[..index] {
            assert!(Operation::strength(stronger) > Operation::strength(*weaker));
        }
    }
}

#[test]
fn a_table_follows_its_own_policy_then_what_it_comes_with_then_the_default() {
    let policy = |table: &str, operations: Option<&[Operation]>, one: Option<bool>| {
        let operations = operations.map(|operations| operations.to_vec());
        Policy { operations, one_per_interaction: one, ..Policy::unset(table) }
    };
    let nothing = || policy("task", None, None);
    let quiet = || policy("task", Some(&[Operation::Insert]), Some(true));
    for (table, own, default, logs_open, one) in [
        ("incident", policy("incident", None, None), nothing(), true, false),
        ("request", policy("request", None, None), nothing(), true, true),
        ("request", policy("request", None, Some(false)), nothing(), true, false),
        ("request", policy("request", None, None), policy("task", None, Some(false)), true, true),
        ("incident", policy("incident", None, None), quiet(), false, true),
        (
            "incident",
            policy("incident", Some(&[Operation::Open]), Some(false)),
            quiet(),
            true,
            false,
        ),
        ("order", policy("order", Some(&[]), None), policy("link", None, None), false, false),
    ] {
        let effective = effective(&own, &default);
        assert_eq!(effective.logs(Operation::Open), logs_open, "{table} {own:?} {default:?}");
        assert_eq!(effective.one_per_interaction, one, "{table} {own:?} {default:?}");
    }
    assert!(!effective(&nothing(), &quiet()).logs(Operation::Update));
}

#[test]
fn a_link_leads_somewhere_and_is_not_mistaken_for_a_task() {
    let link = |kind: &str, id: &str, url: &str| {
        Link { kind: kind.to_owned(), id: id.to_owned(), url: url.to_owned() }.checked()
    };
    let long = format!("https://shop.example/{}", "x".repeat(2_000));
    for (kind, id, url, expected) in [
        ("order", "4711", "https://shop.example/orders/4711", None),
        ("order", " 4711 ", "http://shop.example:8080/?id=4711#top", None),
        ("servicenow_incident", "INC1", "https://a.example", None),
        ("Order", "1", "https://a.example", Some(LinkError::Kind)),
        ("", "1", "https://a.example", Some(LinkError::Kind)),
        ("incident", "1", "https://a.example", Some(LinkError::OwnKind)),
        ("task", "1", "https://a.example", Some(LinkError::OwnKind)),
        ("order", " ", "https://a.example", Some(LinkError::Id)),
        ("order", "1\0", "https://a.example", Some(LinkError::Id)),
        ("order", "1", "javascript:alert(1)", Some(LinkError::Url)),
        ("order", "1", "ftp://a.example", Some(LinkError::Url)),
        ("order", "1", "https://", Some(LinkError::Url)),
        ("order", "1", "https:///path", Some(LinkError::Url)),
        ("order", "1", "https://user:secret@a.example/", Some(LinkError::Url)),
        ("order", "1", "https://a.example/a b", Some(LinkError::Url)),
        ("order", "1", "/orders/1", Some(LinkError::Url)),
        ("order", "1", &long, Some(LinkError::Url)),
    ] {
        assert_eq!(link(kind, id, url).err(), expected, "{kind} {id} {url}");
    }
    assert_eq!(link("order", " 4711 ", "https://a.example").map(|link| link.id), Ok("4711".into()));
}

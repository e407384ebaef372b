//! Each condition by itself, and the order of routes.

use super::*;

fn route(id: &str, when: &str) -> Route {
    Route {
        id: id.to_owned(),
        position: 0,
        queue: format!("{id}-queue"),
        priority: 10,
        skills: Vec::new(),
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
        now: 1_767_225_600_000,
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
fn a_route_is_passed_over_while_its_queue_is_closed() {
    let mut queue = Queue {
        id: "one-queue".to_owned(),
        name: String::new(),
        is_default: false,
        settings: QueueSettings::default(),
        created_at: 0,
        changed_at: 0,
        version: 1,
    };
    // 1 January 2026, midnight in UTC, is the evening before in São Paulo.
    let schedule = |day: &str| {
        let hours = format!(r#"[{{"days": ["{day}"], "from": "20:00", "to": "24:00"}}]"#);
        let json = format!(r#"{{"time_zone": "America/Sao_Paulo", "hours": {hours}}}"#);
        serde_json::from_str(&json).expect("a schedule")
    };
    let decide = |queue: &Queue, routes: Vec<Route>| {
        Table::new(routes, std::slice::from_ref(queue)).decide(&facts())
    };
    let routes = || vec![route("one", "{}"), route("two", "{}")];
    queue.settings.schedule = Some(schedule("wed"));
    assert_eq!(decide(&queue, routes()).route.as_deref(), Some("one"));
    queue.settings.schedule = Some(schedule("thu"));
    let passed = decide(&queue, routes());
    assert_eq!(passed.route.as_deref(), Some("two"));
    assert_eq!(passed.reason, "route two matched; route one was passed over, its queue is closed");
    let nobody = decide(&queue, vec![route("one", "{}")]);
    assert_eq!((nobody.queue.as_str(), nobody.route), (DEFAULT_QUEUE, None));
    assert_eq!(nobody.reason, "route one matched, but its queue is closed");
    let table = Table::new(routes(), std::slice::from_ref(&queue));
    let unmet: Vec<_> = table.explain(&facts()).map(|(_, unmet)| unmet).collect();
    assert_eq!(unmet, [Some("schedule"), None]);
}

#[test]
fn a_queue_is_sorted_by_the_fields_it_names() {
    use SortField::{OpenedAt, Priority, PriorityBackwards, QueuedAt, QueuedAtBackwards};
    // Priority, queued at, opened at.
    let items = [(1, 30, 5), (2, 10, 20), (2, 20, 10)];
    for (sort, order) in [
        (vec![Priority, QueuedAt], [0, 1, 2]),
        (vec![PriorityBackwards, QueuedAt], [1, 2, 0]),
        (vec![QueuedAt], [1, 2, 0]),
        (vec![QueuedAtBackwards], [0, 2, 1]),
        (vec![OpenedAt], [0, 2, 1]),
        (vec![Priority, OpenedAt], [0, 2, 1]),
    ] {
        let terms = QueueSettings { sort: sort.clone(), ..QueueSettings::default() }.terms();
        let mut served: Vec<usize> = (0..items.len()).collect();
        served.sort_by_key(|item| {
            let (priority, queued_at, opened_at) = items[*item];
            terms.place(priority, queued_at, opened_at)
        });
        assert_eq!(served, order, "{sort:?}");
    }
}

#[test]
fn settings_that_cannot_work_are_refused_where_they_stand() {
    for (json, pointer) in [
        (r#"{"sort": []}"#, "/sort"),
        (r#"{"priority": 1000001}"#, "/priority"),
        (r#"{"priority": -9223372036854775808}"#, "/priority"),
        (r#"{"sort": ["priority", "priority"]}"#, "/sort"),
        (r#"{"sort": ["priority", "-priority"]}"#, "/sort"),
        (r#"{"sort": ["-opened_at", "opened_at"]}"#, "/sort"),
        (r#"{"sort": ["priority", "queued_at", "opened_at"]}"#, "/sort"),
        (r#"{"schedule": {"time_zone": "Nowhere", "hours": []}}"#, "/schedule/time_zone"),
        (r#"{"schedule": {"time_zone": "UTC", "hours": []}}"#, "/schedule/hours"),
        (
            r#"{"schedule": {"time_zone": "UTC", "hours": [
                {"days": ["mon"], "from": "09:00", "to": "17:00"},
                {"days": ["mon"], "from": "24:00", "to": "00:00"}]}}"#,
            "/schedule/hours/1",
        ),
        (r#"{"pools": [{}, {"after_seconds": -1}]}"#, "/pools/1/after_seconds"),
        (r#"{"pools": [{"skills": ["two words"]}]}"#, "/pools/0/skills"),
        (r#"{"max_wait": {"seconds": 0}}"#, "/max_wait/seconds"),
        (r#"{"max_wait": {"seconds": 60, "message": " "}}"#, "/max_wait/message"),
        (r#"{"max_wait": {"seconds": 60, "action": "overflow"}}"#, "/max_wait/action"),
        (
            r#"{"overflow": {"queue": "other"},
                "max_wait": {"seconds": 60, "action": "overflow", "message": "Hi"}}"#,
            "/max_wait/message",
        ),
        (r#"{"overflow": {"queue": "support"}}"#, "/overflow/queue"),
        (r#"{"overflow": {"queue": "other", "above": 0}}"#, "/overflow/above"),
        (r#"{"offer_seconds": 4}"#, "/offer_seconds"),
        (r#"{"reject_reasons": {"Not now": true}}"#, "/reject_reasons"),
    ] {
        let settings: QueueSettings = serde_json::from_str(json).expect(json);
        let (at, _) = settings.check("support").expect_err(json);
        assert_eq!(at, pointer, "{json}");
    }
    assert_eq!(QueueSettings::default().check("support"), Ok(()));
    assert!(serde_json::from_str::<QueueSettings>(r#"{"pool": []}"#).is_err());
}

#[test]
fn conditions_that_never_hold_are_refused_where_they_stand() {
    for (when, pointer, told) in [
        (r#"{"text": "("}"#, "/when/text", "not a regular expression"),
        (r#"{"medium": "smsx"}"#, "/when/medium", "no medium `smsx`; give one of `sms`, `whats"),
        (r#"{"medium": ["sms", ""]}"#, "/when/medium", "no medium ``"),
        (r#"{"person_kind": "usr"}"#, "/when/person_kind", "`usr`; give one of `user`, `contact`"),
        (r#"{"person_kind": "guest"}"#, "/when/person_kind", "`guest`"),
        (r#"{"country": "Brazil"}"#, "/when/country", "two letters, such as BR"),
        (r#"{"country": ["BR", "XX"]}"#, "/when/country", "`XX`"),
        (r#"{"language": "Portuguese"}"#, "/when/language", "a tag, such as pt or pt-BR"),
        (r#"{"language": ["pt", "pt-"]}"#, "/when/language", "`pt-`"),
        (r#"{"person_known": false, "person_kind": "user"}"#, "/when/person_known", "of no kind"),
    ] {
        let error = route("r", when).check(None).expect_err(when);
        assert_eq!(error.pointer(), pointer, "{when}");
        assert!(error.to_string().contains(told), "{when}: {error}");
        // As another version let it in, it may be switched off.
        let before = route("r", when);
        assert_eq!(
            Route { active: false, ..before.clone() }.check(Some(&before)),
            Ok(()),
            "{when}"
        );
        let worse = Route { priority: FURTHEST + 1, ..before.clone() };
        assert_eq!(worse.check(Some(&before)), Err(RouteError::Priority), "{when}");
    }
    for when in [
        r#"{"medium": ["SMS", "apple_messages"], "country": "br", "person_kind": "User"}"#,
        r#"{"language": ["pt", "pt-BR", "zh_Hant_TW", "fil", "es-419"]}"#,
        r#"{"person_known": true, "person_kind": ["employee", "consumer", "contact"]}"#,
    ] {
        assert_eq!(route("r", when).check(None), Ok(()), "{when}");
    }
    assert_eq!(
        Route { position: i64::MIN, ..route("r", "{}") }.check(None),
        Err(RouteError::Position)
    );
    assert_eq!(Route { position: -FURTHEST, ..route("r", "{}") }.check(None), Ok(()));
}

#[test]
fn an_empty_list_is_no_condition() {
    for condition in ["channel", "address", "medium", "country", "language", "person_kind"] {
        let json = format!(r#"{{"{condition}": []}}"#);
        let error = serde_json::from_str::<When>(&json).expect_err(condition).to_string();
        assert!(error.contains("expected one text or more; leave it out"), "{error}");
    }
}

#[test]
fn unknown_conditions_and_bad_patterns_are_refused() {
    assert!(serde_json::from_str::<When>(r#"{"chanel": "x"}"#).is_err());
    assert!(pattern("(").is_err());
    assert!(pattern("(a{1000}){1000}").is_err());
}

//! What a sink may be and wants, and signatures that others computed or check.

use frontdesk_adapters::{Account, Method, Request, Timestamp, providers};
use serde_json::{Value, json};

use super::*;

const NOW: i64 = 1_767_225_600_000;

#[test]
fn the_reference_implementation_signs_alike() {
    // From the tests of the reference implementation in JavaScript: "sign function works".
    let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
    let secrets = Secrets::new(Some(key), None);
    let body = br#"{"test": 2432232314}"#;
    assert_eq!(
        secrets.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body, NOW),
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    );
}

/// Whether a receiver with this account takes what `secrets` sign: the verifier of the chat widget is
/// another implementation of Standard Webhooks.
fn verifies(secrets: &Secrets, account: &Value, now: i64) -> bool {
    let adapter = providers::find("chat").expect("chat");
    let account = Account::read(adapter, account).expect("an account");
    let seconds = now / 1000;
    let signature = secrets.sign("msg_1", seconds, b"{}", now);
    let headers = [
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", &seconds.to_string()),
        ("webhook-signature", &signature),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let url = "https://crm.example/in".to_owned();
    let request = Request::new(Method::Post, url, headers.to_vec(), b"{}".to_vec());
    let now = Timestamp::from_millis(now).expect("a time");
    request.verify(adapter.verifier, &account, now).is_ok()
}

#[test]
fn two_secrets_overlap_for_a_day() {
    let (old, new) = (SigningKey::generate(Signature::V1), SigningKey::generate(Signature::V1));
    let knows = |key: &SigningKey| json!({"secret": key.for_receiver()});
    let mut secrets = Secrets::new(Some(old.clone()), None);
    assert!(verifies(&secrets, &knows(&old), NOW));
    assert!(!verifies(&secrets, &knows(&new), NOW));
    secrets.rotate(new.clone(), NOW);
    let day = 24 * 60 * 60 * 1000;
    for (later, old_too) in [(0, true), (day - 1, true), (day, false)] {
        assert_eq!(verifies(&secrets, &knows(&old), NOW + later), old_too, "{later}");
        assert!(verifies(&secrets, &knows(&new), NOW + later));
    }
}

#[test]
fn whoever_rotates_again_within_the_day_cuts_nobody_off() {
    let keys: Vec<_> = (0..6).map(|_| SigningKey::generate(Signature::V1)).collect();
    let knows = |key: &SigningKey| json!({"secret": key.for_receiver()});
    let hour = 60 * 60 * 1000;
    let mut secrets = Secrets::new(Some(keys[0].clone()), None);
    for (hours, key) in (0_i64..).zip(&keys[1..]) {
        secrets.rotate(key.clone(), NOW + hours * hour);
    }
    // Five sign: the newest, and the four before it, each until a day after it was replaced.
    for (later, signing) in [(4, 1..6), (23, 1..6), (25, 2..6), (27, 4..6), (28, 5..6)] {
        for (place, key) in keys.iter().enumerate() {
            let verified = verifies(&secrets, &knows(key), NOW + later * hour);
            assert_eq!(verified, signing.contains(&place), "{place} after {later} hours");
        }
    }
    // Somebody who goes back to an earlier one signs with it once.
    secrets.rotate(keys[4].clone(), NOW + 5 * hour);
    let signature = secrets.sign("msg_1", 0, b"{}", NOW + 5 * hour);
    assert_eq!(signature.split(' ').count(), 5);
    assert!(verifies(&secrets, &knows(&keys[5]), NOW + 5 * hour));
}

#[test]
fn what_an_earlier_version_sealed_still_opens() {
    let old = r#"{"signing": {"signature": "v1", "key": "bmV3"},
        "previous": [{"signature": "v1", "key": "b2xk"}, 9], "login": null}"#;
    let secrets: Secrets = serde_json::from_str(old).expect("secrets");
    assert_eq!(secrets.sign("msg_1", 0, b"{}", 8).split(' ').count(), 2);
    assert_eq!(secrets.sign("msg_1", 0, b"{}", 9).split(' ').count(), 1);
}

#[test]
fn a_public_key_is_enough_to_check_what_a_key_pair_signs() {
    let (pair, other) =
        (SigningKey::generate(Signature::V1a), SigningKey::generate(Signature::V1a));
    let secrets = Secrets::new(Some(pair.clone()), None);
    assert!(pair.for_receiver().starts_with("whpk_"));
    assert!(verifies(&secrets, &json!({"public_key": pair.for_receiver()}), NOW));
    assert!(!verifies(&secrets, &json!({"public_key": other.for_receiver()}), NOW));
}

#[test]
fn a_sink_is_refused_for_what_it_could_never_be() {
    let refused = |kind, url: &str, settings| Sink::new("crm", kind, url, settings, 0).err();
    let settings = Settings::default;
    assert_eq!(refused(Kind::Webhook, "https://crm.example/in?a=b", settings()), None);
    assert_eq!(refused(Kind::Nats, "tls://nats.example:4222", settings()), None);
    for (kind, url) in [
        (Kind::Webhook, "ftp://crm.example"),
        (Kind::Webhook, "crm.example"),
        (Kind::Webhook, "https:///in"),
        (Kind::Webhook, "https://ana:hush@crm.example/"),
        (Kind::Nats, "https://nats.example"),
        (Kind::Nats, "nats://a b"),
        (Kind::Nats, "nats://nats.example:99999"),
        (Kind::Nats, "nats://nats.example:0"),
        (Kind::Nats, "nats://nats.example/foo"),
        (Kind::Nats, "nats://nats.example#foo"),
    ] {
        assert!(matches!(refused(kind, url, settings()), Some(SinkError::Url(_))), "{url}");
    }
    let odd = Settings { types: vec!["message.sent".to_owned()], ..settings() };
    let refusal = refused(Kind::Webhook, "https://crm.example", odd);
    assert_eq!(refusal, Some(SinkError::Type("message.sent".to_owned())));
    for subject in ["", "a..b", "a.*", ">", "a b"] {
        let odd = Settings { subject: Some(subject.to_owned()), ..settings() };
        let refusal = refused(Kind::Nats, "nats://nats.example", odd);
        assert_eq!(refusal, Some(SinkError::Subject), "{subject}");
    }
    assert!(matches!(
        refused(
            Kind::Webhook,
            "https://crm.example",
            Settings { stream: Some("frontdesk".to_owned()), ..settings() }
        ),
        Some(SinkError::Setting("/settings/stream", _))
    ));
    assert_eq!(Sink::new("Not good", Kind::Nats, "nats://a", settings(), 0), Err(SinkError::Id));
}

#[test]
fn a_login_is_refused_that_lets_nobody_in() {
    let refused = |kind: &str, login: &str| {
        let kind = serde_json::from_value(json!(kind)).expect("a kind");
        let login: Login = serde_json::from_str(login).expect("a login");
        let sink = Sink {
            kind,
            ..Sink::new("crm", Kind::Nats, "tls://a.example", Settings::default(), 0).expect("one")
        };
        assert_eq!(sink.check_login(None), Ok(()));
        sink.check_login(Some(&login)).is_err()
    };
    let (user, token) = (r#"{"user": "u"}"#, r#"{"token": "t"}"#);
    let (password, both) = (r#"{"password": "p"}"#, r#"{"user": "u", "password": "p"}"#);
    let all = r#"{"user": "u", "password": "p", "token": "t"}"#;
    for (kind, takes) in [
        ("webhook", &[][..]),
        ("nats", &[both, token]),
        ("redis", &[both, token, password]),
        ("amqp", &[both]),
        ("kafka", &[both]),
    ] {
        for login in ["{}", user, token, password, both, all] {
            assert_eq!(refused(kind, login), !takes.contains(&login), "{kind} {login}");
        }
    }
}

#[cfg(feature = "redis")]
#[test]
fn a_redis_sink_names_a_server_and_a_database() {
    let refused = |url, stream: Option<&str>| {
        let settings = Settings { stream: stream.map(str::to_owned), ..Settings::default() };
        Sink::new("crm", Kind::Redis, url, settings, 0).err()
    };
    for url in ["redis://redis.example", "rediss://redis.example:6380/", "redis://[::1]/12"] {
        assert_eq!(refused(url, Some("desk:events")), None, "{url}");
    }
    for url in ["tls://redis.example", "redis://redis.example/main", "redis://a@redis.example/0"] {
        assert!(matches!(refused(url, None), Some(SinkError::Url(_))), "{url}");
    }
    let refusal = refused("redis://redis.example", Some(""));
    assert!(matches!(refusal, Some(SinkError::Setting("/settings/stream", _))));
}

#[cfg(feature = "amqp")]
#[test]
fn an_amqp_sink_names_an_exchange_or_a_queue() {
    let refused = |exchange: Option<&str>, routing_key: Option<&str>| {
        let (exchange, routing_key) = (exchange.map(str::to_owned), routing_key.map(str::to_owned));
        let settings = Settings { exchange, routing_key, ..Settings::default() };
        Sink::new("crm", Kind::Amqp, "amqps://rabbit.example/desk", settings, 0).err()
    };
    assert_eq!(refused(Some("events"), None), None);
    assert_eq!(refused(None, Some("events")), None);
    assert_eq!(refused(Some("events"), Some("desk")), None);
    for (exchange, key) in [(None, None), (Some(""), Some("events"))] {
        let refusal = refused(exchange, key);
        assert!(matches!(refusal, Some(SinkError::Setting("/settings/exchange", _))));
    }
    let refusal = refused(None, Some(&"k".repeat(256)));
    assert!(matches!(refusal, Some(SinkError::Setting("/settings/routing_key", _))));
}

#[cfg(feature = "kafka")]
#[test]
fn a_kafka_sink_names_brokers_and_how_its_login_is_proven() {
    let refused = |url: &str, kind, settings: &str| {
        let settings = serde_json::from_str(settings).expect("settings");
        Sink::new("crm", kind, url, settings, 0).err()
    };
    for url in ["kafka://kafka.example", "kafka+ssl://one.example:9093,two.example:9093"] {
        assert_eq!(refused(url, Kind::Kafka, r#"{"topic": "desk"}"#), None);
    }
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let settings = format!(r#"{{"sasl_mechanism": "{mechanism}"}}"#);
        assert_eq!(refused("kafka://kafka.example", Kind::Kafka, &settings), None);
        let refusal = refused("https://crm.example", Kind::Webhook, &settings);
        assert!(matches!(refusal, Some(SinkError::Setting("/settings/sasl_mechanism", _))));
    }
    let refusal = refused("kafka://kafka.example", Kind::Kafka, r#"{"topic": ""}"#);
    assert!(matches!(refusal, Some(SinkError::Setting("/settings/topic", _))));
}

#[cfg(not(feature = "redis"))]
#[test]
fn a_build_without_a_sink_says_which_feature_has_it() {
    let refused = Sink::new("crm", Kind::Redis, "redis://redis.example", Settings::default(), 0);
    let said = refused.expect_err("refused").to_string();
    assert_eq!(said, "this build lacks the sink `redis`; build it with `--features redis`");
}

#[test]
fn filters_hold_together_and_an_empty_one_lets_everything_through() {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let any = Settings::default();
    assert!(any.want("profile.created", None, None));
    let some = Settings {
        types: texts(&["message.received", "work_item.queued"]),
        channels: texts(&["support-sms"]),
        queues: texts(&["support"]),
        ..Settings::default()
    };
    for (event, channel, queue, wanted) in [
        ("message.received", Some("support-sms"), Some("support"), true),
        ("work_item.queued", Some("support-sms"), Some("support"), true),
        ("interaction.closed", Some("support-sms"), Some("support"), false),
        ("message.received", Some("sales-sms"), Some("support"), false),
        ("message.received", Some("support-sms"), Some("sales"), false),
        ("message.received", None, Some("support"), false),
        ("message.received", Some("support-sms"), None, false),
    ] {
        assert_eq!(some.want(event, channel, queue), wanted, "{event} {channel:?} {queue:?}");
    }
}

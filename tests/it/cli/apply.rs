//! Files that say what a gateway is to have: applied, shown, and written again.

use std::fs;

use super::{CANARY, Desk, FILE, OLD_SECRET};

#[test]
fn applying_twice_changes_nothing() {
    let desk = Desk::new();
    let first = desk.expect(&["apply", "channels.toml"]);
    assert!(first.contains("+ channel support-sms (twilio, +15005550006)"), "{first}");
    assert!(first.contains("+ route support-2"), "{first}");
    assert!(first.contains("10 created, 0 changed, 0 unchanged"), "{first}");
    assert_eq!(desk.expect(&["apply", "channels.toml"]).trim(), "unchanged");
    assert_eq!(desk.expect(&["apply", "channels.toml", "--dry-run"]).trim(), "unchanged");
}

#[test]
fn a_change_is_shown_first_and_made_later() {
    let desk = Desk::new();
    desk.expect(&["apply", "channels.toml"]);
    let changed =
        FILE.replace("+15005550006", "+15005550007").replace("Support\"", "Help\"").replace(
            "phones = [\"+15550100009\"]",
            "phones = [\"+15550100009\"]\nemail = \"ana@example.com\"",
        );
    let changed = changed.replace("one_per_interaction = false\n", "");
    fs::write(desk.path("channels.toml"), changed).expect("a file");
    let dry = desk.run(&["apply", "channels.toml", "--dry-run"]);
    assert_eq!(dry.code, 4);
    assert!(dry.stdout.contains("address +15005550006 → +15005550007"), "{}", dry.stdout);
    assert!(dry.stdout.contains("0 created, 4 changed, 6 unchanged"), "{}", dry.stdout);
    let policy = "~ policy of request: one_per_interaction false → —";
    assert!(dry.stdout.contains(policy), "{}", dry.stdout);
    let desk = desk.with("CANARY", "another-secret");
    let made = desk.expect(&["apply", "channels.toml"]);
    assert!(
        made.contains("login changed")
            && made.contains("auth_token changed")
            && !made.contains("another-secret"),
        "{made}"
    );
    assert_eq!(desk.expect(&["apply", "channels.toml"]).trim(), "unchanged");
}

#[test]
fn the_routing_guides_file_applies_and_its_export_applies_elsewhere() {
    let guide = include_str!("../../../docs/routing.md");
    let file = guide.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let file = file.expect("a file in the guide");
    let desk = Desk::new();
    fs::write(desk.path("desk.toml"), file).expect("a file");
    let made = desk.expect(&["apply", "desk.toml"]);
    assert!(made.contains("+ agent ana") && made.contains("5 created"), "{made}");
    assert_eq!(desk.expect(&["apply", "desk.toml"]).trim(), "unchanged");
    let exported = desk.expect(&["export"]);
    let elsewhere = Desk::new();
    fs::write(elsewhere.path("export.toml"), &exported).expect("a file");
    fs::write(elsewhere.path("desk.toml"), file).expect("a file");
    elsewhere.expect(&["apply", "export.toml"]);
    assert_eq!(elsewhere.expect(&["export"]), exported);
    assert_eq!(elsewhere.expect(&["apply", "desk.toml"]).trim(), "unchanged");

    fs::write(desk.path("desk.toml"), file.replace("total = 6", "total = 7")).expect("a file");
    let changed = desk.expect(&["apply", "desk.toml"]);
    assert!(
        changed.contains("~ agent ana: capacity ") && changed.contains("1 changed"),
        "{changed}"
    );
    for (right, wrong, told) in [
        (
            "America/Sao_Paulo",
            "America/Sao Paulo",
            "settings/schedule/time_zone: this is no time zone",
        ),
        ("from = \"09:00\"", "from = \"9:00\"", "expected one such as 09:00, up to 24:00"),
        ("2026-12-25", "2026-02-30", "expected one of the calendar, such as 2026-12-25"),
        ("seconds = 900", "action = \"overflow\", seconds = 900", "say in `overflow`"),
        (
            "skills = [\"billing\"] }",
            "agents = [\"nobody\"] }",
            "queue billing: settings/pools/0/agents/0: there is no agent `nobody`",
        ),
        ("language = \"pt\"", "channel = \"nope\"", "route billing: there is no channel `nope`"),
        ("language = \"pt\"", "channel = []", "leave it out to allow any"),
        ("language = \"pt\"", "address = \"+1 500 555 0006\"", "write this number as +15005550006"),
        ("language = \"pt\"", "medium = \"smsx\"", "route `billing` (line 9): there is no medium"),
        ("language = \"pt\"", "country = \"Brazil\"", "give its two letters"),
        ("skills = [\"portuguese\"]", "priority = -1000001", "a priority is -1000000 to 1000000"),
        ("skills = [\"portuguese\"]", "id = \"A B\"", "an id is 1 to 64"),
        ("max_wait = {", "max_wiat = {", "did you mean `max_wait`?"),
        ("queues = [\"billing\", ", "queues = [\"nowhere\", ", "there is no queue `nowhere`"),
        ("total = 6", "total = -1", "a capacity is 0 to 1000"),
        ("skills = [\"portuguese\"]", "skills = [\"A B\"]", "a skill is 1 to 64"),
    ] {
        assert!(file.contains(right), "{right}");
        fs::write(desk.path("desk.toml"), file.replace(right, wrong)).expect("a file");
        let refused = desk.run(&["apply", "desk.toml"]);
        assert_eq!(refused.code, 5, "{wrong}: {}", refused.stderr);
        assert!(refused.stderr.contains(told), "{told} in {}", refused.stderr);
    }
}

/// Each half of the file names something of the other half.
#[test]
fn what_a_file_makes_may_be_named_in_it_before() {
    const FILE: &str = r#"
[[queues]]
id = "first"
settings = { pools = [{ agents = ["ana"] }], overflow = { queue = "second" } }

[[queues]]
id = "second"

[[routes]]
queue = "second"
when = { channel = "widget" }

[[agents]]
id = "ana"
name = "Ana Prado"
queues = ["first", "second"]

[[channels]]
id = "widget"
provider = "chat"
address = "shop.example"
account = { secret = { literal = "whsec_ZGVzay5leGFtcGxlIGZpY3Rpb25hbCBrZXkgMDAwMQ==" } }
"#;
    let desk = Desk::new()
        .with("FRONTDESK_WIDGET_SECRET", "whsec_ZGVzay5leGFtcGxlIGZpY3Rpb25hbCBrZXkgMDAwMQ==");
    fs::write(desk.path("desk.toml"), FILE).expect("a file");
    assert_eq!(desk.run(&["apply", "desk.toml", "--dry-run"]).code, 4);
    let made = desk.expect(&["apply", "desk.toml"]);
    assert!(made.contains("5 created, 0 changed"), "{made}");
    let exported = desk.expect(&["export"]);
    let elsewhere = Desk::new()
        .with("FRONTDESK_WIDGET_SECRET", "whsec_ZGVzay5leGFtcGxlIGZpY3Rpb25hbCBrZXkgMDAwMQ==");
    fs::write(elsewhere.path("export.toml"), &exported).expect("a file");
    elsewhere.expect(&["apply", "export.toml"]);
    assert_eq!(elsewhere.expect(&["export"]), exported);
}

#[test]
fn an_export_applies_elsewhere_and_holds_no_secret() {
    let desk = Desk::new();
    desk.expect(&["apply", "channels.toml"]);
    let exported = desk.expect(&["export"]);
    assert!(!exported.contains(CANARY) && !exported.contains("whsec_"), "{exported}");
    assert!(exported.contains(r#"{ env = "FRONTDESK_PRESS_SECRET_2" }"#), "{exported}");
    let elsewhere = Desk::new()
        .with("FRONTDESK_SUPPORT_SMS_AUTH_TOKEN", CANARY)
        .with("FRONTDESK_PRESS_SECRET", "whsec_ZGVzay5leGFtcGxlIGZpY3Rpb25hbCBrZXkgMDAwMQ==")
        .with("FRONTDESK_PRESS_SECRET_2", OLD_SECRET)
        .with("FRONTDESK_CRM_SECRET", "whsec_ZGVzay5leGFtcGxlIGZpY3Rpb25hbCBrZXkgMDAwMQ==")
        .with("FRONTDESK_STREAM_PASSWORD", CANARY);
    fs::write(elsewhere.path("export.toml"), &exported).expect("a file");
    elsewhere.expect(&["apply", "export.toml"]);
    assert_eq!(elsewhere.expect(&["export"]), exported);
    assert_eq!(elsewhere.expect(&["apply", "channels.toml"]).trim(), "unchanged");
}

#[test]
fn secrets_that_do_not_open_keep_nobody_from_the_rest_and_are_entered_again_by_a_file() {
    let desk = Desk::new();
    desk.expect(&["apply", "channels.toml"]);
    fs::remove_file(desk.path("frontdesk.key")).expect("the key");
    let exported = desk.run(&["export"]);
    assert_eq!(exported.code, 4, "{}", exported.stderr);
    for lost in ["channel press", "channel support-sms", "sink crm", "sink stream"] {
        let comment = format!("# left out, since its secrets do not open: {lost}\n");
        assert!(exported.stdout.contains(&comment), "{}", exported.stdout);
        assert!(exported.stderr.contains(&format!("{lost} is left out")), "{}", exported.stderr);
    }
    assert!(exported.stdout.contains("[[queues]]"), "{}", exported.stdout);
    fs::write(desk.path("queue.toml"), "[[queues]]\nid = \"night\"\nname = \"Night\"\n")
        .expect("a file");
    desk.expect(&["apply", "queue.toml"]);

    fs::write(desk.path("channels.toml"), FILE.replace("+15005550006", "+15005550007"))
        .expect("a file");
    let refused = desk.run(&["apply", "channels.toml"]);
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    assert!(refused.stderr.contains("use the key they were sealed with"), "{}", refused.stderr);
    let again = desk.expect(&["apply", "channels.toml", "--enter-secrets-again"]);
    let entered = "secrets entered again, since those stored were sealed with another key";
    for told in [
        format!("~ channel support-sms: {entered}, address +15005550006 → +15005550007\n"),
        format!("~ channel press: {entered}\n"),
        format!("~ sink crm: {entered}\n"),
        format!("~ sink stream: {entered}\n"),
    ] {
        assert!(again.contains(&told), "{again}");
    }
    assert_eq!(desk.expect(&["apply", "channels.toml"]).trim(), "unchanged");
    desk.expect(&["export"]);
}

#[test]
fn wrap_up_and_messaging_actions_go_in_and_out_of_a_file() {
    const RULES: &str = r#"
[[wrap_up_configurations]]
id = "calls"
order = 10
when = { type = "phone", group = ["sales", "support"] }
enforced = true
duration_seconds = 90
codes = [{ code = "refund", label = "Refund" }]
default_code = "refund"

[[messaging_actions]]
id = "remind-agent"
event = "requester_wrote"
after_seconds = 600
when = { type = "messaging", with = "agent" }
action = { do = "prompt_agent" }
"#;
    let desk = Desk::new();
    fs::write(desk.path("rules.toml"), RULES).expect("a file");
    let made = desk.expect(&["apply", "rules.toml"]);
    assert!(made.contains("+ wrap-up configuration calls"), "{made}");
    assert!(made.contains("~ messaging action remind-agent: after_seconds 1800 → 600"), "{made}");
    assert_eq!(desk.expect(&["apply", "rules.toml"]).trim(), "unchanged");
    let exported = desk.expect(&["export"]);
    let elsewhere = Desk::new();
    fs::write(elsewhere.path("export.toml"), &exported).expect("a file");
    elsewhere.expect(&["apply", "export.toml"]);
    assert_eq!(elsewhere.expect(&["export"]), exported);
    for (wrong, told) in [
        (RULES.replace("90", "900"), "must end before the limit for all"),
        (RULES.replace("with =", "whit ="), "did you mean `with`?"),
        (RULES.replace("600", "0"), "messaging action `remind-agent` (line 11): give 1 to"),
        (
            RULES.replace("\"prompt_agent\"", "\"reassign\", queue = \"nowhere\""),
            "there is no queue `nowhere`",
        ),
    ] {
        fs::write(desk.path("wrong.toml"), wrong).expect("a file");
        let refused = desk.run(&["apply", "wrong.toml"]);
        assert_eq!(refused.code, 5, "{}", refused.stderr);
        assert!(refused.stderr.contains(told), "{}", refused.stderr);
    }
}

const LOGIN: &str = "{ user = \"frontdesk\", password = { env = \"CANARY\" } }";

#[test]
fn what_is_wrong_with_a_file_is_told_by_name_and_line() {
    for (wrong, right, told) in [
        (
            "adress = \"x\"",
            "address = \"+15005550006\"",
            "line 5: channels has no key `adress`; did you mean `address`?",
        ),
        (
            "{ evn = \"CANARY\" }",
            "{ env = \"CANARY\" }",
            "line 6: auth_token has no key `evn`; did you mean `env`?",
        ),
        (
            "{ env = \"UNSET\" }",
            "{ env = \"CANARY\" }",
            "channel `support-sms` (line 2): account.auth_token: the variable UNSET is not set",
        ),
        ("provider = \"twillio\"", "provider = \"twilio\"", "there is no provider `twillio`"),
        ("chanel = \"support-sms\"", "channel = \"support-sms\"", "did you mean `channel`?"),
        ("text = \"(\"", "text = \"refund\"", "route `support` (line 20)"),
        ("queue = \"suport\"", "queue = \"support\"", "there is no queue `suport`"),
        ("+1 555\"", "+1 555 010 0002\"", "person `Ana Prado` (line 28)"),
        ("table = \"order\"", "table = \"request\"", "policy of `order` (line 38)"),
        ("operatoins =", "operations =", "did you mean `operations`?"),
        (
            "url = \"https://10.0.0.1/in\"",
            "url = \"https://crm.example/in\"",
            "sink crm: the address is not on the internet",
        ),
        (
            "url = \"nats://nats.example\"",
            "url = \"tls://nats.example\"",
            "sink stream: without TLS, only networks that egress.allow names are spoken to",
        ),
        ("{ user = \"frontdesk\" }", LOGIN, "login: give `user` and `password`"),
        (
            "types = []\nchannels = [\"nope\"]",
            "types = [\"message.received\"]",
            "sink crm: there is no channel `nope`",
        ),
        (
            "types = []\nqueues = [\"support\", \"nope\"]",
            "types = [\"message.received\"]",
            "sink crm: there is no queue `nope`",
        ),
        ("auth_token = \"canary-0123", "auth_token = { env = \"CANARY\" }", "line 7"),
    ] {
        let desk = Desk::new();
        fs::write(desk.path("channels.toml"), FILE.replacen(right, wrong, 1)).expect("a file");
        let ran = desk.run(&["apply", "channels.toml"]);
        assert_eq!(ran.code, 5, "{wrong}: {}", ran.stderr);
        assert!(ran.stderr.contains(told), "{wrong}: {}", ran.stderr);
        assert!(!ran.stderr.contains("canary"), "{}", ran.stderr);
    }
}

#[test]
fn a_sink_may_name_what_is_in_the_same_file() {
    let desk = Desk::new();
    let all = "types = []\nchannels = [\"support-sms\"]\nqueues = [\"support\", \"default\"]";
    let file = FILE.replacen("types = [\"message.received\"]", all, 1);
    fs::write(desk.path("channels.toml"), file).expect("a file");
    desk.expect(&["apply", "channels.toml"]);
}

//! The command line, as people and scripts meet it: the built program, its exit codes and its words.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

const FILE: &str = r#"
[[channels]]
id = "support-sms"
provider = "twilio"
address = "+15005550006"
account = { account_sid = "AC00000000000000000000000000000001", auth_token = { env = "CANARY" } }
settings = { continuation = { within_minutes = 30 }, region = "US" }

[[channels]]
id = "press"
provider = "chat"
address = "press.example"
active = false
account = { secret = [{ literal = "whsec_ZGVzay5leGFtcGxlIGZpY3Rpb25hbCBrZXkgMDAwMQ==" }, { file = "old.txt" }] }

[[queues]]
id = "support"
name = "Support"

[[routes]]
queue = "support"
when = { channel = "support-sms", text = "refund" }

[[routes]]
queue = "support"
priority = 7

[[people]]
kind = "user"
name = "Ana Prado"
phones = ["+1 555 010 0002"]

[[people]]
kind = "user"
name = "Ana Prado"
phones = ["+15550100009"]

[[related_policies]]
table = "request"
operations = ["update", "insert"]
one_per_interaction = false

[[sinks]]
id = "crm"
kind = "webhook"
url = "https://crm.example/in"
types = ["message.received"]
secret = { literal = "whsec_ZGVzay5leGFtcGxlIGZpY3Rpb25hbCBrZXkgMDAwMQ==" }

[[sinks]]
id = "stream"
kind = "nats"
url = "tls://nats.example"
subject = "desk.events"
login = { user = "frontdesk", password = { env = "CANARY" } }
"#;

const CANARY: &str = "canary-0123456789abcdef";
const OLD_SECRET: &str = "whsec_ZGVzay5leGFtcGxlIGZpY3Rpb25hbCBrZXkgMDAwMg==";

struct Desk {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("channels.toml"), FILE).expect("a file");
        fs::write(folder.path().join("old.txt"), format!("{OLD_SECRET}\n")).expect("a file");
        Self { folder, variables: vec![("CANARY".to_owned(), CANARY.to_owned())] }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_frontdesk"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env_clear().env("PATH", "/usr/bin:/bin");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().expect("the program runs");
        Ran {
            code: output.status.code().expect("it ended by itself"),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }

    /// Runs a command that must succeed and returns what it printed.
    fn expect(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        ran.stdout
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

#[test]
fn each_kind_of_failure_has_its_exit_code() {
    let desk = Desk::new();
    for (arguments, code) in [
        (&["providers"][..], 0),
        (&["providrs"], 2),
        (&["decode"], 2),
        (&["replay"], 2),
        (&["explain", "IMS0000001"], 3),
        (&["export"], 3),
        (&["replay", "nowhere"], 3),
        (&["apply", "channels.toml", "--dry-run"], 4),
        (&["apply", "nowhere.toml"], 3),
        (&["completions", "bash"], 0),
        (&["config", "check"], 0),
    ] {
        let ran = desk.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
    }
    assert!(
        desk.run(&["providrs"]).stderr.contains("providers"),
        "a wrong word suggests the right"
    );
    let unreachable =
        Desk::new().with("FRONTDESK__DATABASE__URL", "postgres://desk@127.0.0.1:1/desk");
    assert_eq!(unreachable.run(&["migrate"]).code, 6);
    desk.expect(&["apply", "channels.toml"]);
    let to_nobody =
        ["send", "--channel", "support-sms", "--text", "Hi", "--to", "http://127.0.0.1:1"];
    assert_eq!(desk.run(&to_nobody).code, 6);
    assert_eq!(desk.run(&["send", "--channel", "nobody", "--text", "Hi"]).code, 3);
    assert_eq!(desk.run(&["explain", "IMS0000001"]).code, 3);
}

#[test]
fn a_wrong_setting_is_told_with_the_right_one() {
    let desk = Desk::new().with("FRONTDESK__HTTP__LISEN", "127.0.0.1:1");
    let ran = desk.run(&["config", "check"]);
    assert_eq!(ran.code, 5);
    assert!(ran.stderr.contains("did you mean `http.listen`?"), "{}", ran.stderr);
    for (name, value) in [
        ("FRONTDESK__DATABASE__URL", "mysql://db/desk"),
        ("FRONTDESK__DATABASE__URL", "postgres://db/desk"),
        ("FRONTDESK__LOG__FILTER", "frontdesk=loud"),
        ("FRONTDESK__SECRETS__KEY", "short"),
        ("FRONTDESK__HTTP__PUBLIC_URL", "desk.example"),
    ] {
        assert_eq!(
            Desk::new().with(name, value).run(&["config", "check"]).code,
            5,
            "{name}={value}"
        );
    }
}

#[test]
fn settings_are_shown_without_secrets() {
    let key = "c2VjcmV0IGtleSBvZiB0aGUgdGVzdCwgMzIgYnl0ZXMh";
    let desk = Desk::new()
        .with("FRONTDESK__SECRETS__KEY", key)
        .with("FRONTDESK__DATABASE__URL", "postgres://desk:hush@db/desk");
    let shown = desk.expect(&["config", "show"]);
    assert!(shown.contains("postgres://desk:…@db/desk"), "{shown}");
    assert!(shown.contains("sha256:") && shown.contains("FRONTDESK__SECRETS__KEY"), "{shown}");
    assert!(!shown.contains("hush") && !shown.contains(key), "{shown}");
    for line in desk.expect(&["config", "show", "--json"]).lines() {
        let setting: Value = serde_json::from_str(line).expect("JSON");
        assert!(setting["name"].is_string() && setting["origin"].is_string(), "{setting}");
    }
}

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
    let guide = include_str!("../../docs/routing.md");
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
        ("America/Sao_Paulo", "America/Sao Paulo", "settings/schedule: this is no time zone"),
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
fn the_demo_comes_out_as_its_fixtures_say_and_replaying_changes_nothing() {
    let desk = Desk::new();
    let shown = desk.expect(&["demo", "--exit", "--listen", "127.0.0.1:0"]);
    let longest = shown.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(80), "{shown}");
    assert!(!shown.contains('✗') && shown.contains("twilio"), "{shown}");
    let desk = desk.with("FRONTDESK__DATABASE__URL", "sqlite:frontdesk-demo/frontdesk.db");
    let fixtures = fixtures().display().to_string();
    for arguments in [&["replay", &fixtures, "--json"][..], &["replay", "--requests", "--json"]] {
        let lines = desk.expect(arguments);
        assert!(lines.lines().count() > 100, "{lines}");
        for line in lines.lines() {
            let fate: Value = serde_json::from_str(line).expect("JSON");
            // A file of a request without id and time is something new each time it is sent.
            let is_new = fate["channel"] == "kakaotalk-demo" && arguments[1] != "--requests";
            assert!(is_new || fate["events"] == fate["duplicates"], "{fate}");
            assert_ne!(fate["outcome"], "failed", "{fate}");
        }
    }
    let story = desk.expect(&["explain", "IMS0000001"]);
    for step in ["received", "understood", "sender", "interaction", "queue"] {
        assert!(story.contains(step), "{story}");
    }
    let lines = desk.expect(&["explain", "IMS0000001", "--json"]);
    let line = lines.lines().nth(1).expect("a line after the interaction's own");
    let story: Value = serde_json::from_str(line).expect("JSON");
    let id = story["title"].as_str().and_then(|title| title.strip_prefix("message "));
    assert!(desk.expect(&["explain", id.expect("an id")]).contains("IMS0000001"));
}

#[test]
fn replay_records_once_and_says_how_to_make_a_missing_channel() {
    let desk = Desk::new();
    desk.expect(&["apply", "channels.toml"]);
    let folder = fixtures().join("twilio").display().to_string();
    let missing = desk.run(&["replay", &folder]);
    assert_eq!(missing.code, 3);
    assert!(missing.stderr.contains("id = \"twilio-main\""), "{}", missing.stderr);
    assert!(missing.stderr.contains("env = \"TWILIO_MAIN_AUTH_TOKEN\""), "{}", missing.stderr);

    let channel = FILE.replace("support-sms", "twilio-main");
    fs::write(desk.path("channels.toml"), channel).expect("a file");
    desk.expect(&["apply", "channels.toml"]);
    let dry = desk.run(&["replay", &folder, "--dry-run"]);
    assert_eq!(dry.code, 4, "{}", dry.stderr);
    let ran = desk.run(&["replay", &folder, "--rate", "1000/s"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(dry.stderr.replace("would be recorded", "recorded"), ran.stderr);
    assert!(desk.run(&["replay", &folder]).stderr.contains("nothing new"));
    assert_eq!(desk.run(&["replay", &folder, "--dry-run"]).code, 0);
    // What was refused when it came is not made good by signing it anew.
    let refused = desk.expect(&["replay", "--requests", "--outcome", "refused", "--json"]);
    assert!(refused.lines().count() >= 2, "{refused}");
    assert!(refused.lines().all(|line| line.contains(r#""outcome":"refused""#)), "{refused}");
}

#[test]
fn a_stream_of_requests_is_decoded_line_by_line() {
    let mut input = String::new();
    let mut expected = Vec::new();
    for folder in fs::read_dir(fixtures()).expect("fixtures") {
        let folder = folder.expect("a folder").path();
        let Ok(vectors) = fs::read(folder.join("signatures.json")) else { continue };
        let vectors: Vec<Value> = serde_json::from_slice(&vectors).expect("vectors");
        for vector in vectors {
            let provider = folder.file_name().and_then(|name| name.to_str());
            let line = serde_json::json!({
                "provider": provider,
                "account": vector["account"],
                "request": vector["request"],
                "now": vector["now"],
            });
            input.push_str(&format!("{line}\n"));
            expected.push((vector["id"].clone(), vector["expect"] == "valid"));
        }
    }
    let desk = Desk::new();
    fs::write(desk.path("requests.jsonl"), input).expect("a file");
    let output = desk.expect(&["decode", "--jsonl", "requests.jsonl"]);
    assert_eq!(output.lines().count(), expected.len());
    for (line, (id, valid)) in output.lines().zip(expected) {
        let decoded: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(decoded["verified"], valid, "{id}: {decoded}");
    }
}

#[test]
fn a_reader_that_leaves_ends_the_program_quietly() {
    let desk = Desk::new();
    let mut child = desk
        .command(&["decode", "--jsonl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    drop(child.stdout.take());
    let mut input = child.stdin.take().expect("a pipe");
    for _ in 0..10_000 {
        // The program is gone before all of it is written.
        if input.write_all(b"{}\n").is_err() {
            break;
        }
    }
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

//! The command line, as people and scripts meet it: the built program, its exit codes and its words.

mod apply;
mod replay;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use frontdesk::db::Store;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::execute;

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

/// Fixtures that tell a repeat from something new by when they come.
const NEITHER_ID_NOR_TIME: [&str; 4] = [
    "/kakaotalk/",
    "/africas-talking/10-opt-out",
    "/africas-talking/11-subscription-addition",
    "/africas-talking/12-subscription-deletion",
];

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

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_version_is_called_that() {
    let desk = Desk::new();
    desk.expect(&["apply", "channels.toml"]);
    let url = format!("sqlite:{}", desk.path("frontdesk.db").display());
    let store = Store::open(&url, 1).await.expect("a database");
    let later = "insert into _sqlx_migrations (version, description, success, checksum, \
        execution_time) values (9999, 'later', true, x'00', 0)";
    execute(&store, later).await;
    store.close().await;
    for command in [&["migrate", "--dry-run"][..], &["migrate"], &["serve"], &["export"]] {
        let ran = desk.run(command);
        assert_eq!(ran.code, 5, "{}", ran.stderr);
        assert!(ran.stderr.contains("made by a newer version"), "{}", ran.stderr);
    }
}

#[test]
fn a_region_without_numbers_is_no_region() {
    let desk = Desk::new();
    fs::write(desk.path("people.csv"), "external_id,kind,name\n").expect("a file");
    for (region, code) in [("ZZ", 2), ("germany", 2), ("de", 0)] {
        let ran = desk.run(&["people", "import", "people.csv", "--region", region]);
        assert_eq!(ran.code, code, "{region}: {}", ran.stderr);
    }
}

#[test]
fn a_named_key_file_must_be_there_and_hold_a_key() {
    let desk = Desk::new().with("FRONTDESK__SECRETS__KEY_FILE", "mounted.key");
    for command in [
        &["config", "check"][..],
        &["apply", "channels.toml"],
        &["apply", "channels.toml", "--dry-run"],
    ] {
        let ran = desk.run(command);
        assert_eq!(ran.code, 5, "{}", ran.stderr);
        assert!(ran.stderr.contains("there is no key file mounted.key"), "{}", ran.stderr);
        assert!(!desk.path("mounted.key").exists());
    }

    let desk = Desk::new();
    assert_eq!(desk.run(&["apply", "channels.toml", "--dry-run"]).code, 4);
    desk.expect(&["config", "check"]);
    assert!(!desk.path("frontdesk.key").exists());
    desk.expect(&["apply", "channels.toml"]);
    let key = fs::read_to_string(desk.path("frontdesk.key")).expect("a key was made");
    fs::write(desk.path("frontdesk.key"), &key[..20]).expect("half a key");
    for command in [&["config", "check"][..], &["apply", "channels.toml"]] {
        let ran = desk.run(command);
        assert_eq!(ran.code, 5, "{}", ran.stderr);
        assert!(ran.stderr.contains("frontdesk.key holds no secrets key"), "{}", ran.stderr);
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
fn the_demo_comes_out_as_its_fixtures_say_and_replaying_changes_nothing() {
    let desk = Desk::new();
    // As an earlier version's demo left its folder: without a mark.
    fs::create_dir(desk.path("frontdesk-demo")).expect("a folder");
    for name in ["frontdesk.lock", "frontdesk.db", "frontdesk.key"] {
        fs::write(desk.path("frontdesk-demo").join(name), "").expect("a file");
    }
    let shown = desk.expect(&["demo", "--exit", "--listen", "127.0.0.1:0"]);
    let longest = shown.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(80), "{shown}");
    assert!(!shown.contains('✗') && shown.contains("twilio"), "{shown}");
    let desk = desk.with("FRONTDESK__DATABASE__URL", "sqlite:frontdesk-demo/frontdesk.db");
    let fixtures = fixtures().display().to_string();
    // The same program reads what it recorded as it read it then.
    desk.expect(&["replay", "--requests", "--dry-run", "--rate", "1e12"]);
    let stored = ["replay", "--requests", "--rate", "1e12", "--json"];
    for arguments in [&["replay", &fixtures, "--json"][..], &stored] {
        let lines = desk.expect(arguments);
        assert!(lines.lines().count() > 100, "{lines}");
        for line in lines.lines() {
            let fate: Value = serde_json::from_str(line).expect("JSON");
            // A file of a request without id and time is something new after a while.
            let source = fate["source"].as_str().expect("a name");
            let is_new = NEITHER_ID_NOR_TIME.iter().any(|file| source.contains(file));
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
fn the_demo_leaves_a_gateways_folder_alone() {
    let desk = Desk::new();
    desk.expect(&["apply", "channels.toml"]);
    let kept = || ["frontdesk.db", "frontdesk.key"].map(|name| fs::read(desk.path(name)).ok());
    let before = kept();
    for _ in 0..2 {
        let ran = desk.run(&["demo", "--exit", "--listen", "127.0.0.1:0", "--dir", "."]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains("another folder with --dir"), "{}", ran.stderr);
        assert_eq!(kept(), before);
    }
    desk.expect(&["export"]);
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

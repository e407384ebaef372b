//! What a replay says and how it ends where something is not right.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    process::{Command, Stdio},
    thread,
};

use frontdesk::db::Store;

use super::{Desk, FILE};
use crate::support::{Database, PUBLIC_URL, TestGateway, execute, twilio_account};

const CHANNEL: &str = "support-sms";

/// A desk with its channels, and with files of messages for one of them.
fn desk_with(ids: &[&str]) -> Desk {
    let desk = Desk::new();
    desk.expect(&["apply", "channels.toml"]);
    fs::create_dir(desk.path("requests")).expect("a folder");
    for id in ids {
        fs::write(desk.path(&format!("requests/{id}.http")), sms(CHANNEL, id)).expect("a file");
    }
    desk
}

/// A file with an unsigned text message.
fn sms(channel: &str, id: &str) -> String {
    format!(
        "POST /webhooks/{channel} HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\n\n\
         To=%2B15005550006&From=%2B15550100002&MessageSid={id}&Body=Hi\
         &AccountSid=AC00000000000000000000000000000001\n"
    )
}

#[test]
fn a_rate_beyond_measure_is_no_limit() {
    let desk = desk_with(&["SM1"]);
    for rate in ["10000000000/s", "1e12", "1e300/s"] {
        let ran = desk.run(&["replay", "requests", "--rate", rate]);
        assert_eq!(ran.code, 0, "{rate}: {}", ran.stderr);
    }
    for rate in ["0", "-1/s", "inf", "1e-300", "fast"] {
        let rate = format!("--rate={rate}");
        assert_eq!(desk.run(&["replay", "requests", &rate]).code, 2, "{rate}");
    }
}

#[tokio::test]
async fn a_filter_that_cannot_be_meant_is_refused() {
    let desk = desk_with(&["SM1"]);
    desk.expect(&["replay", "requests"]);
    let unknown = desk.run(&["replay", "--requests", "--channel", "nope"]);
    assert_eq!(unknown.code, 3, "{}", unknown.stderr);
    assert!(unknown.stderr.contains("there is no channel `nope`"), "{}", unknown.stderr);
    // One that nothing came for yet is no mistake.
    desk.expect(&["replay", "--requests", "--channel", "press"]);

    let [early, late] = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"];
    desk.expect(&["replay", "--requests", "--since", early, "--until", late]);
    let turned = desk.run(&["replay", "--requests", "--since", late, "--until", early]);
    assert_eq!(turned.code, 2, "{}", turned.stderr);
    assert!(turned.stderr.contains("must be earlier than --until"), "{}", turned.stderr);

    // What a channel that is gone left behind can be asked for, and says what is missing.
    let url = format!("sqlite:{}", desk.path("frontdesk.db").display());
    let store = Store::open(&url, 1).await.expect("a database");
    execute(&store, "delete from channels where id = 'support-sms'").await;
    store.close().await;
    let gone = desk.run(&["replay", "--requests", "--channel", CHANNEL]);
    assert_eq!(gone.code, 3, "{}", gone.stderr);
    assert!(gone.stdout.contains("support-sms         1"), "{}", gone.stdout);
    assert!(gone.stderr.contains("no such channel: support-sms"), "{}", gone.stderr);
}

#[test]
fn a_channel_whose_secrets_do_not_open_is_not_called_missing() {
    let desk = desk_with(&["SM1"]);
    desk.expect(&["replay", "requests"]);
    fs::remove_file(desk.path("frontdesk.key")).expect("the key");
    for from in [&["replay", "requests"][..], &["replay", "--requests"]] {
        let ran = desk.run(from);
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        let why =
            "support-sms: 1 failed: the channel cannot be used: a stored secret does not open";
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
        assert!(!ran.stderr.contains("no such channel"), "{}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_gateway_refuses_of_ours_is_a_failure_with_its_reason() {
    let database = Database::sqlite();
    let gateway = TestGateway::start(&database).await;
    let account = twilio_account();
    let token = account["auth_token"].as_str().expect("a token");

    let desk = Desk::new().with("CANARY", token);
    let channels = FILE.replace(CHANNEL, "twilio-main");
    fs::write(desk.path("channels.toml"), channels).expect("a file");
    fs::write(desk.path("one.http"), sms("twilio-main", "SM1")).expect("a file");
    desk.expect(&["apply", "channels.toml"]);
    let to = format!("http://{}", gateway.address);
    let arguments = ["replay", "one.http", "--to", &to];
    // The gateway is known by another address than the one it is reached at.
    let ran = desk.run(&arguments);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let why = "twilio-main: 1 refused: the signature does not match";
    assert!(ran.stderr.contains(why), "{}", ran.stderr);
    assert!(ran.stderr.contains("FRONTDESK__HTTP__PUBLIC_URL"), "{}", ran.stderr);
    desk.with("FRONTDESK__HTTP__PUBLIC_URL", PUBLIC_URL).expect(&arguments);
    assert_eq!(gateway.count("messages").await, 1);
    gateway.stop().await;
}

#[test]
fn forged_files_are_no_failure_unless_there_is_nothing_else() {
    let desk = desk_with(&["SM1"]);
    let forged = sms(CHANNEL, "SM2").replace("\n\n", "\nX-Twilio-Signature: AAAA\n\n");
    fs::write(desk.path("forged.http"), forged).expect("a file");
    let ran = desk.run(&["replay", "forged.http", "requests"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("support-sms: 1 refused: the signature"), "{}", ran.stderr);
    assert_eq!(desk.run(&["replay", "forged.http"]).code, 1);
    // What was refused when it came says nothing about us when it is again.
    desk.expect(&["replay", "--requests", "--outcome", "refused"]);
}

#[test]
fn a_broken_file_is_found_before_any_is_taken_in() {
    let desk = desk_with(&["01", "03"]);
    fs::write(desk.path("requests/02.http"), "bad").expect("a file");
    let ran = desk.run(&["replay", "requests"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("no file was taken in: requests/02.http"), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
    assert_eq!(desk.expect(&["replay", "--requests", "--json"]), "", "nothing was recorded");
}

#[test]
fn whoever_interrupts_hears_what_was_done() {
    let desk = desk_with(&["SM1", "SM2"]);
    let mut child = desk
        .command(&["replay", "requests", "--rate", "0.01/s", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    assert!(line.contains(r#""outcome":"accepted""#), "{line}");
    let told = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status();
    assert!(told.expect("a shell").success());
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("1 requests: 1 events recorded"), "{said}");
    assert!(said.contains("interrupted"), "{said}");
}

#[test]
fn a_gateway_that_goes_away_leaves_the_report_of_what_came_before() {
    let desk = desk_with(&["SM1", "SM2"]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let to = format!("http://{}", listener.local_addr().expect("an address"));
    let gateway = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a request");
        let mut received = [0; 4096];
        let _ = stream.read(&mut received).expect("bytes");
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        stream.write_all(answer).expect("an answer");
    });
    let ran = desk.run(&["replay", "requests", "--to", &to]);
    gateway.join().expect("it answered");
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    let row: Vec<_> = ran.stdout.lines().nth(1).unwrap_or_default().split_whitespace().collect();
    assert_eq!(row, [CHANNEL, "1", "1", "0", "0"], "{}", ran.stdout);
}

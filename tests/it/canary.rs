//! Secrets, numbers and texts sing nowhere: not in a log, not in an error, not in an answer.

use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use frontdesk::channels::{Channel, Settings};
use frontdesk_adapters::{Method, Request, fixture};
use serde_json::{Value, json};

use crate::support::{
    Database, PUBLIC_URL, Program, Reply, TestGateway, client, on_both, poison, requests, send,
};

const SECRETS: [&str; 6] = [
    "canary-auth-token-d41d8cd98f00b204",
    "canary-app-secret-d41d8cd98f00b204",
    "canary-verify-token-d41d8cd98f00b204",
    "canary-secret-token-d41d8cd98f00b204",
    "canary-bot-token-d41d8cd98f00b204",
    // The base64 of it is what is configured.
    "canary-webhook-secret-d41d8cd98f00b204",
];
const PHONE: &str = "2125550187";
const TEXT: &str = "canary text: the ring is under the stone";

on_both! {
    async fn canaries_sing_in_no_log_error_or_answer(database: Database) {
        let channels = channels();
        let gateway = TestGateway::start(&database).await;
        for (id, provider, account) in &channels {
            gateway.add_channel(id, provider, &format!("ours-{id}"), account.clone()).await;
        }
        gateway.execute(poison(&database)).await;
        gateway.stop().await;

        let program = Program::new(&database.url);
        let running = program.start().await;
        let client = client();
        let mut replies: Vec<(String, Reply)> = Vec::new();
        for (id, provider, account) in &channels {
            for (name, request) in driven(id, provider, account) {
                let reply = send(&client, program.address, request).await;
                replies.push((format!("{provider}: {name}"), reply));
            }
        }
        for target in [
            format!("/webhooks/canary-whatsapp?hub.mode=subscribe&hub.verify_token={}&hub.challenge=1", SECRETS[2]),
            format!("/webhooks/canary-whatsapp?hub.mode=subscribe&hub.verify_token={}x&hub.challenge=1", SECRETS[2]),
            format!("/webhooks/+1{PHONE}"),
            format!("/v1/profiles?address=%2B1{PHONE}"),
            format!("/v1/interactions/{}", SECRETS[0]),
            format!("/no-such-page?q=%2B1{PHONE}"),
        ] {
            let request =
                Request::new(Method::Get, format!("{PUBLIC_URL}{target}"), Vec::new(), Vec::new());
            replies.push((target, send(&client, program.address, request).await));
        }
        let said = running.stop();

        let statuses: Vec<_> =
            replies.iter().map(|(name, reply)| format!("{} {name}", reply.status)).collect();
        let met = |status: &str| statuses.iter().any(|line| line.starts_with(status));
        assert!(["200", "202", "401", "403", "404", "503"].into_iter().all(met), "{statuses:#?}");
        for (name, reply) in &replies {
            assert_silent(&format!("the answer to {name}"), &format!("{reply:?}"));
        }
        assert!(said.iter().any(|line| line.contains("ready")), "nothing was logged: {said:?}");
        for line in &said {
            assert_silent("a line of the log", line);
        }
        if let Some(folder) = database.folder() {
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                let bytes = fs::read(entry.path()).expect("a file");
                let text = String::from_utf8_lossy(&bytes);
                for secret in secrets() {
                    assert!(!text.contains(&secret), "a secret rests in {:?}", entry.path());
                }
            }
        }
    }
}

/// One channel per provider: its id, provider and account.
fn channels() -> Vec<(String, &'static str, Value)> {
    let [auth_token, app_secret, verify_token, secret_token, bot_token, webhook_secret] = SECRETS;
    let webhook_secret = format!("whsec_{}", BASE64.encode(webhook_secret));
    let accounts = [
        (
            "twilio",
            json!({"account_sid": "AC00000000000000000000000000000009", "auth_token": auth_token}),
        ),
        (
            "whatsapp",
            json!({
                "phone_number_id": "900", "app_secret": app_secret, "verify_token": verify_token,
            }),
        ),
        ("telegram", json!({"bot_id": "9", "secret_token": secret_token, "bot_token": bot_token})),
        ("chat", json!({"site": "canary.example", "secret": webhook_secret})),
    ];
    accounts.map(|(provider, account)| (format!("canary-{provider}"), provider, account)).into()
}

/// Every path a request can take: valid, repeated, poisonous, malformed, forged, unsigned, unknown.
fn driven(id: &str, provider: &'static str, account: &Value) -> Vec<(&'static str, Request)> {
    let channel = Channel::new(id, provider, "ours", account, Settings::default(), 0);
    let channel = channel.expect("a channel");
    let now = frontdesk::clock::Clock::system().now();
    let sign = |request| {
        fixture::signed(request, channel.adapter, &channel.account, now).expect("a signed request")
    };
    let malformed =
        || requests::post(id, "application/json", format!("{{{TEXT} +1{PHONE}").into_bytes());
    let forged = {
        let mut request = sign(message(id, provider, "forged", TEXT));
        let header = channel.adapter.verifier.signature_header();
        for (_, value) in request.headers.iter_mut().filter(|(name, _)| name == header) {
            value.replace_range(value.len() - 2.., "xx");
        }
        request
    };
    vec![
        ("valid", sign(message(id, provider, "1", TEXT))),
        ("repeated", sign(message(id, provider, "1", TEXT))),
        ("contradicting", sign(message(id, provider, "1", &format!("{TEXT}!")))),
        ("poisonous", sign(message(id, provider, "2", "poison"))),
        ("malformed", sign(malformed())),
        ("malformed and unsigned", malformed()),
        ("forged", forged),
        ("unsigned", message(id, provider, "3", TEXT)),
        ("for nobody", message("nobody", provider, "4", TEXT)),
    ]
}

fn message(channel: &str, provider: &str, id: &str, text: &str) -> Request {
    let phone = format!("+1{PHONE}");
    match provider {
        "twilio" => requests::sms_to(channel, "+15005550006", &phone, id, text),
        "whatsapp" => requests::whatsapp(channel, &[("900", &phone[1..], id, text)]),
        "telegram" => {
            let number: u64 = id.bytes().map(u64::from).sum();
            requests::json(
                channel,
                &json!({"update_id": number, "message": {
                    "message_id": number, "date": 1_767_225_602, "text": text,
                    "from": {"id": 2_125_550_187_u64, "is_bot": false, "first_name": TEXT},
                    "chat": {"id": 2_125_550_187_u64, "type": "private"},
                }}),
            )
        }
        _ => requests::json(
            channel,
            &json!({"type": "message.created", "data": {
                "id": id, "text": text,
                "sender": {"id": PHONE, "kind": "contact", "phone": phone, "verified": true, "name": TEXT},
            }}),
        ),
    }
}

fn secrets() -> Vec<String> {
    SECRETS.iter().flat_map(|secret| [(*secret).to_owned(), BASE64.encode(secret)]).collect()
}

fn assert_silent(place: &str, text: &str) {
    for canary in secrets().iter().map(String::as_str).chain([PHONE, TEXT]) {
        assert!(!text.contains(canary), "{canary:?} stands in {place}: {text}");
    }
}

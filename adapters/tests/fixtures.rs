//! Every fixture is understood as its provider's documents say.
//!
//! `fixtures/<provider>/` holds `account.json` (a fictional channel, or a list of them, told apart by
//! the addresses of requests), `signatures.json` (vectors
//! somebody else computed) and, per case, `NN-name.http` with `NN-name.expected.json`. Adding a
//! case is adding two files. A provider without fixtures, and a request without an expectation,
//! fail here.

use std::{
    fs,
    path::{Path, PathBuf},
};

use frontdesk_adapters::{
    Account, Adapter, Arrival, Method, Request, Sample, Timestamp, decode, decode_line, fixture,
    providers,
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Channel {
    id: String,
    address: String,
    #[serde(rename = "public_url")]
    _public_url: String,
    now: Timestamp,
    account: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    id: String,
    source: String,
    expect: String,
    account: Value,
    request: Value,
    now: Option<Value>,
}

fn folder(adapter: &Adapter) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(adapter.provider)
}

fn channel(value: &Value) -> Channel {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{value}: {error}"))
}

fn every_channel() -> impl Iterator<Item = (&'static Adapter, Channel)> {
    let of = |adapter: &&'static Adapter| {
        let adapter = *adapter;
        let file: Value = read_json(&folder(adapter).join("account.json"));
        let channels: Vec<_> = fixture::channels(&file).iter().map(channel).collect();
        channels.into_iter().map(move |channel| (adapter, channel))
    };
    providers::ALL.iter().flat_map(of)
}

fn account(adapter: &Adapter, channel: &Channel) -> Account {
    Account::for_channel(adapter, &channel.account)
        .unwrap_or_else(|error| panic!("{}: {error}", channel.id))
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_fixture_is_understood_as_recorded() {
    for adapter in providers::ALL {
        let folder = folder(adapter);
        let file: Value = read_json(&folder.join("account.json"));
        let mut cases = 0;
        for entry in fs::read_dir(&folder).expect("the fixture folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_none_or(|extension| extension != "http") {
                continue;
            }
            let bytes = fs::read(&path).expect("a readable file");
            let request = fixture::read(&bytes, "https://desk.example")
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let channel = channel(fixture::channel(&file, &request.url));
            let account = account(adapter, &channel);
            let request =
                fixture::signed(request, adapter, &account, channel.now).expect("a signed request");
            let decoded = decode(adapter, &account, request, channel.now);
            let decoded = serde_json::to_value(&decoded).expect("decoded JSON");
            let expected: Value = read_json(&path.with_extension("expected.json"));
            assert_eq!(
                decoded,
                expected,
                "{}: left is what we decode:\n{}",
                path.display(),
                serde_json::to_string_pretty(&decoded).expect("JSON")
            );
            cases += 1;
        }
        assert!(cases > 0, "{} has no fixtures", adapter.provider);
    }
}

#[test]
fn signatures_computed_by_others_are_judged_alike() {
    for adapter in providers::ALL {
        let vectors: Vec<Vector> = read_json(&folder(adapter).join("signatures.json"));
        assert!(!vectors.is_empty(), "{} has no signature vectors", adapter.provider);
        for vector in vectors {
            let line = json!({
                "provider": adapter.provider,
                "account": vector.account,
                "request": vector.request,
                "now": vector.now,
            });
            let now = Arrival::Unknown(Timestamp::from_millis(0).expect("the epoch"));
            let decoded =
                serde_json::to_value(decode_line(&line.to_string(), now)).expect("decoded JSON");
            let valid = match vector.expect.as_str() {
                "valid" => true,
                "invalid" => false,
                other => panic!("{}: expect must be valid or invalid, not {other}", vector.id),
            };
            assert_eq!(decoded["verified"], valid, "{} ({}): {decoded}", vector.id, vector.source);
        }
    }
}

#[test]
fn every_adapter_verifies_what_it_signs_and_nothing_else() {
    for (adapter, channel) in every_channel() {
        let account = account(adapter, &channel);
        let plain = || {
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            Request::new(Method::Post, "https://desk.example/hook", headers, b"{}".to_vec())
        };
        let verify = |request: Request, account: &Account| {
            request.verify(adapter.verifier, account, channel.now).is_ok()
        };
        let mut signed = plain();
        adapter.verifier.sign(&mut signed, &account, channel.now).expect("a signed request");
        let resend = |times: usize| {
            let mut request = plain();
            request.url = signed.url.clone();
            request.body = signed.body.clone();
            request.headers = vec![signed.headers.clone(); times].concat();
            request
        };
        assert!(verify(resend(1), &account), "{} refuses what it signed", adapter.provider);
        assert!(!verify(plain(), &account), "{} accepts an unsigned request", adapter.provider);
        // A proof may also be in the address or the body.
        if signed.headers.len() > plain().headers.len() {
            assert!(!verify(resend(2), &account), "{} accepts repeated headers", adapter.provider);
        }
        let nobody = Account::default();
        assert!(!verify(resend(1), &nobody), "{} accepts without a secret", adapter.provider);
    }
}

#[test]
fn every_adapter_understands_the_sample_it_makes() {
    for (adapter, channel) in every_channel() {
        let account = account(adapter, &channel);
        let request = (adapter.sample)(&Sample {
            url: "https://desk.example/webhooks/x",
            address: &channel.address,
            account: &account,
            from: None,
            text: "Is anybody there? Olá & more",
            id: "0123456789abcdef0123456789abcdef",
            now: channel.now,
        });
        let request =
            fixture::signed(request, adapter, &account, channel.now).expect("a signed request");
        let decoded = decode(adapter, &account, request, channel.now);
        let decoded = serde_json::to_value(decoded).expect("decoded JSON");
        let [event] = decoded["events"].as_array().expect("events").as_slice() else {
            panic!("{} reads its sample as {decoded}", adapter.provider);
        };
        assert_eq!(event["kind"], "message", "{}", adapter.provider);
        assert_eq!(event["text"], "Is anybody there? Olá & more", "{}", adapter.provider);
        // KakaoTalk gives messages no id.
        assert!(event["id"].is_string() || adapter.provider == "kakaotalk", "{event}");
        assert!(event["sender"].is_object(), "{event}");
    }
}

#[test]
fn while_a_secret_is_rotated_both_prove_and_afterwards_only_the_new_one() {
    let mut judged = Vec::new();
    for adapter in providers::ALL {
        let field = adapter.verifier.secret_field();
        let vectors: Vec<Vector> = read_json(&folder(adapter).join("signatures.json"));
        for vector in vectors.into_iter().filter(|vector| vector.expect == "valid") {
            // A list is being rotated already, and another public key is not made by a letter.
            let Some(old) = vector.account[field].as_str().filter(|old| !old.contains("KEY-----"))
            else {
                continue;
            };
            let mut new: Vec<char> = old.chars().collect();
            let middle = new.len() / 2;
            new[middle] = if new[middle] == '0' { '1' } else { '0' };
            let new: String = new.into_iter().collect();
            let verified = |secrets: &[&str]| {
                let mut account = vector.account.clone();
                account[field] = json!(secrets);
                let line = json!({
                    "provider": adapter.provider,
                    "account": account,
                    "request": vector.request,
                    "now": vector.now,
                });
                let now = Arrival::Unknown(Timestamp::from_millis(0).expect("the epoch"));
                let decoded = serde_json::to_value(decode_line(&line.to_string(), now));
                decoded.expect("JSON")["verified"] == true
            };
            assert!(verified(&[&new, old]), "{}: the old one proves", vector.id);
            assert!(verified(&[old, &new]), "{}: the new one proves", vector.id);
            assert!(!verified(&[&new]), "{}: one that is gone proves nothing", vector.id);
            judged.push(adapter.provider);
        }
    }
    judged.dedup();
    assert!(judged.len() > providers::ALL.len() / 2, "{judged:?}");
}

#[test]
fn a_request_without_a_time_is_judged_at_the_time_it_was_signed() {
    for provider in ["telnyx", "aws-sns"] {
        let adapter = providers::find(provider).expect("an adapter");
        let vectors: Vec<Vector> = read_json(&folder(adapter).join("signatures.json"));
        let mut judged = 0;
        for mut vector in vectors.into_iter().filter(|vector| vector.expect == "valid") {
            // Amazon's signatures age for accounts that say so only.
            if provider == "aws-sns" {
                vector.account["max_age_seconds"] = "3600".into();
            }
            let Vector { id, account, request, .. } = vector;
            let line = json!({"provider": provider, "account": account, "request": request});
            let at = |arrival| serde_json::to_value(decode_line(&line.to_string(), arrival));
            let now = Timestamp::from_millis(0).expect("the epoch");
            assert_eq!(at(Arrival::Unknown(now)).expect("JSON")["verified"], true, "{id}");
            assert_eq!(at(Arrival::At(now)).expect("JSON")["refused"], "stale", "{id}");
            judged += 1;
        }
        assert!(judged > 0);
    }
}

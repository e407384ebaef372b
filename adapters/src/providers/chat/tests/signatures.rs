//! What verifies, and what must not.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::json;

use super::{ADAPTER, SECRET, account, now, request};
use crate::{Account, AccountError, Method, Refusal, Request};

fn verdict(request: Request, account: &Account) -> Result<(), Refusal> {
    let verified = request.verify(ADAPTER.verifier, account, now());
    verified.map(drop).map_err(|refused| refused.refusal)
}

const OTHER_SECRET: &str = "whsec_ZnJvbnRkZXNrLWZpY3Rpb25hbC1rZXktMDAwMg==";

#[test]
fn the_reference_library_and_we_sign_alike() {
    let account = account(json!({"secret": SECRET}));
    let reference = standardwebhooks::Webhook::new(SECRET).expect("a key");
    let large = "x".repeat(300_000);
    for body in ["", "{}", "{\"type\":\"ü €\"}", "\r\n\t ", large.as_str()] {
        let seconds = now().as_seconds();
        let theirs = reference.sign("msg_1", seconds, body.as_bytes()).expect("text");
        let signed = request("msg_1", &seconds.to_string(), &theirs, body.as_bytes());
        assert_eq!(verdict(signed, &account), Ok(()));

        let mut ours = request("msg_1", "0", "", body.as_bytes());
        ADAPTER.verifier.sign(&mut ours, &account, now()).expect("a signature");
        assert_eq!(ours.header("webhook-signature"), Some(theirs.as_str()));
    }
}

fn key_pair(seed: u8) -> (SigningKey, String) {
    let key = SigningKey::from_bytes(&[seed; 32]);
    let public = format!("whpk_{}", BASE64.encode(key.verifying_key().to_bytes()));
    (key, public)
}

fn v1a(key: &SigningKey, body: &str) -> String {
    let content = format!("msg_1.{}.{body}", now().as_seconds());
    format!("v1a,{}", BASE64.encode(key.sign(content.as_bytes()).to_bytes()))
}

fn judged(signatures: &str, body: &str, account: &Account) -> Result<(), Refusal> {
    let seconds = now().as_seconds().to_string();
    verdict(request("msg_1", &seconds, signatures, body.as_bytes()), account)
}

#[test]
fn any_of_several_public_keys_verifies() {
    let (old, old_public) = key_pair(1);
    let (new, new_public) = key_pair(2);
    let (stranger, _) = key_pair(3);
    let both = account(json!({"public_key": [new_public, old_public]}));
    assert_eq!(judged(&v1a(&old, "{}"), "{}", &both), Ok(()));
    assert_eq!(judged(&v1a(&new, "{}"), "{}", &both), Ok(()));
    assert!(judged(&v1a(&stranger, "{}"), "{}", &both).is_err());
    assert!(judged(&v1a(&new, "{}"), "{} ", &both).is_err());
    let list = format!("{} {}", v1a(&stranger, "{}"), v1a(&old, "{}"));
    assert_eq!(judged(&list, "{}", &both), Ok(()));
}

#[test]
fn the_sender_does_not_choose_the_scheme() {
    let (key, public) = key_pair(1);
    let seconds = now().as_seconds();
    // Whoever knows the public key could use it as a symmetric one.
    let forged = standardwebhooks::Webhook::from_bytes(key.verifying_key().to_bytes().to_vec());
    let forged = forged.expect("a key").sign("msg_1", seconds, b"{}").expect("text");
    assert!(judged(&forged, "{}", &account(json!({"public_key": public}))).is_err());
    let symmetric = account(json!({"secret": SECRET}));
    assert!(judged(&v1a(&key, "{}"), "{}", &symmetric).is_err());
    let either = account(json!({"secret": SECRET, "public_key": public}));
    assert_eq!(judged(&v1a(&key, "{}"), "{}", &either), Ok(()));
}

#[test]
fn a_public_key_anybody_can_sign_for_verifies_nothing() {
    let mut identity = [0; 64];
    identity[0] = 1;
    let weak = format!("whpk_{}", BASE64.encode(&identity[..32]));
    let forged = format!("v1a,{}", BASE64.encode(identity));
    assert!(judged(&forged, "{}", &account(json!({"public_key": weak}))).is_err());
}

#[test]
fn a_right_signature_under_a_wrong_label_or_separator_fails() {
    let (key, public) = key_pair(1);
    let account = account(json!({"secret": [OTHER_SECRET, SECRET], "public_key": public}));
    let reference = standardwebhooks::Webhook::new(SECRET).expect("a key");
    let right = reference.sign("msg_1", now().as_seconds(), b"{}").expect("text");
    let digest = right.trim_start_matches("v1,");
    let asymmetric = v1a(&key, "{}");
    let asymmetric = asymmetric.trim_start_matches("v1a,");
    for (signatures, valid) in [
        (right.clone(), true),
        (format!("v1,AAAA  {right}   v9,x"), true),
        (format!("v2,{digest}"), false),
        (format!("v1a,{digest}"), false),
        (format!("v1,{asymmetric}"), false),
        (format!("V1,{digest}"), false),
        (format!("v1={digest}"), false),
        (digest.to_owned(), false),
        (format!("v1,AAAA\t{right}"), false),
        (format!("v1,AAAA,{right}"), false),
        (format!("v1,{}", digest.trim_end_matches('=')), false),
        ("v1,".to_owned(), false),
    ] {
        assert_eq!(judged(&signatures, "{}", &account).is_ok(), valid, "{signatures:?}");
    }
}

#[test]
fn the_signed_time_may_be_five_minutes_off_and_no_more() {
    let account = account(json!({"secret": SECRET}));
    let reference = standardwebhooks::Webhook::new(SECRET).expect("a key");
    for (offset, expected) in [(0, true), (300, true), (-300, true), (301, false), (-301, false)] {
        let seconds = now().as_seconds() + offset;
        let stale = Refusal::Stale { tolerance_seconds: 300, signed_at: seconds };
        let expected = if expected { Ok(()) } else { Err(stale) };
        let signature = reference.sign("msg_1", seconds, b"{}").expect("text");
        let request = request("msg_1", &seconds.to_string(), &signature, b"{}");
        assert_eq!(verdict(request, &account), expected, "{offset}");
    }
    for timestamp in ["1767225610.0", "0x6955b88a", "9223372036854775808", "now", "1 767"] {
        let request = request("msg_1", timestamp, "v1,AAAA", b"{}");
        assert!(matches!(verdict(request, &account), Err(Refusal::BadSignature(_))), "{timestamp}");
    }
}

#[test]
fn an_id_with_a_full_stop_could_be_cut_elsewhere_and_is_refused() {
    let account = account(json!({"secret": SECRET}));
    let reference = standardwebhooks::Webhook::new(SECRET).expect("a key");
    let seconds = now().as_seconds();
    let signature = reference.sign("msg.1", seconds, b"{}").expect("text");
    let request = request("msg.1", &seconds.to_string(), &signature, b"{}");
    assert!(matches!(verdict(request, &account), Err(Refusal::BadSignature(_))));
}

#[test]
fn every_header_is_needed_and_none_may_be_repeated() {
    let account = account(json!({"secret": SECRET}));
    let mut signed = request("msg_1", "0", "", b"{}");
    ADAPTER.verifier.sign(&mut signed, &account, now()).expect("a signature");
    let with = |headers: Vec<(String, String)>| {
        let request = Request::new(Method::Post, signed.url.clone(), headers, b"{}".to_vec());
        verdict(request, &account)
    };
    assert_eq!(with(signed.headers.clone()), Ok(()));
    for index in 0..signed.headers.len() {
        let mut less = signed.headers.clone();
        less.remove(index);
        assert!(matches!(with(less), Err(Refusal::MissingSignature(_))));
        let mut empty = signed.headers.clone();
        empty[index].1 = " ".to_owned();
        assert!(matches!(with(empty), Err(Refusal::MissingSignature(_))));
        let mut twice = signed.headers.clone();
        twice.push(twice[index].clone());
        assert!(matches!(with(twice), Err(Refusal::BadSignature(_))));
    }
}

#[test]
fn an_account_needs_a_usable_key() {
    let read = |values| Account::for_channel(&ADAPTER, &values);
    let (_, public) = key_pair(1);
    assert!(read(json!({"public_key": public})).is_ok());
    assert!(matches!(read(json!({"site": "shop"})), Err(AccountError::Missing { .. })));
    assert!(matches!(read(json!({"secret": ""})), Err(AccountError::Missing { .. })));
    for values in [
        json!({"secret": "whsec_"}),
        json!({"secret": "whsec_not base64"}),
        json!({"secret": [SECRET, "whsk_AAAA"]}),
        json!({"public_key": "whpk_AAAA"}),
        json!({"public_key": [public, SECRET]}),
    ] {
        assert!(matches!(read(values), Err(AccountError::Unusable(..))));
    }
}

#[test]
fn a_key_that_could_be_guessed_is_refused_and_one_that_was_stored_still_verifies() {
    let secret = |bytes: usize| format!("whsec_{}", BASE64.encode(vec![7; bytes]));
    for (bytes, usable) in [(1, false), (23, false), (24, true), (64, true), (65, false)] {
        let alone = Account::for_channel(&ADAPTER, &json!({"secret": secret(bytes)}));
        assert_eq!(alone.is_ok(), usable, "{bytes}");
        let rotated = json!({"secret": [SECRET, secret(bytes)]});
        assert_eq!(Account::for_channel(&ADAPTER, &rotated).is_ok(), usable, "{bytes}");
    }
    let short = json!({"secret": "whsec_YQ=="});
    let refused = Account::for_channel(&ADAPTER, &short).expect_err("one byte");
    assert_eq!(
        refused.to_string(),
        "field `secret` is not usable: expected whsec_ and base64 of 24 to 64 random bytes"
    );
    let stored = Account::read(&ADAPTER, &short).expect("an account");
    let mut signed = request("msg_1", "0", "", b"{}");
    ADAPTER.verifier.sign(&mut signed, &stored, now()).expect("a signature");
    assert_eq!(verdict(signed, &stored), Ok(()));
}

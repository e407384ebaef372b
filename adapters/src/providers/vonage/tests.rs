//! What fixtures cannot show: requests without a proof, and what the account pins.

use serde_json::Value;

use super::*;
use crate::{Accepted, Timestamp};

const SIGNED: &str = "a=alphabet&b=bananas&timestamp=2100";

fn accept(method: Method, url: &str, body: &str, account: Value, now: i64) -> Accepted {
    let account = Account::read(&ADAPTER, &account).expect("an account");
    let form = "application/x-www-form-urlencoded".to_owned();
    let headers = vec![("content-type".to_owned(), form)];
    let request = Request::new(method, url, headers, body.as_bytes().to_vec());
    ADAPTER.accept(request, &account, Timestamp::from_seconds(now).expect("a time"))
}

#[test]
fn an_address_without_parameters_is_answered_without_being_read() {
    let account = serde_json::json!({"secret": "abcde"});
    let answer = accept(Method::Get, "https://desk.example/x", "", account, 2100);
    assert!(matches!(answer, Accepted::Handshake(answer) if answer == Answer::empty(200)));
}

#[test]
fn a_pinned_method_is_the_only_one() {
    let md5hash = "7d43241108912b32cc315b48ce681acf";
    let md5 = "e0afe267aefd6dd18a848c1681517a19";
    for (method, sig, accepted) in [
        (None, md5hash, true),
        (None, md5, true),
        (Some("md5hash"), md5hash, true),
        (Some("md5hash"), md5, false),
        (Some("sha256"), md5hash, false),
        (Some("md4"), md5hash, false),
    ] {
        let account = serde_json::json!({"secret": "abcde", "signature_method": method});
        let body = format!("{SIGNED}&sig={sig}");
        let outcome = accept(Method::Post, "https://desk.example/x", &body, account, 2100);
        let understood = matches!(outcome, Accepted::Understood(..));
        assert_eq!(understood, accepted, "{method:?} {sig}");
    }
}

#[test]
fn a_signature_is_neither_stale_nor_repeated() {
    let refusal = |body: &str, now| {
        let account = serde_json::json!({"secrets": ["new", "abcde"]});
        match accept(Method::Post, "https://desk.example/x", body, account, now) {
            Accepted::Refused(_, refusal) => Some(refusal.code()),
            Accepted::Handshake(_) | Accepted::Understood(..) | Accepted::NotUnderstood(..) => None,
        }
    };
    let signed = format!("{SIGNED}&sig=7d43241108912b32cc315b48ce681acf");
    assert_eq!(refusal(&signed, 2400), None);
    assert_eq!(refusal(&signed, 2401), Some("stale"));
    assert_eq!(refusal(&signed, 1799), Some("stale"));
    let again = "&sig=7d43241108912b32cc315b48ce681acf";
    assert_eq!(refusal(&format!("{signed}{again}"), 2100), Some("bad_signature"));
    assert_eq!(refusal(&format!("{signed}&timestamp=2100"), 2100), Some("bad_signature"));
    assert_eq!(refusal(SIGNED, 2100), Some("missing_signature"));
}

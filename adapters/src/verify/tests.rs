//! Which accounts a channel can be registered with.

use serde_json::{Value, json};

use crate::{Account, providers};

const TOKEN: &str = "abcdefghijklmnopqrstuv";

#[test]
fn an_account_without_a_usable_proof_makes_no_channel() {
    let cases: &[(&str, Value, bool)] = &[
        ("vonage", json!({"secret": "s"}), true),
        ("vonage", json!({"secret": "s", "signature_method": "SHA512"}), true),
        ("vonage", json!({"secret": "s", "signature_method": "md4"}), false),
        ("vonage", json!({}), false),
        ("telnyx", json!({"public_key": "+7E99DXiiQXvceNX4nHm3Lbm5mqPWad5RhDr2ufuCik="}), true),
        ("telnyx", json!({"public_key": "c2hvcnQ="}), false),
        ("telnyx", json!({}), false),
        ("sinch", json!({"secrets": ["a", "b"]}), true),
        ("sinch", json!({"token": TOKEN}), true),
        ("sinch", json!({"token": "short"}), false),
        ("sinch", json!({"username": "u", "password": "p"}), true),
        ("sinch", json!({"secret": "a", "max_age_seconds": "soon"}), false),
        ("sinch", json!({}), false),
        ("messagebird", json!({"secrets": ["plain", "whsec_c2VjcmV0"]}), true),
        ("messagebird", json!({"secret": "whsec_!"}), false),
        ("messagebird", json!({}), false),
        ("bandwidth", json!({"username": "u", "password": ["p", "q"]}), true),
        ("bandwidth", json!({"username": "u"}), false),
        ("bandwidth", json!({"password": "p"}), false),
        ("bandwidth", json!({"token": TOKEN, "status_password": "p"}), false),
        ("bandwidth", json!({}), false),
        ("infobip", json!({"hmac_secret": "s", "hmac_header": "x-signature"}), true),
        ("infobip", json!({"hmac_secret": "s"}), false),
        (
            "infobip",
            json!({"hmac_secret": "s", "hmac_header": "x", "hmac_algorithm": "CRC"}),
            false,
        ),
        ("infobip", json!({"token": TOKEN}), true),
        ("infobip", json!({}), false),
        ("telesign", json!({"secret": "a2V5"}), true),
        ("telesign", json!({"secret": "!"}), false),
        ("turn", json!({}), false),
        ("360dialog", json!({"token": TOKEN}), true),
        ("360dialog", json!({"username": "u"}), false),
        ("360dialog", json!({}), false),
        ("vk", json!({"group_id": "1", "secret": "s"}), true),
        ("vk", json!({"group_id": "1"}), false),
        ("zalo", json!({"secret": "s"}), false),
        ("kakaotalk", json!({"token": "short"}), false),
        ("wechat", json!({"token": "t"}), true),
        ("wechat", json!({"token": "t", "encoding_aes_key": "k".repeat(43), "app_id": "wx"}), true),
        ("wechat", json!({"token": "t", "encoding_aes_key": "k".repeat(43)}), false),
        ("wechat", json!({"token": "t", "encoding_aes_key": "k", "app_id": "wx"}), false),
        ("jiochat", json!({"token": TOKEN, "app_secret": "s"}), true),
        ("jiochat", json!({"token": TOKEN}), false),
    ];
    for (provider, values, usable) in cases {
        let adapter = providers::find(provider).expect("an adapter");
        let account = Account::for_channel(adapter, values);
        assert_eq!(account.is_ok(), *usable, "{provider} {values}: {account:?}");
    }
}

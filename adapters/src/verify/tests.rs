//! Which accounts a channel can be registered with, and what must be fetched to believe a request.

use serde_json::{Value, json};

use crate::{Accepted, Account, Method, Refusal, Request, Timestamp, providers};

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
        ("aws-sns", json!({"topic_arn": "arn:aws:sns:us-east-1:123456789012:sms"}), true),
        ("aws-sns", json!({"topic_arn": "sms"}), false),
        ("aws-sns", json!({}), false),
        ("aws-sns", json!({"topic_arn": "arn:aws:sns:x", "token": "short"}), false),
        ("aws-sns", json!({"topic_arn": "arn:aws:sns:x", "signature_version": "3"}), false),
        (
            "aws-sns",
            json!({"topic_arn": "arn:aws:sns:x", "certificate_url": "https://desk.example/x.pem"}),
            false,
        ),
        ("azure-acs", json!({"secret": "s"}), true),
        ("azure-acs", json!({"tenant_id": "t", "app_id": "a"}), true),
        ("azure-acs", json!({"tenant_id": "t/../u", "app_id": "a"}), false),
        ("azure-acs", json!({"app_id": "a"}), false),
        ("azure-acs", json!({}), false),
        ("botframework", json!({"app_id": "a"}), true),
        ("botframework", json!({"app_id": "a", "cloud": "own"}), false),
        ("botframework", json!({"app_id": "a", "jwks": {"keys": []}}), false),
        ("botframework", json!({"app_id": "a", "private_key": "no key"}), false),
        ("botframework", json!({}), false),
    ];
    for (provider, values, usable) in cases {
        let adapter = providers::find(provider).expect("an adapter");
        let account = Account::for_channel(adapter, values);
        assert_eq!(account.is_ok(), *usable, "{provider} {values}: {account:?}");
    }
}

/// A vector computed by somebody else: the account, the request and the time.
fn vector(provider: &str, id: &str) -> (Value, Request, Timestamp) {
    let vectors = match provider {
        "botframework" => include_str!("../../../fixtures/botframework/signatures.json"),
        _ => include_str!("../../../fixtures/aws-sns/signatures.json"),
    };
    let vectors: Vec<Value> = serde_json::from_str(vectors).expect("JSON");
    let vector = vectors.iter().find(|vector| vector["id"] == id).expect("the vector");
    let request = &vector["request"];
    let headers = request["headers"].as_object().expect("headers").iter();
    let headers =
        headers.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
    let text = |name: &str| request[name].as_str().expect("text").to_owned();
    let request =
        Request::new(Method::Post, text("url"), headers.collect(), text("body").into_bytes());
    let now = Timestamp::from_seconds(vector["now"].as_i64().unwrap_or(1_659_000_000));
    (vector["account"].clone(), request, now.expect("a time"))
}

fn refusal(provider: &str, request: Request, account: &Account, now: Timestamp) -> Option<Refusal> {
    let adapter = providers::find(provider).expect("an adapter");
    match adapter.accept(request, account, now) {
        Accepted::Refused(_, refusal) => Some(refusal),
        Accepted::Handshake(_) | Accepted::Understood(..) | Accepted::NotUnderstood(..) => None,
    }
}

#[test]
fn a_bots_keys_are_asked_for_one_document_after_the_other() {
    const CONFIGURATION: &str = "https://login.botframework.com/v1/.well-known/openidconfiguration";
    const KEYS: &str = "https://login.botframework.com/v1/.well-known/keys";
    let adapter = providers::find("botframework").expect("an adapter");
    let load = || vector("botframework", "botframework-g-01");
    let (values, request, now) = load();
    let account = Account::read(adapter, &json!({"app_id": values["app_id"]})).expect("an account");
    assert_eq!(adapter.verifier.documents(&request, &account), [CONFIGURATION]);
    assert_eq!(
        refusal("botframework", request, &account, now),
        Some(Refusal::NoDocument(CONFIGURATION.to_owned()))
    );
    let elsewhere = json!({"jwks_uri": "https://login.botframework.com.evil.example/keys"});
    let misled = account.clone().with_document(CONFIGURATION, elsewhere.to_string());
    assert_eq!(adapter.verifier.documents(&load().1, &misled), [CONFIGURATION]);
    let configuration = json!({"jwks_uri": KEYS}).to_string();
    let account = account.with_document(CONFIGURATION, configuration);
    assert_eq!(adapter.verifier.documents(&load().1, &account), [CONFIGURATION, KEYS]);
    let mut others = values["jwks"].clone();
    others["keys"][0]["kid"] = "another".into();
    let rotated = account.clone().with_document(KEYS, others.to_string());
    assert_eq!(refusal("botframework", load().1, &rotated, now), Some(Refusal::UnknownKey));
    let mut unendorsed = values["jwks"].clone();
    unendorsed["keys"][0]["endorsements"] = json!(["webchat"]);
    let unendorsed = account.clone().with_document(KEYS, unendorsed.to_string());
    let refused = refusal("botframework", load().1, &unendorsed, now);
    assert_eq!(refused.map(|refusal| refusal.code()), Some("bad_signature"));
    let account = account.with_document(KEYS, values["jwks"].to_string());
    assert_eq!(refusal("botframework", load().1, &account, now), None);
}

#[test]
fn nothing_is_fetched_for_what_is_no_token_for_us() {
    let (_, mut request, _) = vector("botframework", "botframework-g-01");
    let adapter = providers::find("botframework").expect("an adapter");
    let account = Account::read(adapter, &json!({"app_id": "somebody else"})).expect("an account");
    assert!(adapter.verifier.documents(&request, &account).is_empty());
    request.headers.clear();
    assert!(adapter.verifier.documents(&request, &account).is_empty());
}

#[test]
fn only_certificates_on_amazons_host_are_asked_for() {
    let adapter = providers::find("aws-sns").expect("an adapter");
    let topic = "arn:aws:sns:us-east-1:123456789012:sms";
    let account = Account::read(adapter, &json!({"topic_arn": topic})).expect("an account");
    let asked = |address: &str, topic: &str| {
        let body = json!({"Type": "Notification", "TopicArn": topic, "Signature": "x",
            "SigningCertURL": address});
        let url = "https://desk.example/hook";
        let request = Request::new(Method::Post, url, Vec::new(), body.to_string().into_bytes());
        adapter.verifier.documents(&request, &account)
    };
    let good = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem";
    assert_eq!(asked(good, topic), [good]);
    let china = "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-1.pem";
    assert_eq!(asked(china, topic), [china]);
    assert!(asked(good, "arn:aws:sns:us-east-1:999999999999:sms").is_empty());
    for bad in [
        "http://sns.us-east-1.amazonaws.com/x.pem",
        "https://sns.us-east-1.amazonaws.com:8443/x.pem",
        "https://sns.us-east-1.amazonaws.com@evil.example/x.pem",
        "https://user@sns.us-east-1.amazonaws.com/x.pem",
        "https://sns.us-east-1.amazonaws.com.evil.example/x.pem",
        "https://sns.evil.example/x.amazonaws.com/x.pem",
        "https://evil.example/sns.us-east-1.amazonaws.com/x.pem",
        "https://sns.us.east.amazonaws.com/x.pem",
        "https://sns.us-east-1.amazonaws.com.cn.cn/x.pem",
        "https://sns.us-east-1.amazonaws.com/x.pem?y",
        "https://sns.us-east-1.amazonaws.com/x.txt#.pem",
        "https://sns.us-east-1.amazonaws.com\\@evil.example/x.pem",
        "https://SNS.us-east-1.amazonaws.com/x.pem",
        "",
    ] {
        assert!(asked(bad, topic).is_empty(), "{bad}");
    }
}

#[test]
fn a_certificate_must_have_been_valid_when_it_signed() {
    let (values, request, now) = vector("aws-sns", "aws-sns-real-v2-subject");
    let adapter = providers::find("aws-sns").expect("an adapter");
    let account = Account::read(adapter, &values).expect("an account");
    assert_eq!(refusal("aws-sns", request, &account, now), None);
    let fetched = json!({"topic_arn": serde_json::Value::Null});
    let account = Account::read(adapter, &fetched).expect("an account");
    let (_, request, _) = vector("aws-sns", "aws-sns-real-v2-subject");
    let address = values["certificate_url"].as_str().expect("an address");
    let pem = values["certificate_pem"].as_str().expect("a certificate");
    assert_eq!(
        refusal("aws-sns", request, &account, now),
        Some(Refusal::NoDocument(address.to_owned()))
    );
    let account = account.with_document(address, pem);
    let (_, request, _) = vector("aws-sns", "aws-sns-real-v2-subject");
    assert_eq!(refusal("aws-sns", request, &account, now), None);
    let account = account.with_document(address, "-----BEGIN CERTIFICATE-----");
    let (_, request, _) = vector("aws-sns", "aws-sns-real-v2-subject");
    assert_eq!(
        refusal("aws-sns", request, &account, now),
        Some(Refusal::BadSignature("the certificate cannot be read"))
    );
}

#[test]
fn what_came_from_a_topic_is_proven_anew_without_amazons_key() {
    let adapter = providers::find("aws-sns").expect("an adapter");
    let address = "https://desk.example/webhooks/sns";
    let (mut values, enveloped, now) = vector("aws-sns", "aws-sns-real-v2-subject");
    let raw = br#"{"originationNumber":"+15550100002","messageBody":"Hi"}"#.to_vec();
    let certified: Value =
        serde_json::from_str(include_str!("../../../fixtures/aws-sns/account.json")).expect("JSON");
    let with_a_key = certified["account"].clone();
    values["token"] = TOKEN.into();
    let mut with_credentials = values.clone();
    with_credentials["username"] = "sns".into();
    with_credentials["password"] = "p".into();
    for (values, body) in [
        (&values, &raw),
        (&with_credentials, &raw),
        (&with_a_key, &raw),
        (&values, &enveloped.body),
    ] {
        let account = Account::read(adapter, values).expect("an account");
        // As it is kept: without the secrets.
        let mut request = Request::new(Method::Post, address, Vec::new(), body.clone());
        adapter.verifier.sign(&mut request, &account, now).expect("a proof");
        assert_eq!(&request.body, body, "it says what it said");
        assert_eq!(refusal("aws-sns", request, &account, now), None, "{values}");
    }
}

#[test]
fn event_grid_takes_a_token_or_a_secret_of_one_resource() {
    let adapter = providers::find("azure-acs").expect("an adapter");
    let now = Timestamp::from_seconds(1_767_225_600).expect("a time");
    let channel = include_str!("../../../fixtures/azure-acs/account.json");
    let channel: Value = serde_json::from_str(channel).expect("JSON");
    let values = |fields: &[&str]| -> Value {
        fields
            .iter()
            .map(|field| ((*field).to_owned(), channel["account"][*field].clone()))
            .collect()
    };
    let refused = |values: Value, topic: &str| {
        let account = Account::read(adapter, &values).expect("an account");
        let body = json!([{"topic": topic}, {"id": 1}]).to_string().into_bytes();
        let mut request = Request::new(Method::Post, "https://desk.example/hook", Vec::new(), body);
        adapter.verifier.sign(&mut request, &account, now).expect("a signed request");
        refusal("azure-acs", request, &account, now)
    };
    let token = values(&["tenant_id", "app_id", "private_key"]);
    assert_eq!(refused(token.clone(), "/a"), None);
    let mut in_header = values(&["secret"]);
    in_header["secret_header"] = "x-secret".into();
    assert_eq!(refused(in_header, "/a"), None);
    let mut of_resource = values(&["secret"]);
    of_resource["topic"] = "/Subscriptions/A".into();
    assert_eq!(refused(of_resource.clone(), "/subscriptions/a"), None);
    assert_eq!(
        refused(of_resource, "/subscriptions/b"),
        Some(Refusal::BadSignature("the events are of another resource"))
    );
}

//! Keys that must be fetched, from a key server of our own, and what does not ask for any.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{Request as HttpRequest, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use frontdesk::channels::{Settings, Verification};
use frontdesk_adapters::{Method, Request, Timestamp};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{
    Database, PUBLIC_URL, TestGateway, fixtures, on_both,
    requests::{OURS, sms},
    until,
};

const CONFIGURATION: &str = "login.botframework.com/v1/.well-known/openidconfiguration";
const KEYS: &str = "login.botframework.com/v1/.well-known/keys";
const BOT: &str = "28:11111111-2222-3333-4444-555555555555";

/// Answers for every host, each below its name, and remembers what it was asked for.
#[derive(Clone, Default)]
struct KeyServer(Arc<Served>);

#[derive(Default)]
struct Served {
    documents: Mutex<HashMap<String, String>>,
    asked: Mutex<Vec<String>>,
    at_once: AtomicUsize,
    failing: AtomicUsize,
}

impl KeyServer {
    async fn start(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    fn serve(&self, path: &str, text: impl Into<String>) {
        self.0.documents.lock().expect("no panic").insert(path.to_owned(), text.into());
    }

    /// How many questions were asked whose path begins so.
    fn asked(&self, path: &str) -> usize {
        let asked = self.0.asked.lock().expect("no panic");
        asked.iter().filter(|asked| asked.starts_with(path)).count()
    }

    fn fail(&self, fails: bool) {
        self.0.failing.store(usize::from(fails), Ordering::SeqCst);
    }
}

async fn answer(State(server): State<KeyServer>, request: HttpRequest) -> Response {
    let path = request.uri().path_and_query().map_or("", |target| target.as_str());
    let path = path.trim_start_matches('/').to_owned();
    server.0.asked.lock().expect("no panic").push(path.clone());
    // Long enough for others to ask meanwhile.
    server.0.at_once.fetch_add(1, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.0.at_once.fetch_sub(1, Ordering::SeqCst);
    if server.0.failing.load(Ordering::SeqCst) > 0 {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let found = server.0.documents.lock().expect("no panic").get(&path).cloned();
    found.map_or_else(|| StatusCode::NOT_FOUND.into_response(), IntoResponse::into_response)
}

/// A gateway whose providers' keys are at a server of our own.
async fn gateway(database: &Database, server: &KeyServer) -> TestGateway {
    let mirror = format!("http://{}", server.start().await);
    let gateway = TestGateway::with(database, |config| {
        config.egress.allow = vec!["127.0.0.0/8".parse().expect("a network")];
        config.egress.mirror = Some(mirror);
    })
    .await;
    gateway.add_channel("bot", "botframework", BOT, json!({"app_id": &BOT[3..]})).await;
    gateway
}

/// A vector somebody else computed.
fn vector(provider: &str, id: &str) -> Value {
    let path = fixtures().join(provider).join("signatures.json");
    let text = std::fs::read_to_string(path).expect("the vectors");
    let vectors: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    vectors.into_iter().find(|vector| vector["id"] == id).expect("the vector")
}

/// The vector's request, for a channel of ours.
fn request(vector: &Value, channel: &str) -> Request {
    let headers = vector["request"]["headers"].as_object().expect("headers").iter();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let headers = headers.map(|(name, value)| (name.clone(), text(value))).collect();
    let url = format!("{PUBLIC_URL}/webhooks/{channel}");
    Request::new(Method::Post, url, headers, text(&vector["request"]["body"]).into_bytes())
}

fn serve_bot_keys(server: &KeyServer, vector: &Value) {
    server.serve(CONFIGURATION, json!({"jwks_uri": format!("https://{KEYS}")}).to_string());
    server.serve(KEYS, vector["account"]["jwks"].to_string());
}

on_both! {
    async fn keys_are_fetched_once_whoever_asks_and_kept(database: Database) {
        let server = KeyServer::default();
        let vector = vector("botframework", "botframework-g-01");
        serve_bot_keys(&server, &vector);
        let gateway = gateway(&database, &server).await;
        let sent = (0..8).map(|_| gateway.send_as_it_is(request(&vector, "bot")));
        let replies = futures_util::future::join_all(sent).await;
        assert!(replies.iter().all(|reply| reply.status == 200), "{replies:?}");
        assert_eq!((server.asked(CONFIGURATION), server.asked(KEYS)), (1, 1));
        assert_eq!(gateway.count("messages where provider_message_id = '1485983408511'").await, 1);
        gateway.stop().await;
    }
}

on_both! {
    async fn without_keys_the_provider_is_asked_to_come_again(database: Database) {
        let server = KeyServer::default();
        let vector = vector("botframework", "botframework-g-01");
        let gateway = gateway(&database, &server).await;
        let reply = gateway.send_as_it_is(request(&vector, "bot")).await;
        assert_eq!((reply.status, reply.retry_after.as_deref()), (503, Some("2")));
        // It is not asked for again at once, and then it is.
        serve_bot_keys(&server, &vector);
        assert_eq!(gateway.send_as_it_is(request(&vector, "bot")).await.status, 503);
        assert_eq!(server.asked(CONFIGURATION), 1);
        gateway.pass(31);
        assert_eq!(gateway.send_as_it_is(request(&vector, "bot")).await.status, 200);
        gateway.stop().await;
    }
}

on_both! {
    async fn keys_stay_in_use_while_they_cannot_be_had_again(database: Database) {
        let server = KeyServer::default();
        let vector = vector("aws-sns", "aws-sns-notification-two-way-sms-v2");
        let account = &vector["account"];
        let address = account["certificate_url"].as_str().expect("an address");
        let path = address.trim_start_matches("https://");
        server.serve(path, account["certificate_pem"].as_str().expect("a certificate"));
        let gateway = gateway(&database, &server).await;
        let topic = json!({"topic_arn": "arn:aws:sns:us-east-1:123456789012:inbound-sms"});
        gateway.add_channel("sns", "aws-sns", "+15550100001", topic).await;
        let send = async || gateway.send_as_it_is(request(&vector, "sns")).await.status;
        assert_eq!(send().await, 200);
        server.fail(true);
        gateway.pass(25 * 60 * 60);
        assert_eq!((send().await, send().await), (200, 200));
        assert_eq!(server.asked(path), 2);
        // But not for ever.
        gateway.pass(8 * 24 * 60 * 60);
        assert_eq!(send().await, 503);
        server.fail(false);
        gateway.pass(31);
        assert_eq!(send().await, 200);
        gateway.stop().await;
    }
}

on_both! {
    async fn rotated_keys_are_looked_for_once_an_hour(database: Database) {
        let server = KeyServer::default();
        let vector = vector("botframework", "botframework-g-01");
        serve_bot_keys(&server, &vector);
        let mut old = vector["account"]["jwks"].clone();
        old["keys"][0]["kid"] = "old".into();
        server.serve(KEYS, old.to_string());
        let gateway = gateway(&database, &server).await;
        let send = async || gateway.send_as_it_is(request(&vector, "bot")).await.status;
        assert_eq!((send().await, send().await), (401, 401));
        assert_eq!(server.asked(KEYS), 1);
        serve_bot_keys(&server, &vector);
        // The vector's token lives for an hour, with five minutes of grace.
        gateway.pass(61 * 60);
        assert_eq!(send().await, 200);
        assert_eq!(server.asked(KEYS), 2);
        gateway.stop().await;
    }
}

on_both! {
    async fn forged_requests_cannot_have_us_fetch_without_bound(database: Database) {
        let server = KeyServer::default();
        let gateway = gateway(&database, &server).await;
        let topic = "arn:aws:sns:us-east-1:123456789012:inbound-sms";
        gateway.add_channel("sns", "aws-sns", "+15550100001", json!({"topic_arn": topic})).await;
        let forged = |address: String, topic: &str| {
            let body = json!({"Type": "Notification", "MessageId": "1", "TopicArn": topic,
                "Message": "x", "Timestamp": "2026-01-01T00:00:00.000Z", "SignatureVersion": "2",
                "Signature": "AAAA", "SigningCertURL": address});
            let url = format!("{PUBLIC_URL}/webhooks/sns");
            Request::new(Method::Post, url, Vec::new(), body.to_string().into_bytes())
        };
        for n in 0..30 {
            let address = format!("https://sns.us-east-1.amazonaws.com/{n}.pem");
            gateway.send_as_it_is(forged(address, topic)).await;
        }
        assert_eq!(server.asked("sns."), 10);
        let other = "arn:aws:sns:us-east-1:999999999999:inbound-sms";
        for (address, topic) in [
            ("https://127.0.0.1/x.pem", topic),
            ("https://evil.example/x.pem", topic),
            ("https://sns.us-east-1.amazonaws.com/new.pem", other),
        ] {
            let reply = gateway.send_as_it_is(forged(address.to_owned(), topic)).await;
            assert_eq!(reply.status, 401, "{address}");
        }
        assert_eq!(server.asked(""), 10);
        gateway.stop().await;
    }
}

on_both! {
    async fn a_subscription_is_confirmed_once_it_is_recorded(database: Database) {
        let server = KeyServer::default();
        let vector = vector("aws-sns", "aws-sns-subscription-confirmation");
        let account = &vector["account"];
        let certificate = account["certificate_pem"].as_str().expect("a certificate");
        server.serve("sns.us-east-1.amazonaws.com/SimpleNotificationService-test.pem", certificate);
        let gateway = gateway(&database, &server).await;
        let topic = json!({"topic_arn": "arn:aws:sns:us-east-1:123456789012:inbound-sms"});
        gateway.add_channel("sns", "aws-sns", "+15550100001", topic).await;
        let confirmations = "sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription";
        assert_eq!(gateway.send_as_it_is(request(&vector, "sns")).await.status, 200);
        assert!(until(async || server.asked(confirmations) == 1).await, "not confirmed");
        assert_eq!(gateway.count("events where kind = 'other' and channel_id = 'sns'").await, 1);
        // A forged one confirms nothing.
        let mut forged = request(&vector, "sns");
        let body = String::from_utf8(forged.body).expect("text").replace("visit", "VISIT");
        forged.body = body.into_bytes();
        assert_eq!(gateway.send_as_it_is(forged).await.status, 401);
        assert_eq!(server.asked(confirmations), 1);
        gateway.stop().await;
    }
}

on_both! {
    async fn a_channel_that_watches_takes_and_marks_what_it_would_refuse(database: Database) {
        let gateway = TestGateway::start(&database).await;
        let settings = Settings { verification: Verification::Watch, ..Settings::default() };
        let account = json!({"account_sid": "AC1", "auth_token": "a-token-nobody-used"});
        gateway.add_channel_with("watched", "twilio", "+15005550009", account, settings).await;
        let mut unsigned = sms("+15550100002", "SMwatched", "Hello");
        unsigned.url = format!("{PUBLIC_URL}/webhooks/watched");
        assert_eq!(gateway.send_as_it_is(unsigned.copied()).await.status, 200);
        assert_eq!(gateway.count("messages where provider_message_id = 'SMwatched'").await, 1);
        let reasons = gateway.texts("select reason from requests where channel_id = 'watched'").await;
        assert_eq!(reasons.len(), 1);
        assert!(reasons[0].starts_with("only watched: missing_signature: "), "{reasons:?}");
        assert_eq!(gateway.send(unsigned).await.status, 200);
        gateway.stop().await;
    }
}

on_both! {
    async fn a_channel_takes_requests_from_its_list_of_addresses_only(database: Database) {
        let gateway = TestGateway::with(&database, |config| {
            config.http.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
        })
        .await;
        let allow_from = vec!["192.0.2.0/24".parse().expect("a network")];
        let settings = Settings { allow_from, ..Settings::default() };
        let account = json!({"account_sid": "AC1", "auth_token": "fictional-token"});
        gateway.add_channel_with("listed", "twilio", OURS, account, settings).await;
        let from = |senders: &[&str]| {
            let mut request = sms("+15550100002", "SMlisted", "Hello");
            request.url = format!("{PUBLIC_URL}/webhooks/listed");
            for senders in senders {
                request.headers.push(("x-forwarded-for".to_owned(), (*senders).to_owned()));
            }
            request
        };
        for (senders, status) in [
            (&["192.0.2.7"][..], 200),
            (&["192.0.2.7:4711"], 200),
            (&["203.0.113.9, 192.0.2.7, 127.0.0.9"], 200),
            (&["203.0.113.9", "192.0.2.7"], 200),
            (&["192.0.2.7, 203.0.113.9"], 403),
            (&["192.0.2.7", "203.0.113.9"], 403),
            (&["192.0.2.7, nonsense"], 403),
            (&[], 403),
        ] {
            let reply = gateway.send(from(senders)).await;
            assert_eq!(reply.status, status, "{senders:?}: {reply:?}");
        }
        gateway.stop().await;
    }
}

on_both! {
    async fn secrets_in_query_and_header_are_not_archived(database: Database) {
        let gateway = TestGateway::start(&database).await;
        let body = json!([{"id": "1", "eventType": "x", "data": {}}]).to_string();
        let query = json!({"secret": "s3cret-of-query"});
        gateway.add_channel("query", "azure-acs", "+15005550008", query).await;
        let header = json!({"secret": "s3cret-of-header", "secret_header": "x-own"});
        gateway.add_channel("header", "azure-acs", "+15005550009", header).await;
        for (target, name, value) in [
            ("query?a=1&code=s3cret-of-query&b=2", "x-other", "kept"),
            ("header", "X-Own", "s3cret-of-header"),
        ] {
            let headers = vec![
                ("content-type".to_owned(), "application/json".to_owned()),
                (name.to_owned(), value.to_owned()),
            ];
            let url = format!("{PUBLIC_URL}/webhooks/{target}");
            let request = Request::new(Method::Post, url, headers, body.clone().into_bytes());
            assert_eq!(gateway.send_as_it_is(request).await.status, 200);
        }
        let archived = gateway.texts("select target || cast(headers as text) from requests").await;
        assert_eq!(archived.len(), 2);
        assert!(archived.iter().all(|request| !request.contains("s3cret")), "{archived:?}");
        assert!(archived.iter().any(|it| it.starts_with("/webhooks/query?a=1&b=2")), "{archived:?}");
        assert!(archived.iter().any(|request| request.contains("kept")), "{archived:?}");
        gateway.stop().await;
    }
}

on_both! {
    async fn event_grid_asks_by_options_and_is_answered_in_headers(database: Database) {
        let gateway = TestGateway::start(&database).await;
        let account = json!({"secret": "s3cret"});
        gateway.add_channel("grid", "azure-acs", "+15005550009", account).await;
        let asks = |code: &str| {
            let headers = vec![
                ("webhook-request-origin".to_owned(), "eventgrid.azure.net".to_owned()),
                ("webhook-request-rate".to_owned(), "120".to_owned()),
            ];
            let url = format!("{PUBLIC_URL}/webhooks/grid?code={code}");
            Request::new(Method::Options, url, headers, Vec::new())
        };
        let reply = gateway.send_as_it_is(asks("s3cret")).await;
        assert_eq!(reply.status, 200);
        let header = |name: &str| {
            let found = reply.headers.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.as_str())
        };
        assert_eq!(header("webhook-allowed-origin"), Some("eventgrid.azure.net"));
        assert_eq!(header("webhook-allowed-rate"), Some("120"));
        assert_eq!(gateway.send_as_it_is(asks("guess")).await.status, 403);
        gateway.stop().await;
    }
}

#[test]
fn the_vectors_are_as_old_as_the_tests_clock() {
    let now = Timestamp::parse_rfc3339("2026-01-01T00:00:10.000Z").expect("a time");
    let vector = vector("botframework", "botframework-g-01");
    assert_eq!(vector["now"].as_i64().expect("seconds"), now.as_seconds() - 10);
}

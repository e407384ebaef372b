//! What providers and strangers meet before anything is recorded.

use std::net::SocketAddr;

use frontdesk::config::Config;
use frontdesk_adapters::{Method, Request, Timestamp, fixture};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    Database, PUBLIC_URL, TestGateway, fixture_channels, on_both,
    requests::{self, sms, whatsapp},
    rows,
};

on_both! {
    async fn an_address_without_a_channel_is_404_and_archived(database: Database) {
        let gateway = TestGateway::start(&database).await;
        let reply = gateway.send_as_it_is(requests::json("nobody", &json!({}))).await;
        assert_eq!(reply.status, 404);
        gateway.stop().await;
        let archived = archived(&database).await;
        assert_eq!(archived, ["unknown_channel null /webhooks/nobody"]);
    }

    async fn refused_requests_are_archived_up_to_a_bound(database: Database) {
        let gateway = TestGateway::with(&database, |config| config.ingest.refused = 5).await;
        for n in 0..20 {
            let reply = gateway.send_as_it_is(forged(sms("+15550100002", "SM1", "x"), n)).await;
            assert_eq!(reply.status, 401);
            assert_eq!(reply.json()["code"], "bad_signature");
        }
        gateway.stop().await;
        let newest: Vec<_> =
            (15..20).map(|n| format!("refused twilio-main /webhooks/twilio-main/{n}")).collect();
        assert_eq!(archived(&database).await, newest);
        let store = database.open().await;
        let messages: Vec<(i64,)> = rows(&store, "select count(*) from messages").await;
        assert_eq!(messages, [(0,)]);
    }

    async fn a_signed_body_in_no_known_form_is_archived_and_answered(database: Database) {
        let gateway = TestGateway::start(&database).await;
        let reply = gateway.send(requests::json("whatsapp-demo", &json!([]))).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, ""));
        // Our own protocol says so in words; whoever speaks it is not stopped by a 4xx.
        let reply = gateway.send(requests::json("chat", &json!([]))).await;
        assert_eq!((reply.status, &reply.json()["errors"][0]["code"]), (400, &"malformed".into()));
        let outcomes = gateway.texts("select outcome from requests").await;
        assert_eq!(outcomes, ["malformed", "malformed"]);
        let reasons = gateway.count("requests where reason is not null").await;
        assert_eq!(reasons, 2);
    }

    async fn a_handshake_is_answered_to_whoever_knows_the_token(database: Database) {
        let gateway = TestGateway::start(&database).await;
        let ask = |token: &str| {
            let url = format!("https://desk.example/webhooks/whatsapp-demo?hub.mode=subscribe\
                &hub.verify_token={token}&hub.challenge=1158201444");
            Request::new(frontdesk_adapters::Method::Get, url, Vec::new(), Vec::new())
        };
        let known = gateway.send_as_it_is(ask("fictional-verify-token")).await;
        assert_eq!((known.status, known.body.as_str()), (200, "1158201444"));
        let unknown = gateway.send_as_it_is(ask("guessed-token")).await;
        assert_eq!(unknown.status, 403);
        assert!(!unknown.body.contains("1158201444") && !unknown.body.contains("guessed-token"));
        gateway.stop().await;
        assert_eq!(archived(&database).await, ["refused whatsapp-demo /webhooks/whatsapp-demo"]);
    }

    async fn a_secret_in_a_body_is_checked_and_not_archived(database: Database) {
        let gateway = TestGateway::start(&database).await;
        let event = |secret: &str| {
            requests::json("vk-demo", &json!({
                "type": "message_new", "group_id": 123_456, "event_id": secret.len().to_string(),
                "object": {"message": {"id": 1, "from_id": 5, "peer_id": 5, "text": "Hi"}},
                "secret": secret,
            }))
        };
        let reply = gateway.send_as_it_is(event("fictional-vk-secret")).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, "ok"));
        assert_eq!(gateway.send_as_it_is(event("guessed-vk-secret")).await.status, 401);
        gateway.stop().await;
        let store = database.open().await;
        let bodies: Vec<(Vec<u8>,)> = rows(&store, "select body from requests").await;
        assert_eq!(bodies.len(), 2);
        for (body,) in bodies {
            let body = String::from_utf8(body).expect("text");
            assert!(body.contains("message_new") && !body.contains("vk-secret"), "{body}");
        }
    }

    async fn one_whatsapp_request_reaches_every_channel_its_secret_signs_for(database: Database) {
        let gateway = TestGateway::start(&database).await;
        let account = |id: &str, secret: &str| {
            json!({"phone_number_id": id, "app_secret": secret, "verify_token": "t"})
        };
        let shared = account("200", "fictional-app-secret");
        gateway.add_channel("wa-sibling", "whatsapp", "+15005550007", shared).await;
        let foreign = account("300", "another-app-secret");
        gateway.add_channel("wa-foreign", "whatsapp", "+15005550008", foreign).await;
        gateway.accept(whatsapp("whatsapp-demo", &[
            ("106540352242900", "15550100002", "wamid.1", "to the first"),
            ("200", "15550100002", "wamid.2", "to its sibling"),
            ("300", "15550100002", "wamid.3", "to a stranger"),
        ])).await;
        let sql = "select m.text || ': ' || m.channel_id || ' at ' || i.our_address \
            from messages m join interactions i on i.id = m.interaction_id \
            order by m.provider_message_id";
        assert_eq!(gateway.texts(sql).await, [
            "to the first: whatsapp-demo at +15005550006",
            "to its sibling: wa-sibling at +15005550007",
            // Whoever knows one secret must not speak for the other.
            "to a stranger: whatsapp-demo at 300",
        ]);
        assert_eq!(gateway.count("profiles").await, 1);
    }
}

#[tokio::test]
async fn a_body_that_announces_too_much_is_refused_before_it_is_read() {
    let database = Database::sqlite();
    let gateway = TestGateway::with(&database, |config| config.http.max_body_bytes = 1024).await;
    let head = "POST /webhooks/twilio-main HTTP/1.1\r\nhost: x\r\ncontent-length: 1025\r\n\r\n";
    assert_eq!(status_of(gateway.address, head.as_bytes()).await, "413");
}

#[tokio::test]
async fn a_body_of_unknown_length_is_refused_once_it_is_too_long() {
    let database = Database::sqlite();
    let gateway = TestGateway::with(&database, |config| config.http.max_body_bytes = 1024).await;
    let head =
        "POST /webhooks/twilio-main HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    // The last chunk never comes.
    let chunk = format!("800\r\n{}\r\n", "x".repeat(0x800));
    let sent = format!("{head}{chunk}");
    assert_eq!(status_of(gateway.address, sent.as_bytes()).await, "413");
}

#[tokio::test]
async fn whoever_sends_too_much_hears_so_also_after_all_of_it() {
    let database = Database::sqlite();
    let gateway = TestGateway::with(&database, |config| config.http.max_body_bytes = 1024).await;
    let body = "x".repeat(5_000_000);
    let length = body.len();
    let chunk = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
    for (framing, body) in [
        (format!("content-length: {length}"), body),
        ("transfer-encoding: chunked".to_owned(), chunk),
    ] {
        let head = format!("POST /webhooks/twilio-main HTTP/1.1\r\nhost: x\r\n{framing}\r\n\r\n");
        let mut stream = TcpStream::connect(gateway.address).await.expect("a connection");
        stream.write_all(head.as_bytes()).await.expect("a head");
        stream.write_all(body.as_bytes()).await.expect("all of the body");
        // The connection serves the next request, too.
        stream
            .write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await
            .expect("another request");
        let mut answers = Vec::new();
        stream.read_to_end(&mut answers).await.expect("answers");
        let answers = String::from_utf8_lossy(&answers);
        assert!(answers.starts_with("HTTP/1.1 413 "), "{framing}: {answers}");
        assert!(answers.contains("\"too_large\""), "{framing}: {answers}");
        assert!(answers.contains("HTTP/1.1 200 "), "{framing}: {answers}");
    }
}

#[tokio::test]
async fn whoever_asks_before_sending_too_much_is_spared_it() {
    let database = Database::sqlite();
    let gateway = TestGateway::with(&database, |config| config.http.max_body_bytes = 1024).await;
    let head = "POST /webhooks/twilio-main HTTP/1.1\r\nhost: x\r\ncontent-length: 1025\r\n\
        expect: 100-continue\r\n\r\n";
    let answer = exchange(gateway.address, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn forwarded_headers_count_only_from_trusted_proxies() {
    let database = Database::sqlite();
    let through_proxy = |gateway: &TestGateway| {
        let mut request =
            signed_for("https://proxy.example", gateway, sms("+15550100002", "SM1", "hello"));
        // The first entry is the client's own invention.
        let forwarded = ("x-forwarded-host".to_owned(), "liar.example, proxy.example".to_owned());
        request.headers.push(forwarded);
        request
    };
    let gateway = TestGateway::start(&database).await;
    assert_eq!(gateway.send_as_it_is(through_proxy(&gateway)).await.status, 401);
    // Whoever lies about the host is not believed either, and the truth still verifies.
    let mut lied_about = sms("+15550100002", "SM2", "hello");
    lied_about.headers.push(("x-forwarded-host".to_owned(), "liar.example".to_owned()));
    gateway.accept(lied_about).await;
    gateway.stop().await;

    let gateway = TestGateway::with(&database, behind_a_proxy).await;
    assert_eq!(gateway.send_as_it_is(through_proxy(&gateway)).await.status, 200);
}

#[tokio::test]
async fn a_forwarded_host_keeps_the_path_of_the_public_address() {
    let database = Database::sqlite();
    let gateway = TestGateway::with(&database, |config| {
        config.http.public_url = Some("https://desk.example/gw/".to_owned());
        behind_a_proxy(config);
    })
    .await;
    for (host, scheme, signed) in [
        (None, None, "https://desk.example/gw"),
        (Some("desk.example"), Some("https"), "https://desk.example/gw"),
        (Some("other.example"), None, "https://other.example/gw"),
        (Some("desk.example:8443"), Some("HTTPS"), "https://desk.example:8443/gw"),
        (Some("liar.example, desk.example"), Some("https, HTTP"), "http://desk.example/gw"),
        (Some("desk.example"), Some("http,https"), "https://desk.example/gw"),
        // Without a host there is nothing that the scheme could belong to.
        (None, Some("http"), "https://desk.example/gw"),
    ] {
        let request = sms("+15550100002", signed, "hello");
        let mut request = signed_for(signed, &gateway, request);
        for (name, value) in [("x-forwarded-host", host), ("x-forwarded-proto", scheme)] {
            request.headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        }
        let reply = gateway.send_as_it_is(request).await;
        assert_eq!(reply.status, 200, "{host:?} {scheme:?}: {reply:?}");
    }
}

#[tokio::test]
async fn a_slash_behind_an_address_belongs_to_it_and_changes_nothing() {
    let database = Database::sqlite();
    let gateway = TestGateway::start(&database).await;
    for (end, id) in [("/", "SM1"), ("//", "SM2"), ("/sms/", "SM3")] {
        let mut request = sms("+15550100002", id, "hello");
        request.url.push_str(end);
        assert_eq!(gateway.send(request).await.status, 200, "{end}");
        // It was not signed for this address.
        let mut request = signed_for(PUBLIC_URL, &gateway, sms("+15550100002", id, "hello"));
        request.url.push_str(end);
        assert_eq!(gateway.send_as_it_is(request).await.status, 401, "{end}");
    }
    assert_eq!(gateway.count("messages").await, 3);
}

#[tokio::test]
async fn a_channel_is_found_however_its_address_is_encoded_and_goes_on() {
    let database = Database::sqlite();
    let gateway = TestGateway::start(&database).await;
    let channel = gateway.channel_of(&sms("+15550100002", "SM", "hello"));
    for (path, status) in [
        ("twilio%2Dmain", 200),
        ("%74wilio-main/?a=1", 200),
        ("twilio-main/%FF", 200),
        ("twilio-main//%2F", 200),
        ("%FF", 404),
        ("/twilio-main", 404),
        ("twilio-main%2F", 404),
        ("twilio-main%26a", 404),
        ("twilio-main=%61", 404),
        ("twilio-main&a=%61", 404),
    ] {
        let mut request = sms("+15550100002", path, "hello");
        request.url = format!("{PUBLIC_URL}/webhooks/{path}");
        let signed = fixture::signed(request, channel.adapter, &channel.account, now());
        let reply = gateway.send_as_it_is(signed.expect("a signed request")).await;
        assert_eq!(reply.status, status, "{path}: {reply:?}");
    }
}

#[tokio::test]
async fn no_more_is_kept_of_refused_headers_than_of_a_body() {
    let database = Database::sqlite();
    let gateway = TestGateway::start(&database).await;
    let mut request = forged(sms("+15550100002", "SM1", "hello"), 1);
    for (name, bytes) in [("x-long", 20_000), ("x-fits", 10_000), ("x-fits-no-more", 10_000)] {
        request.headers.push((name.to_owned(), "x".repeat(bytes)));
    }
    assert_eq!(gateway.send_as_it_is(request).await.status, 401);
    gateway.archived(1).await;
    let kept = gateway.texts("select headers from requests").await.remove(0);
    assert!(kept.contains("x-fits\"") && kept.contains("x-twilio-signature"), "{kept}");
    assert!(!kept.contains("x-long") && !kept.contains("x-fits-no-more"), "{kept}");
}

#[tokio::test]
async fn head_is_answered_as_get_without_a_body() {
    let database = Database::sqlite();
    let gateway = TestGateway::start(&database).await;
    let handshake = "/webhooks/whatsapp-demo?hub.mode=subscribe&hub.challenge=1158201444";
    for (path, status) in [
        ("/webhooks/vonage-main", 200),
        (&format!("{handshake}&hub.verify_token=fictional-verify-token"), 200),
        (&format!("{handshake}&hub.verify_token=guessed"), 403),
        ("/webhooks/nobody", 404),
    ] {
        assert_eq!(gateway.get(path).await.status, status, "{path}");
        let head = format!("HEAD {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let head = exchange(gateway.address, head.as_bytes()).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {head}");
        assert!(head.ends_with("\r\n\r\n"), "{path}: {head}");
    }
    assert_eq!(gateway.count("messages").await, 0);
}

#[tokio::test]
async fn whoever_asks_nothing_writes_nothing() {
    let database = Database::sqlite();
    let gateway = TestGateway::start(&database).await;
    for channel in fixture_channels() {
        let url = format!("{PUBLIC_URL}/webhooks/{}", channel.id);
        let bare = Request::new(Method::Get, url, Vec::new(), Vec::new());
        let signed = fixture::signed(bare.copied(), channel.adapter, &channel.account, now());
        for request in [Some(bare), signed.ok()].into_iter().flatten() {
            gateway.send_as_it_is(request).await;
        }
    }
    assert_eq!(gateway.count("messages").await, 0);
    assert_eq!(gateway.count("interactions").await, 0);
    assert_eq!(gateway.count("events").await, 0);
    // What proved itself is archived all the same.
    assert!(gateway.count("requests where outcome = 'accepted' and events = 0").await > 0);
}

fn behind_a_proxy(config: &mut Config) {
    config.http.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
}

/// The same request signed for another public address than the one it is sent to.
pub(crate) fn signed_for(public_url: &str, gateway: &TestGateway, mut request: Request) -> Request {
    let channel = gateway.channel_of(&request);
    request.url = request.url.replace(PUBLIC_URL, public_url);
    let signed = fixture::signed(request, channel.adapter, &channel.account, now());
    let mut signed = signed.expect("a signed request");
    signed.url = signed.url.replace(public_url, PUBLIC_URL);
    signed
}

fn now() -> Timestamp {
    Timestamp::parse_rfc3339("2026-01-01T00:00:10Z").expect("a time")
}

/// The same request with a signature nobody made.
fn forged(mut request: Request, n: usize) -> Request {
    request.headers.push(("x-twilio-signature".to_owned(), "AAAAAAAAAAAAAAAAAAAAAAAAAAA=".into()));
    request.url = format!("{}/{n}", request.url);
    request
}

/// The archive of a gateway that has stopped, in order of arrival.
pub(crate) async fn archived(database: &Database) -> Vec<String> {
    let store = database.open().await;
    let sql = "select outcome, channel_id, target from requests order by id";
    let rows: Vec<(String, Option<String>, String)> = rows(&store, sql).await;
    let line = |(outcome, channel, target): (String, Option<String>, String)| {
        format!("{outcome} {} {target}", channel.unwrap_or_else(|| "null".to_owned()))
    };
    rows.into_iter().map(line).collect()
}

/// Sends bytes as they are and reads all that is answered.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(bytes).await.expect("a request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends bytes as they are and reads the status of the answer.
async fn status_of(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(bytes).await.expect("a request");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("an answer");
    String::from_utf8_lossy(&answer[9..]).into_owned()
}

//! The client against listeners on this machine, which nobody may call unless they are named.

use std::sync::Mutex;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::rustls::{
    self, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::{streams::Named, *};

/// Answers one request with these bytes and says what it read.
async fn listener(answer: &'static str) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let heard = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.expect("a connection");
        let mut heard = vec![0; 4096];
        let read = connection.read(&mut heard).await.expect("a request");
        connection.write_all(answer.as_bytes()).await.expect("an answer");
        String::from_utf8_lossy(&heard[..read]).into_owned()
    });
    (address, heard)
}

fn loopback() -> Egress {
    Egress::new(&["127.0.0.0/8".parse().expect("a network"), "::1/128".parse().expect("a network")])
}

fn call(url: &str) -> Call<'_> {
    Call {
        method: Method::Post,
        url,
        headers: &[("webhook-id", "1")],
        body: b"{}",
        timeout: Duration::from_secs(5),
        max_answer_bytes: 16,
    }
}

#[tokio::test]
async fn an_allowed_address_is_called_and_its_answer_read() {
    let (address, heard) =
        listener("HTTP/1.1 202 OK\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\nhi").await;
    let answer =
        loopback().call(call(&format!("http://localhost:{}/in?a=b", address.port()))).await;
    let answer = answer.expect("an answer");
    assert!(answer.is_success());
    assert_eq!((answer.status, answer.header("retry-after")), (202, Some("7")));
    assert_eq!(answer.body.expect("a body"), b"hi");
    let heard = heard.await.expect("a request");
    assert!(heard.starts_with("POST /in?a=b HTTP/1.1\r\nwebhook-id: 1\r\n"), "{heard}");
    assert!(heard.ends_with("\r\n\r\n{}"), "{heard}");
}

#[tokio::test]
async fn nothing_but_the_internet_is_called_unless_it_is_named() {
    let (address, heard) = listener("").await;
    let port = address.port();
    let elsewhere = Egress::new(&["10.0.0.0/8".parse().expect("a network")]);
    for (egress, url, code) in [
        (&Egress::new(&[]), format!("https://127.0.0.1:{port}/"), "forbidden_address"),
        (&Egress::new(&[]), format!("https://localhost:{port}/"), "forbidden_address"),
        (&Egress::new(&[]), format!("https://2130706433:{port}/"), "forbidden_address"),
        (&Egress::new(&[]), format!("https://[::ffff:127.0.0.1]:{port}/"), "forbidden_address"),
        (&Egress::new(&[]), format!("http://localhost:{port}/"), "plain_http"),
        (&Egress::new(&[]), "http://example.com/".to_owned(), "plain_http"),
        (&elsewhere, format!("http://localhost:{port}/"), "plain_http"),
        (&elsewhere, format!("http://127.0.0.1:{port}/"), "plain_http"),
        (&elsewhere, "http://8.8.8.8/".to_owned(), "plain_http"),
        (&elsewhere, "ftp://10.0.0.1/".to_owned(), "url"),
        (&elsewhere, "10.0.0.1".to_owned(), "url"),
    ] {
        let refused = egress.call(call(&url)).await.expect_err("refused");
        assert_eq!(refused.code(), code, "{url}: {refused:?}");
    }
    assert!(!heard.is_finished(), "somebody connected");
}

#[test]
fn a_broker_is_checked_as_far_as_its_number_tells() {
    let (none, some) = (Egress::new(&[]), Egress::new(&["10.0.0.0/8".parse().expect("a network")]));
    for (egress, server, plain, code) in [
        (&none, "broker.example:4222", false, None),
        (&none, "8.8.8.8", false, None),
        (&none, "10.0.0.1", false, Some("forbidden_address")),
        (&none, "[::1]:4222", false, Some("forbidden_address")),
        (&none, "broker.example", true, Some("plain")),
        (&some, "broker.example", true, None),
        (&some, "10.0.0.1:4222", true, None),
        (&some, "8.8.8.8", true, Some("plain")),
        (&some, "10.0.0.1", false, None),
        (&some, "a b", false, Some("url")),
        (&some, "broker.example:99999", false, Some("url")),
        (&some, "ana@broker.example", false, Some("url")),
    ] {
        let checked = egress.check_server(server, plain).err().map(|error| error.code());
        assert_eq!(checked, code, "{server} {plain}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_so_is_one_that_does_not_come_whole() {
    let (address, _heard) =
        listener("HTTP/1.1 307 No\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")
            .await;
    let answer = loopback().call(call(&format!("http://{address}/"))).await.expect("an answer");
    assert_eq!(answer.status, 307);
    let (address, _heard) = listener(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n11\r\n0123456789abcdefg\r\n0\r\n\r\n",
    )
    .await;
    let answer = loopback().call(call(&format!("http://{address}/"))).await.expect("an answer");
    assert_eq!(answer.status, 200);
    assert!(matches!(answer.body, Err(EgressError::TooLong)), "{answer:?}");
    let (address, _heard) = listener("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await;
    let answer = loopback().call(call(&format!("http://{address}/"))).await.expect("an answer");
    assert_eq!(answer.status, 200);
    assert!(matches!(answer.body, Err(EgressError::Broken(_))), "{answer:?}");
}

#[tokio::test]
async fn silence_ends_and_a_closed_port_is_told_without_the_address() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/hush", silent.local_addr().expect("an address"));
    let hurried = Call { timeout: Duration::from_millis(50), ..call(&url) };
    let refused = loopback().call(hurried).await.expect_err("silence");
    assert!(matches!(refused, EgressError::Timeout), "{refused:?}");
    drop(silent);
    let refused = loopback().call(call(&url)).await.expect_err("nobody");
    assert!(matches!(refused, EgressError::Connect(_)), "{refused:?}");
    assert!(!format!("{refused:?}").contains("hush"), "{refused:?}");
}

/// Notes the names it is asked about, and takes nobody for them.
#[derive(Debug, Default)]
struct Noting(Mutex<Vec<String>>);

impl ServerCertVerifier for Noting {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.0.lock().expect("nobody panicked").push(name.to_str().into_owned());
        Err(rustls::Error::General("nobody".to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("nobody".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verify_tls12_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        Vec::new()
    }
}

#[test]
fn a_certificate_must_be_the_names_whatever_number_is_connected_to() {
    let noting = Arc::new(Noting::default());
    let name = ServerName::try_from("nats.example".to_owned()).expect("a name");
    let named = Named { name, verifier: Arc::clone(&noting) as Arc<dyn ServerCertVerifier> };
    let number = ServerName::try_from("10.1.2.3").expect("a number");
    let certificate = CertificateDer::from(Vec::new());
    let checked = named.verify_server_cert(&certificate, &[], &number, &[], UnixTime::now());
    assert!(checked.is_err());
    assert_eq!(*noting.0.lock().expect("nobody panicked"), ["nats.example"]);
}

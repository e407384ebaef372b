//! When is a failed delivery tried again? And where does a client connect to?

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{
    nats,
    retries::{millis, next_by},
};

const HOUR: i64 = 60 * 60 * 1000;

#[test]
fn the_wait_is_any_part_of_a_span_that_doubles_up_to_four_hours() {
    for (attempts, span) in
        [(1, 5_000), (2, 10_000), (3, 20_000), (8, 640_000), (13, 4 * HOUR), (40, 4 * HOUR)]
    {
        let last = u64::try_from(span).expect("positive") - 1;
        assert_eq!(next_by(attempts, 0, None, 7, 0), Some(7));
        assert_eq!(next_by(attempts, 0, None, 7, last), Some(7 + span - 1), "{attempts}");
        assert_eq!(next_by(attempts, 0, None, 7, last + 1), Some(7), "{attempts}");
    }
}

#[test]
fn what_a_sink_asks_for_is_waited_out_up_to_four_hours() {
    let asked = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(next_by(1, 0, asked(60), 0, 4_999), Some(60_000));
    assert_eq!(next_by(5, 0, asked(60), 0, 79_999), Some(79_999));
    assert_eq!(next_by(1, 0, asked(1_000_000), 0, 0), Some(4 * HOUR));
}

#[test]
fn after_three_days_it_is_given_up() {
    let days = millis(Duration::from_secs(3 * 24 * 60 * 60));
    assert!(next_by(40, 1, None, days, 0).is_some());
    assert_eq!(next_by(40, 0, None, days, 0), None);
}

#[tokio::test]
async fn nats_by_tls_connects_to_what_was_checked_and_looks_up_no_name() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let found = [listener.local_addr().expect("an address")];
    // No resolver knows this name.
    let options = nats::options("nats.invalid", false, None).expect("options");
    let connecting = tokio::spawn(options.connect(nats::servers(&found, false)));
    let (mut connection, _) = listener.accept().await.expect("a connection");
    let info =
        b"INFO {\"server_id\":\"a\",\"server_name\":\"a\",\"version\":\"2.10.0\",\"go\":\"go1\",\
        \"host\":\"0.0.0.0\",\"port\":4222,\"max_payload\":1048576,\"proto\":1,\"client_id\":1,\
        \"tls_required\":true}\r\n";
    connection.write_all(info).await.expect("it reads");
    // The first byte of a TLS handshake.
    assert_eq!(connection.read_u8().await.expect("it goes on"), 22);
    connecting.abort();
}

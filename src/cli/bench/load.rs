//! The load generator: keep-alive connections that speak just enough HTTP/1.1.
//!
//! It shares the machine with what it measures, so it does little: requests are signed beforehand,
//! answers are read up to their length, and times are kept as numbers until the end.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use super::requests::Requests;
use crate::clock;

/// How long an answer may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// What to send, where, and how fast.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub address: SocketAddr,
    pub connections: usize,
    pub requests: Arc<Requests>,
    /// Begins again when all are sent: for an endpoint that does not tell them apart.
    pub again: bool,
    pub pace: Pace,
    pub duration: Duration,
}

/// When the next request goes out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// When the answer before is there.
    Closed,
    /// So many a second, whether answers come or not; what waits for a free connection counts as
    /// waiting for its answer.
    Open(f64),
}

/// What came of it; times in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Run {
    pub per_second: f64,
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
    pub answered: usize,
    /// Answers other than 200.
    pub failed: usize,
    /// What each answer took of the processor; the load generator does not know.
    pub cost: Option<Cost>,
}

/// Microseconds of processor time per answer.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Cost {
    pub server: f64,
    /// PostgreSQL's processes; SQLite works within the gateway's.
    pub database: f64,
}

/// Sends and waits for every answer.
pub(super) async fn run(load: &Load) -> anyhow::Result<Run> {
    let mut streams = Vec::with_capacity(load.connections);
    for _ in 0..load.connections {
        let stream = TcpStream::connect(load.address).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let next = Arc::new(AtomicUsize::new(0));
    let start = clock::instant();
    let mut tasks = JoinSet::new();
    for stream in streams {
        let connection = Connection { stream, answer: Vec::new(), samples: Vec::new(), failed: 0 };
        let sending = connection.send(load.clone(), Arc::clone(&next), start);
        tasks.spawn(tokio::time::timeout(load.duration + PATIENCE, sending));
    }
    let (mut times, mut failed) = (Vec::new(), 0);
    while let Some(ended) = tasks.join_next().await {
        let connection = ended???;
        times.extend(connection.samples);
        failed += connection.failed;
    }
    Ok(summary(times, failed, clock::instant().duration_since(start)))
}

struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
    /// Microseconds.
    samples: Vec<u32>,
    failed: usize,
}

impl Connection {
    async fn send(
        mut self,
        load: Load,
        next: Arc<AtomicUsize>,
        start: Instant,
    ) -> io::Result<Self> {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            if place >= load.requests.len() && !load.again {
                return Ok(self);
            }
            let began = match load.pace {
                Pace::Closed => clock::instant(),
                Pace::Open(rate) => wait_for(start, place, rate).await,
            };
            if began.duration_since(start) >= load.duration {
                return Ok(self);
            }
            self.stream.write_all(load.requests.get(place % load.requests.len())).await?;
            if !self.is_ok().await? {
                self.failed += 1;
            }
            let took = clock::instant().duration_since(began).as_micros();
            self.samples.push(u32::try_from(took).unwrap_or(u32::MAX));
        }
    }

    /// Reads one answer; its body is as long as the head says.
    async fn is_ok(&mut self) -> io::Result<bool> {
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let Some(head) = self.answer.windows(4).position(|four| four == b"\r\n\r\n") else {
                continue;
            };
            let length = content_length(&self.answer[..head]);
            while self.answer.len() < head + 4 + length {
                if self.stream.read_buf(&mut self.answer).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            return Ok(self.answer.get(9..12) == Some(b"200"));
        }
    }
}

/// Waits until a request is due. One that finds its connection late counts from when it was due.
async fn wait_for(start: Instant, place: usize, rate: f64) -> Instant {
    #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
    let due = start + Duration::from_secs_f64(place as f64 / rate);
    let now = clock::instant();
    if now >= due {
        return due;
    }
    tokio::time::sleep(due - now).await;
    // The timer's own coarseness is not the gateway's doing.
    clock::instant()
}

fn content_length(head: &[u8]) -> usize {
    let text = std::str::from_utf8(head).unwrap_or_default();
    let value = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim())
    });
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}

#[expect(clippy::cast_precision_loss, reason = "counts of requests")]
fn summary(mut times: Vec<u32>, failed: usize, elapsed: Duration) -> Run {
    times.sort_unstable();
    let at = |share: usize| {
        let index = (times.len() * share / 1000).min(times.len().saturating_sub(1));
        times.get(index).map_or(0.0, |micros| f64::from(*micros) / 1000.0)
    };
    Run {
        per_second: times.len() as f64 / elapsed.as_secs_f64(),
        p50: at(500),
        p99: at(990),
        p999: at(999),
        answered: times.len(),
        failed,
        cost: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let run = summary((1..=1000).rev().map(|n| n * 1000).collect(), 0, Duration::from_secs(2));
        assert_eq!((run.per_second, run.p50, run.p99, run.p999), (500.0, 501.0, 991.0, 1000.0));
        assert_eq!(summary(Vec::new(), 0, Duration::from_secs(1)).p99, 0.0);
    }
}

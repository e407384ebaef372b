//! `frontdesk bench`: what intake costs, as ratios that hold on any machine.
//!
//! It starts what it measures on loopback, each in a process of its own: gateways on fresh
//! databases, the same gateways with one transaction a request (the same code and driver, groups of
//! one), and an endpoint that does nothing. What is compared runs in turns within one round, so that
//! a busy machine disturbs both sides; ratios are taken round by round. Nothing is kept.
//!
//! [`Contest`] holds what is measured; [`report`] what must come out.

mod contest;
mod decode;
mod handoff;
mod load;
mod noop;
mod postgres;
mod replay;
mod report;
mod requests;
mod routing;
mod servers;
mod store;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::Context;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use clap::{Args, ValueEnum};
use tokio::signal::unix;

use self::{
    contest::{Contest, Ground, Scenario},
    decode::{Content, Decoding},
    postgres::{Postgres, Programs},
    report::{Bound, Figure, Machine, Ratio, Report, short},
    requests::Senders,
    servers::{Folder, Memory},
};
use super::Exit;
use crate::clock;

/// The whole bench takes no longer.
const PATIENCE: Duration = Duration::from_secs(45 * 60);

/// Bytes up to which a body counts as small.
const SMALL: usize = 1024;

/// Connections at which ratios are taken, and at which memory is.
const USUAL: usize = 256;
const MANY: usize = 1_000;

/// Measure intake: rates and times beside a plain gateway and an endpoint that does nothing.
///
/// Ends with 4 when a ratio does not hold.
#[derive(Debug, Args)]
pub(super) struct Bench {
    /// Only what the ratios need, on smaller databases and for a shorter time.
    #[arg(long)]
    quick: bool,
    /// One JSON object with every figure.
    #[arg(long)]
    json: bool,
    /// Without PostgreSQL.
    #[arg(long)]
    sqlite_only: bool,
    /// Only claiming and pushing, at 1,000 and at 100,000 items in the queue.
    #[arg(long)]
    routing: bool,
    /// Only these parts.
    #[arg(long, value_delimiter = ',', value_enum)]
    only: Vec<Part>,
    /// Messages stored before, such as 10k,1M,5M.
    #[arg(long, value_delimiter = ',', value_parser = count)]
    stored: Vec<u64>,
    /// Connections at once.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64, 256, 1000])]
    connections: Vec<usize>,
    /// Seconds of each measurement.
    #[arg(long)]
    seconds: Option<f64>,
    /// How often each is made.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(3..))]
    rounds: u16,
    /// Where databases are made; by itself the folder for temporary files.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Where requests to decode lie.
    #[arg(long, default_value = "fixtures")]
    fixtures: PathBuf,
    /// PostgreSQL's programs; by itself the newest that are installed.
    #[arg(long, env = "FRONTDESK_PG_BIN")]
    pg_bin: Option<PathBuf>,
    /// NATS' server; by itself the one that is installed.
    #[arg(long, env = "FRONTDESK_NATS_SERVER")]
    nats_server: Option<PathBuf>,
    /// Be the endpoint that does nothing.
    #[arg(long, hide = true)]
    noop: Option<SocketAddr>,
}

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Rates, times and memory on small databases.
    Intake,
    /// Rates on databases that have grown.
    Growth,
    /// What adapters take.
    Decoding,
    /// Live intake beside a replay of 100,000 stored requests.
    Replay,
    /// Events into sinks, and what that weighs on intake.
    Handoff,
}

impl Bench {
    pub fn run(&self) -> anyhow::Result<Exit> {
        let runtime = tokio::runtime::Runtime::new().context("the runtime could not be started")?;
        runtime.block_on(async {
            if let Some(address) = self.noop {
                return noop::serve(address).await.map(|()| Exit::Done);
            }
            let mut terminate = unix::signal(unix::SignalKind::terminate())?;
            // Leaving drops what was started and made.
            tokio::select! {
                ended = tokio::time::timeout(PATIENCE, self.measure()) => {
                    ended.context("the bench took too long")?
                }
                _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
                _ = terminate.recv() => Ok(Exit::Interrupted),
            }
        })
    }

    async fn measure(&self) -> anyhow::Result<Exit> {
        let programs = match Programs::find(self.pg_bin.as_deref()) {
            _ if self.sqlite_only => None,
            Some(programs) => Some(programs),
            None => {
                anstream::eprintln!(
                    "frontdesk: PostgreSQL is not installed; name its programs with \
                     FRONTDESK_PG_BIN, or measure with --sqlite-only"
                );
                return Ok(Exit::Unreachable);
            }
        };
        let parent = self.folder.clone().unwrap_or_else(std::env::temp_dir);
        // Dropped in reverse: gateways, then PostgreSQL, then the files of both.
        let folder = Folder::new(&parent)?;
        let postgres = match programs {
            Some(programs) => Some(Postgres::start(programs, folder.path()).await?),
            None => None,
        };
        if self.routing {
            let report =
                routing::measure(folder.path(), postgres.as_ref(), usize::from(self.rounds))
                    .await?;
            if self.json {
                println!("{}", serde_json::to_string_pretty(&report)?);
            } else {
                println!("{report}");
            }
            return Ok(if report.holds() { Exit::Done } else { Exit::Findings });
        }
        let report = self.report(folder.path(), postgres.as_ref()).await?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            println!("{report}");
        }
        Ok(if report.holds() { Exit::Done } else { Exit::Findings })
    }

    async fn report(&self, folder: &Path, postgres: Option<&Postgres>) -> anyhow::Result<Report> {
        let seconds = self.seconds.unwrap_or(if self.quick { 0.7 } else { 2.0 });
        let rounds = usize::from(self.rounds);
        let load_average_before = load_average();
        let mut left_out = Vec::new();
        if postgres.is_none() {
            left_out.push("PostgreSQL (--sqlite-only)".to_owned());
        }
        if !self.only.is_empty() {
            left_out.push("what --only does not name".to_owned());
        }
        let key = BASE64.encode(clock::random_bytes::<32>());
        let ground = Ground { folder, postgres, key: &key };
        let duration = Duration::from_secs_f64(seconds);

        let mut databases = Vec::new();
        let (mut figures, mut halves, mut memory) = (Vec::new(), Vec::new(), Vec::new());
        if self.wants(Part::Intake) {
            let mut contest = Contest::start(&ground, duration, rounds).await?;
            databases.clone_from(&contest.databases);
            figures = contest.measure(&self.scenarios(), contest::ALL).await?;
            let many = Scenario { connections: MANY, senders: Senders::Known };
            if !figures.iter().any(|figure| figure.connections == MANY) {
                figures.extend(contest.measure(&[many], contest::GROUPS).await?);
            }
            memory = contest.memory();
            let rates = figures.iter().filter(|figure| is_usual(figure)).map(|figure| {
                (figure.subject.clone(), figure.spread(|run| run.per_second).median / 2.0)
            });
            halves = contest.at_rates(rates.collect()).await?;
        }
        let (stored, mut growth) = (self.stored(), Vec::new());
        if self.wants(Part::Growth) {
            growth = contest::grow(&ground, &stored, duration, rounds).await?;
        }
        let mut decoding = Vec::new();
        if self.wants(Part::Decoding) {
            let passed_over;
            (decoding, passed_over) = decode::measure(&self.fixtures, rounds.max(5));
            left_out.extend(passed_over);
            if decoding.is_empty() {
                left_out.push(format!("decoding (no fixtures in {})", self.fixtures.display()));
            }
        }

        let mut beside_replay = Vec::new();
        if self.wants(Part::Replay) {
            let stored = if self.quick { 20_000 } else { 100_000 };
            beside_replay = replay::measure(&ground, stored, duration, rounds).await?;
        }
        let mut handoff = handoff::Measured::default();
        if self.wants(Part::Handoff) {
            let nats = handoff::nats_server(self.nats_server.as_deref());
            if nats.is_none() {
                left_out.push("hand-off into NATS (nats-server is not installed)".to_owned());
            }
            handoff = handoff::measure(&ground, nats.as_deref(), duration, rounds).await?;
        }

        let mut ratios = throughput(&figures);
        ratios.extend(growth_ratios(&growth, &stored));
        ratios.extend(tails(&halves));
        ratios.extend(memory.iter().map(|(subject, memory)| resident(subject, *memory)));
        let comparable = decoding.iter().filter(|decoding| decoding.content != Content::Other);
        ratios.extend(comparable.map(decoding_ratio));
        if !decoding.is_empty() {
            ratios.extend([Content::Form, Content::Json].map(|content| lines(&decoding, content)));
        }
        ratios.extend(replay::ratios(&beside_replay));
        ratios.extend(handoff.ratios);
        figures.extend(halves.into_iter().chain(growth).chain(beside_replay));
        figures.extend(handoff.figures);
        let machine = Machine {
            version: env!("CARGO_PKG_VERSION"),
            cores: thread::available_parallelism().map_or(1, usize::from),
            load_average_before,
            load_average_after: load_average(),
            databases,
            seconds,
            rounds,
        };
        Ok(Report { machine, figures, decoding, handed: handoff.handed, ratios, left_out })
    }

    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    fn scenarios(&self) -> Vec<Scenario> {
        let mut scenarios = vec![Scenario { connections: USUAL, senders: Senders::Mixed }];
        if !self.quick {
            for senders in [Senders::Known, Senders::New] {
                let at = |connections: &usize| Scenario { connections: *connections, senders };
                scenarios.extend(self.connections.iter().map(at));
            }
        }
        scenarios
    }

    fn stored(&self) -> Vec<u64> {
        match (self.stored.as_slice(), self.quick) {
            ([], true) => vec![10_000, 200_000],
            ([], false) => vec![10_000, 1_000_000, 5_000_000],
            (given, _) => given.to_vec(),
        }
    }
}

/// The scenario the ratios are about.
fn is_usual(figure: &Figure) -> bool {
    figure.connections == USUAL && figure.senders == Senders::Mixed.as_str()
}

/// Groups beside one transaction a request, and beside the endpoint that does nothing.
fn throughput(figures: &[Figure]) -> Vec<Ratio> {
    let find =
        |subject: &str| figures.iter().find(|figure| is_usual(figure) && figure.subject == subject);
    let by_round = |one: &Figure, other: &Figure| -> Vec<f64> {
        let pairs = one.rounds.iter().zip(&other.rounds);
        pairs.map(|(one, other)| one.per_second / other.per_second).collect()
    };
    let mut ratios = Vec::new();
    for (engine, least, aim) in [("PostgreSQL", 0.18, 0.3), ("SQLite", 0.13, 0.25)] {
        let Some(groups) = find(engine) else { continue };
        if let Some(each) = find(&contest::per_request(engine)) {
            let name = format!("{engine} ÷ transaction per request, {USUAL} connections");
            let bound = Bound::AtLeast { least: 6.0, aim: 10.0 };
            ratios.push(Ratio::new(name, by_round(groups, each), bound));
        }
        if let Some(noop) = find(contest::NOOP) {
            let name = format!("{engine} ÷ endpoint that does nothing, {USUAL} connections");
            ratios.push(Ratio::new(name, by_round(groups, noop), Bound::AtLeast { least, aim }));
        }
    }
    ratios
}

fn growth_ratios(growth: &[Figure], stored: &[u64]) -> Vec<Ratio> {
    let (Some(least), Some(most)) = (stored.iter().min(), stored.iter().max()) else {
        return Vec::new();
    };
    let small = growth.iter().filter(|figure| figure.stored == Some(*least));
    let pairs = small.filter_map(|small| {
        let is_its = |figure: &&Figure| {
            figure.subject == small.subject && figure.stored == Some(*most) && least != most
        };
        Some((small, growth.iter().find(is_its)?))
    });
    let ratio = |(small, large): (&Figure, &Figure)| {
        let rounds = small.rounds.iter().zip(&large.rounds);
        let values = rounds.map(|(small, large)| small.per_second / large.per_second);
        let (least, most) = (short(*least), short(*most));
        let name = format!("{}, {least} ÷ {most} stored, known senders", small.subject);
        Ratio::new(name, values, Bound::AtMost { most: 1.6, aim: 1.3 })
    };
    pairs.map(ratio).collect()
}

fn tails(halves: &[Figure]) -> Vec<Ratio> {
    let tail = |figure: &Figure| {
        let name = format!("{}, p99 ÷ p50 at half the highest rate", figure.subject);
        let values = figure.rounds.iter().map(|run| run.p99 / run.p50);
        Ratio::new(name, values, Bound::AtMost { most: 10.0, aim: 5.0 })
    };
    halves.iter().map(tail).collect()
}

fn resident(subject: &str, memory: Memory) -> Ratio {
    let name = format!("{subject}, resident MiB at {MANY} connections (most so far)");
    Ratio::new(name, [memory.resident, memory.peak], Bound::AtMost { most: 150.0, aim: 100.0 })
}

fn decoding_ratio(decoding: &Decoding) -> Ratio {
    let values = decoding.rounds.iter().map(|times| times.ours / times.bare);
    let name = format!("{}, verify, parse and answer ÷ bare MAC and parsing", decoding.provider);
    Ratio::new(name, values, Bound::AtMost { most: 2.0, aim: 1.5 })
}

/// How many lines `decode --jsonl` answers a second, one small request of each provider in turn.
fn lines(decoding: &[Decoding], content: Content) -> Ratio {
    let is_small = |decoding: &&Decoding| decoding.content == content && decoding.bytes <= SMALL;
    let small: Vec<&Decoding> = decoding.iter().filter(is_small).collect();
    let rounds = small.iter().map(|decoding| decoding.rounds.len()).min().unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "a count of providers")]
    let per_second = |round: usize| {
        let micros = small.iter().map(|decoding| decoding.rounds[round].line).sum::<f64>();
        small.len() as f64 * 1e6 / micros
    };
    let what = match content {
        Content::Form => "forms",
        Content::Json => "JSON bodies",
        Content::Other => "other bodies",
    };
    let name = format!("decode --jsonl, {what} a second on one core");
    let bound = Bound::AtLeast { least: 50_000.0, aim: 100_000.0 };
    Ratio::new(name, (0..rounds).map(per_second), bound)
}

/// The last one, five and fifteen minutes' average; only Linux tells.
fn load_average() -> Option<String> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    Some(text.split(' ').take(3).collect::<Vec<_>>().join(" "))
}

/// Reads `10k`, `5M` or a plain number.
fn count(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1_000),
        None => text.strip_suffix(['m', 'M']).map_or((text, 1), |digits| (digits, 1_000_000)),
    };
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    number.filter(|number| *number > 0).ok_or_else(|| "write 10k, 5M or a number".to_owned())
}

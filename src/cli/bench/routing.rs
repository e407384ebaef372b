//! Claiming and pushing, from a short queue and from a long one.
//!
//! Both are measured in this process, through the same functions that the API and the assigner call,
//! in turns: what one costs must not depend on how much waits behind it.

use std::{fmt, path::Path, time::Duration};

use comfy_table::{Table, presets};
use futures_util::future::try_join_all;
use serde::Serialize;

use super::{
    postgres::Postgres,
    report::{Bound, Ratio, Spread, ratios, short},
    store::{self, describe},
};
use crate::{
    agents::{self, Agent},
    assign::{Rules, sweep},
    audit::Author,
    clock,
    db::Store,
    routing::{
        self, Pool, Queue, QueueSettings,
        availability::{self, Capacity, Presence},
        offers,
    },
};

/// How much waits.
const WAITING: [u64; 2] = [1_000, 100_000];
/// Agents, and how much each takes: so much is claimed, or pushed, in one measurement.
const AGENTS: usize = 40;
const EACH: i64 = 10;
/// How often both are done in a round, of which the median counts: pushing so much takes a tenth of
/// a second, which one commit of somebody else's can double.
const TIMES: usize = 5;
/// Agents who claim at the same time.
const AT_ONCE: usize = 8;
/// A time after which everything was queued, in Unix milliseconds.
const NOW: i64 = 1_767_225_600_000;

/// What is printed.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    databases: Vec<String>,
    rounds: usize,
    figures: Vec<Figure>,
    ratios: Vec<Ratio>,
}

/// One database.
#[derive(Debug, Serialize)]
struct Figure {
    engine: &'static str,
    waiting: u64,
    claims_per_second: Vec<f64>,
    pushes_per_second: Vec<f64>,
}

impl Report {
    pub fn holds(&self) -> bool {
        self.ratios.iter().all(|ratio| ratio.held)
    }
}

/// Measures both engines, PostgreSQL where it is there.
pub(super) async fn measure(
    folder: &Path,
    postgres: Option<&Postgres>,
    rounds: usize,
) -> anyhow::Result<Report> {
    let mut report =
        Report { databases: Vec::new(), rounds, figures: Vec::new(), ratios: Vec::new() };
    let mut engines: Vec<Vec<String>> = Vec::new();
    if let Some(postgres) = postgres {
        let mut urls = Vec::new();
        for waiting in WAITING {
            let name = format!("routing_{waiting}");
            store::create(&postgres.url("postgres"), &name).await?;
            urls.push(postgres.url(&name));
        }
        engines.push(urls);
    }
    let file = |waiting| format!("sqlite:{}", folder.join(format!("{waiting}.db")).display());
    engines.push(WAITING.map(file).into());
    for urls in engines {
        let mut subjects = Vec::new();
        for (url, waiting) in urls.iter().zip(WAITING) {
            let store = Store::open(url, 16).await?;
            store::make_queue(&store, waiting).await?;
            if subjects.is_empty() {
                report.databases.push(describe(url).await?);
            }
            employ(&store).await?;
            let engine = store.engine();
            let (claims_per_second, pushes_per_second) = (Vec::new(), Vec::new());
            subjects
                .push((store, Figure { engine, waiting, claims_per_second, pushes_per_second }));
        }
        // Unmeasured: statements are prepared and caches filled.
        for round in 0..=rounds {
            for (store, figure) in &mut subjects {
                let mut rates = (Vec::new(), Vec::new());
                for _ in 0..TIMES {
                    rates.0.push(claims(store).await?);
                    rates.1.push(pushes(store).await?);
                }
                if round > 0 {
                    figure.claims_per_second.push(Spread::of(rates.0).median);
                    figure.pushes_per_second.push(Spread::of(rates.1).median);
                }
            }
        }
        for (store, figure) in subjects {
            store.close().await;
            report.figures.push(figure);
        }
    }
    for pair in report.figures.chunks(2) {
        let [little, much] = pair else { continue };
        for (what, of) in [("claim", claimed as fn(&Figure) -> &[f64]), ("push", pushed)] {
            let rounds = of(little).iter().zip(of(much)).map(|(little, much)| little / much);
            let [few, many] = WAITING.map(short);
            let name = format!("{}, {what} at {many} ÷ at {few} waiting", little.engine);
            report.ratios.push(Ratio::new(name, rounds, Bound::AtMost { most: 1.5, aim: 1.2 }));
        }
    }
    Ok(report)
}

fn claimed(figure: &Figure) -> &[f64] {
    &figure.claims_per_second
}

fn pushed(figure: &Figure) -> &[f64] {
    &figure.pushes_per_second
}

/// The queue and its agents, who know what its lanes take.
async fn employ(store: &Store) -> anyhow::Result<()> {
    let mut tx = store.begin().await?;
    let settings = QueueSettings { pools: vec![Pool::default()], ..QueueSettings::default() };
    let queue = Queue {
        id: "bench".to_owned(),
        name: "bench".to_owned(),
        is_default: false,
        settings,
        created_at: 0,
        changed_at: 0,
        version: 1,
    };
    routing::store::insert_queue(&mut tx, &queue).await?;
    for id in (0..AGENTS).map(name) {
        let agent = Agent {
            id: id.clone(),
            name: id.clone(),
            active: true,
            created_at: 0,
            changed_at: 0,
            version: 1,
        };
        agents::insert(&mut tx, &agent).await?;
        if let Some(known) = availability::get(&mut tx, &id).await? {
            let known = availability::Availability {
                capacity: Capacity { messaging: EACH, ..Capacity::default() },
                queues: vec!["bench".to_owned()],
                skills: vec!["billing".to_owned(), "portuguese".to_owned()],
                ..known
            };
            availability::save(&mut tx, &known).await?;
        }
    }
    Ok(tx.commit().await?)
}

fn name(number: usize) -> String {
    format!("agent-{number}")
}

async fn present(store: &Store, presence: Presence) -> anyhow::Result<()> {
    let mut tx = store.begin().await?;
    for id in (0..AGENTS).map(name) {
        availability::set_presence(&mut tx, &id, presence, NOW).await?;
    }
    Ok(tx.commit().await?)
}

/// Claims a second, by agents who claim at the same time.
async fn claims(store: &Store) -> anyhow::Result<f64> {
    present(store, Presence::Busy).await?;
    store::put_back(store).await?;
    let began = clock::instant();
    try_join_all((0..AT_ONCE).map(async |first| {
        for id in (first..AGENTS).step_by(AT_ONCE).map(name) {
            let author = Author::agent(&id, None);
            for _ in 0..EACH {
                let mut tx = store.begin().await?;
                offers::claim(&mut tx, "bench", &id, 3600, &author, NOW).await?;
                tx.commit().await?;
            }
        }
        anyhow::Ok(())
    }))
    .await?;
    rate(store, clock::instant() - began).await
}

/// Offers pushed a second, from agents who come to the last one who has room.
async fn pushes(store: &Store) -> anyhow::Result<f64> {
    store::put_back(store).await?;
    present(store, Presence::Available).await?;
    let began = clock::instant();
    sweep(store, &Rules::default(), NOW).await?;
    rate(store, clock::instant() - began).await
}

/// How much is claimed, or pushed.
fn wanted() -> i64 {
    (0..AGENTS).map(|_| EACH).sum()
}

async fn rate(store: &Store, took: Duration) -> anyhow::Result<f64> {
    let offered = store::offered(store).await?;
    let wanted = wanted();
    anyhow::ensure!(offered == wanted, "{offered} items are offered instead of {wanted}");
    Ok(f64::from(i32::try_from(offered)?) / took.as_secs_f64())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} items claimed, then as many pushed, by {AGENTS} agents, {AT_ONCE} at a time;",
            wanted()
        )?;
        writeln!(
            f,
            "the median of {} rounds, in turns. Compare ratios, not machines.",
            self.rounds
        )?;
        for database in &self.databases {
            writeln!(f, "{database}")?;
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(["database", "waiting", "claims/s", "min–max", "pushes/s", "min–max"]);
        for figure in &self.figures {
            let claims = Spread::of(figure.claims_per_second.iter().copied());
            let pushes = Spread::of(figure.pushes_per_second.iter().copied());
            table.add_row([
                figure.engine.to_owned(),
                short(figure.waiting),
                format!("{:.0}", claims.median),
                format!("{:.0}–{:.0}", claims.min, claims.max),
                format!("{:.0}", pushes.median),
                format!("{:.0}–{:.0}", pushes.min, pushes.max),
            ]);
        }
        writeln!(f, "\n{table}\n")?;
        write!(f, "{}", ratios(&self.ratios))
    }
}

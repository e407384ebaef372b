//! Every list and record page of the API on a gateway that is full: how long a page takes.
//!
//! Pages are asked for over HTTP on loopback, one at a time, each with other values at every call;
//! of each its p50 and p99 are told, and what must hold. With plans, each page is asked for once
//! more at a gateway that logs its statements, and the database explains them.

mod fill;
mod pages;
mod plans;
mod store;
mod tables;
mod values;

use std::{collections::BTreeMap, fmt, time::Duration};

use anyhow::{Context, ensure};
use comfy_table::{Table, presets};
use reqwest::Client;
use serde::Serialize;

use self::{
    fill::{Sizes, YEAR},
    pages::Page,
    plans::Plan,
};
use super::{
    contest::Ground,
    report::{Bound, Ratio, ratios, short},
    servers::Server,
    store::describe,
};
use crate::{
    cli::http,
    clock::{self, Clock},
    db::Store,
    keys::{self, Key, Scope},
};

/// What a page may take, in milliseconds.
const MOST: f64 = 50.0;
const AIM: f64 = 20.0;

/// How much, and how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent<'a> {
    pub profiles: u64,
    /// Calls of one page in a round.
    pub calls: u64,
    pub rounds: usize,
    pub plans: bool,
    /// Only pages with this in their names.
    pub pages: Option<&'a str>,
}

/// What is printed.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    databases: Vec<String>,
    profiles: u64,
    messages: u64,
    calls: u64,
    rounds: usize,
    figures: Vec<Figure>,
    ratios: Vec<Ratio>,
    plans: Vec<Plan>,
}

/// One page; times in milliseconds.
#[derive(Debug, Serialize)]
struct Figure {
    engine: &'static str,
    page: String,
    path: &'static str,
    p50: f64,
    p99: f64,
    /// The p99 of each round.
    p99s: Vec<f64>,
    /// What its answers held at most, in bytes.
    bytes: usize,
}

impl Report {
    pub fn holds(&self) -> bool {
        self.ratios.iter().all(|ratio| ratio.held)
    }
}

/// Fills a database of each kind, or takes those at `urls`, and asks for every page.
pub(super) async fn measure(
    ground: &Ground<'_>,
    urls: &[String],
    extent: Extent<'_>,
) -> anyhow::Result<Report> {
    let sizes = Sizes { profiles: extent.profiles };
    let urls = if urls.is_empty() { ground.empty("lists").await? } else { urls.to_vec() };
    let mut report = Report {
        databases: Vec::new(),
        profiles: sizes.profiles,
        messages: sizes.messages(),
        calls: extent.calls,
        rounds: extent.rounds,
        figures: Vec::new(),
        ratios: Vec::new(),
        plans: Vec::new(),
    };
    for url in urls {
        let store = Store::open(&url, 2).await?;
        store.migrate().await?;
        if store::found(&store).await?.is_none() {
            let now = u64::try_from(Clock::system().now().as_millis())?;
            let began = clock::instant();
            fill::fill(&store, sizes, now - YEAR).await?;
            let took = (clock::instant() - began).as_secs();
            anstream::eprintln!("{} filled in {took} s", store.engine());
        }
        let (begin, sizes) = store::found(&store).await?.context("nothing was filled in")?;
        report.databases.push(describe(&url).await?);
        let key = make_key(&store).await?;
        let desk = Desk { engine: store.engine(), key, sizes, begin, client: http::client()? };
        let chosen = |page: &Page| extent.pages.is_none_or(|part| page.name().contains(part));
        let pages: Vec<Page> = pages::all().into_iter().filter(chosen).collect();
        let server = Server::quiet(ground.folder, &url, ground.key, None).await?;
        for page in &pages {
            let figure = desk.time(&server, page, extent).await?;
            anstream::eprintln!("{}, {}: {:.1} ms at p99", desk.engine, figure.page, figure.p99);
            report.figures.push(figure);
        }
        drop(server);
        if extent.plans {
            report.plans.extend(plans::all(&desk, ground, &url, &store, &pages).await?);
        }
        store.close().await;
    }
    report.ratios = to_hold(&report.figures);
    Ok(report)
}

/// Of each path the slowest page.
fn to_hold(figures: &[Figure]) -> Vec<Ratio> {
    let mut paths: BTreeMap<(&str, &str), Vec<&Figure>> = BTreeMap::new();
    for figure in figures {
        paths.entry((figure.engine, figure.path)).or_default().push(figure);
    }
    let slowest = |((engine, path), figures): (_, Vec<&Figure>)| {
        let slowest = figures.iter().max_by(|one, other| one.p99.total_cmp(&other.p99));
        let values = slowest.into_iter().flat_map(|figure| figure.p99s.iter().copied());
        let name = format!("{engine}, {path}, ms at p99, slowest of {}", figures.len());
        Ratio::new(name, values, Bound::AtMost { most: MOST, aim: AIM })
    };
    paths.into_iter().map(slowest).collect()
}

async fn make_key(store: &Store) -> anyhow::Result<String> {
    let (key, secret, hash) =
        Key::new("bench", Scope::Admin, None, Clock::system().now().as_millis());
    let mut tx = store.begin().await?;
    keys::insert(&mut tx, &key, &hash).await?;
    tx.commit().await?;
    Ok(secret.expose().to_owned())
}

/// Somebody who asks.
#[derive(Debug)]
struct Desk {
    engine: &'static str,
    key: String,
    sizes: Sizes,
    begin: u64,
    client: Client,
}

impl Desk {
    async fn time(
        &self,
        server: &Server,
        page: &Page,
        extent: Extent<'_>,
    ) -> anyhow::Result<Figure> {
        let (mut all, mut p99s, mut bytes) = (Vec::new(), Vec::new(), 0);
        for round in 0..extent.rounds as u64 {
            let mut times = Vec::new();
            // The first prepares statements.
            for call in 0..=extent.calls {
                let (took, size) =
                    self.call(server, page, round * (extent.calls + 1) + call).await?;
                bytes = bytes.max(size);
                if call > 0 {
                    times.push(took.as_secs_f64() * 1_000.0);
                }
            }
            p99s.push(percentile(&mut times, 99));
            all.extend(times);
        }
        Ok(Figure {
            engine: self.engine,
            page: page.name(),
            path: page.path(),
            p50: percentile(&mut all, 50),
            p99: percentile(&mut all, 99),
            p99s,
            bytes,
        })
    }

    /// How long an answer took, and its size.
    async fn call(
        &self,
        server: &Server,
        page: &Page,
        call: u64,
    ) -> anyhow::Result<(Duration, usize)> {
        let target = page.target(call, self.sizes, self.begin);
        let url = format!("http://{}{target}", server.address);
        let began = clock::instant();
        let response = self.client.get(url).bearer_auth(&self.key).send().await?;
        let status = response.status();
        let body = response.bytes().await?;
        let took = clock::instant() - began;
        ensure!(
            status.is_success(),
            "{target} was answered {status}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok((took, body.len()))
    }
}

fn percentile(times: &mut [f64], percent: usize) -> f64 {
    times.sort_by(f64::total_cmp);
    let rank = (times.len() * percent).div_ceil(100).max(1) - 1;
    times.get(rank).copied().unwrap_or(f64::NAN)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (profiles, messages) = (short(self.profiles), short(self.messages));
        writeln!(
            f,
            "{profiles} profiles and {messages} messages; {} rounds of {} calls a page,",
            self.rounds, self.calls
        )?;
        writeln!(f, "one after the other, each with other values.")?;
        for database in &self.databases {
            writeln!(f, "{database}")?;
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(["database", "p50 ms", "p99 ms", "bytes", "page"]);
        for figure in &self.figures {
            table.add_row([
                figure.engine.to_owned(),
                format!("{:.1}", figure.p50),
                format!("{:.1}", figure.p99),
                figure.bytes.to_string(),
                figure.page.clone(),
            ]);
        }
        writeln!(f, "\n{table}\n")?;
        write!(f, "{}", ratios(&self.ratios))?;
        for plan in &self.plans {
            write!(f, "\n\n{plan}")?;
        }
        Ok(())
    }
}

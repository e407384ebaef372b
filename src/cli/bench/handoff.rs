//! Handing on: how fast events leave, and what that weighs on intake.
//!
//! Gateways with a sink and without one take requests in turns, as many as they can. Then what waits
//! is handed on while nothing comes in, which gives the rate, and leaves the others their turn.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use async_nats::jetstream::{self, stream};
use serde::Serialize;
use sqlx::types::Json;

use super::{
    contest::{Ground, MOST_PER_SECOND, Scenario, Subject, most, say},
    load::Pace,
    report::{Bound, Figure, Ratio},
    requests::{KNOWN, Senders, Signer},
    servers::Server,
    store,
};
use crate::{
    clock,
    db::Store,
    dispatch,
    sinks::{Kind, Secrets, Settings, Signature, SigningKey, Sink, State},
    vault::Vault,
};

/// How long handing on may take once nothing comes in any more.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often it is looked whether it is done.
const LOOK: Duration = Duration::from_millis(50);

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Measured {
    pub figures: Vec<Figure>,
    pub ratios: Vec<Ratio>,
    pub handed: Vec<Handed>,
}

/// How fast events left.
#[derive(Debug, Serialize)]
pub(super) struct Handed {
    pub subject: String,
    /// Events that the sink accepted a second, by round.
    pub per_second: Vec<f64>,
}

/// Where NATS' program is: named, Debian's, or wherever the shell finds it.
pub(super) fn nats_server(named: Option<&Path>) -> Option<PathBuf> {
    let debian = || Some(PathBuf::from("/usr/sbin/nats-server"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("nats-server"));
    let mut candidates = named.map(Path::to_owned).into_iter().chain(debian()).chain(found);
    candidates.find(|program| program.is_file())
}

/// Measures each engine without a sink and with one of each kind there is a receiver for.
pub(super) async fn measure(
    ground: &Ground<'_>,
    nats: Option<&Path>,
    duration: Duration,
    rounds: usize,
) -> anyhow::Result<Measured> {
    let usual = Scenario { connections: super::USUAL, senders: Senders::Mixed };
    let receiver = Server::noop(ground.folder).await?;
    let nats = match nats {
        Some(program) => {
            let server = Server::nats(ground.folder, program).await?;
            make_stream(&server.address.to_string()).await?;
            Some(server)
        }
        None => None,
    };
    let mut measured = Measured::default();
    for engine in ground.engines() {
        let webhook = (Kind::Webhook, format!("http://{}/webhooks/sink", receiver.address));
        let mut sinks =
            vec![("", "no_sink", None), (" into a webhook", "webhook_sink", Some(webhook))];
        sinks.extend(nats.as_ref().map(|nats| {
            (" into NATS", "nats_sink", Some((Kind::Nats, format!("nats://{}", nats.address))))
        }));
        let mut subjects = Vec::new();
        for (into, database, sink) in sinks {
            let name = format!("{engine}{into}");
            let url = ground.database(engine, database, KNOWN).await?;
            let store = Store::open(&url, 2).await?;
            if let Some((kind, address)) = sink {
                add(&store, ground.key, kind, address).await?;
            }
            let subject = ground.subject(engine, name, &url, KNOWN).await?;
            subjects.push((subject, store));
        }
        let figures = subjects.iter().map(|(subject, _)| subject.figure(usual));
        let mut figures: Vec<Figure> = figures.collect();
        let names = subjects.iter().skip(1).map(|(subject, _)| subject.name.clone());
        let mut handed: Vec<Handed> =
            names.map(|subject| Handed { subject, per_second: Vec::new() }).collect();
        let mut signer = Signer::new()?;
        // Unmeasured: statements are prepared and caches filled.
        for round in 0..=rounds {
            let requests = Arc::new(signer.sign(usual.senders, most(MOST_PER_SECOND, duration))?);
            for (place, (subject, store)) in subjects.iter().enumerate() {
                let load = subject.load(usual, &requests, Pace::Closed, duration);
                let run = subject.run(&load).await?;
                let rate = if place > 0 { drained(subject, store).await? } else { f64::NAN };
                if round > 0 {
                    figures[place].rounds.push(run);
                    let of_sink = place.checked_sub(1).and_then(|place| handed.get_mut(place));
                    of_sink.into_iter().for_each(|handed| handed.per_second.push(rate));
                }
            }
        }
        figures.iter().for_each(say);
        for with in &figures[1..] {
            let pairs = with.rounds.iter().zip(&figures[0].rounds);
            let values = pairs.map(|(with, without)| with.per_second / without.per_second);
            let name = format!("{}: intake ÷ without a sink", with.subject);
            let bound = Bound::AtLeast { least: 0.9, aim: 0.95 };
            measured.ratios.push(Ratio::new(name, values, bound));
        }
        measured.figures.extend(figures);
        measured.handed.extend(handed);
    }
    Ok(measured)
}

/// Waits until everything is handed on; returns how many events a second were meanwhile.
async fn drained(subject: &Subject, store: &Store) -> anyhow::Result<f64> {
    let before = store::handed_on(store).await?;
    let began = clock::instant();
    let done = async {
        while store::is_waiting(store).await? {
            tokio::time::sleep(LOOK).await;
        }
        anyhow::Ok(clock::instant() - began)
    };
    let took = tokio::time::timeout(PATIENCE, done).await;
    let took = took.with_context(|| format!("{} does not come to an end", subject.name))??;
    let events = f64::from(i32::try_from(store::handed_on(store).await? - before)?);
    Ok(events / took.as_secs_f64())
}

async fn add(store: &Store, key: &str, kind: Kind, url: String) -> anyhow::Result<()> {
    let sink = Sink {
        id: "bench".to_owned(),
        kind,
        url,
        settings: Json(Settings::default()),
        state: State::Active,
        state_reason: None,
        failing_since: None,
        created_at: 0,
        changed_at: 0,
        version: 1,
    };
    let secrets = Secrets::new(Some(SigningKey::generate(Signature::V1)), None);
    let mut tx = store.begin().await?;
    dispatch::add(&mut tx, &Vault::from_base64(key)?, &sink, &secrets).await?;
    Ok(tx.commit().await?)
}

async fn make_stream(address: &str) -> anyhow::Result<()> {
    let client = async_nats::connect(address).await.context("nats-server does not answer")?;
    let config = stream::Config {
        name: "bench".to_owned(),
        subjects: vec!["frontdesk.>".to_owned()],
        ..stream::Config::default()
    };
    jetstream::new(client).create_stream(config).await.context("no stream could be made")?;
    Ok(())
}

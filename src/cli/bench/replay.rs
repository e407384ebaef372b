//! Live intake beside a replay of everything that is stored.
//!
//! The replay is the command's own, in a process of its own: one that finds everything recorded,
//! and one that records everything anew because it was forgotten, which is the most a replay can
//! do. Live requests come at a moderate rate, with and without it in turns.

use std::{sync::Arc, time::Duration};

use super::{
    contest::{Contest, GROUPS, Ground, Scenario, most, say},
    load::Pace,
    report::{Bound, Figure, Ratio},
    requests::{Senders, Signer},
    servers::Replay,
    store,
};

/// How long storing may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// A replay takes few requests a second: it is measured for so many times as long as anything else.
const LONGER: u32 = 5;
/// How often it is looked whether a replay has read its list and begun.
const LOOK: Duration = Duration::from_millis(50);

/// What runs beside intake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    Nothing,
    /// A replay of what is recorded.
    Known,
    /// A replay of what has been forgotten.
    Anew,
}

const TURNS: [Beside; 3] = [Beside::Nothing, Beside::Known, Beside::Anew];

/// Measures each engine with so many requests stored.
pub(super) async fn measure(
    ground: &Ground<'_>,
    stored: u64,
    duration: Duration,
    rounds: usize,
) -> anyhow::Result<Vec<Figure>> {
    let usual = Scenario { connections: super::USUAL, senders: Senders::Mixed };
    let mut figures = Vec::new();
    for engine in ground.engines() {
        let url = ground.database(engine, "replay", 0).await?;
        let subject = ground.subject(engine, engine.to_owned(), &url, stored).await?;
        let mut signer = Signer::new()?;
        let requests = Arc::new(signer.sign(Senders::Known, usize::try_from(stored)?)?);
        let filled = subject.run(&subject.load(usual, &requests, Pace::Closed, PATIENCE)).await?;
        anyhow::ensure!(filled.answered == requests.len(), "not every request could be stored");
        drop(requests);
        let mut contest =
            Contest { databases: Vec::new(), subjects: vec![subject], signer, duration, rounds };
        let highest = contest.measure(&[usual], GROUPS).await?;
        let rate = highest[0].spread(|run| run.per_second).median / 2.0;
        let Contest { subjects, mut signer, .. } = contest;
        let subject = &subjects[0];
        let duration = duration * LONGER;
        let mut measured = TURNS.map(|beside| Figure {
            subject: match beside {
                Beside::Nothing => engine.to_owned(),
                Beside::Known => format!("{engine}, replay of what is known"),
                Beside::Anew => format!("{engine}, replay that records"),
            },
            asked_per_second: Some(rate),
            ..subject.figure(usual)
        });
        for _ in 0..rounds {
            for (beside, figure) in TURNS.into_iter().zip(&mut measured) {
                if beside == Beside::Anew {
                    store::forget(&url).await?;
                }
                let requests = Arc::new(signer.sign(usual.senders, most(rate, duration))?);
                let replay = match beside {
                    Beside::Nothing => None,
                    Beside::Known | Beside::Anew => {
                        let replay = Replay::start(ground.folder, &url, ground.key)?;
                        Some(tokio::time::timeout(PATIENCE, begun(replay)).await??)
                    }
                };
                let load = subject.load(usual, &requests, Pace::Open(rate), duration);
                figure.rounds.push(subject.run(&load).await?);
                if let Some(mut replay) = replay {
                    let (replayed, under_way) = replay.progress()?;
                    let ended = if under_way { "" } else { ", and was through before the end" };
                    anstream::eprintln!("the replay came to {replayed} requests{ended}");
                }
                if beside == Beside::Anew {
                    store::remember(&url).await?;
                }
            }
        }
        measured.iter().for_each(say);
        figures.extend(measured);
    }
    Ok(figures)
}

async fn begun(mut replay: Replay) -> anyhow::Result<Replay> {
    loop {
        let (replayed, under_way) = replay.progress()?;
        anyhow::ensure!(replayed > 0 || under_way, "the replay ended without a request");
        if replayed > 0 {
            return Ok(replay);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What a replay does to the slowest hundredth of live requests.
pub(super) fn ratios(figures: &[Figure]) -> Vec<Ratio> {
    let ratios = figures.chunks(TURNS.len()).flat_map(|of_engine| {
        let without = &of_engine[0];
        of_engine[1..].iter().map(|with| {
            let rounds = with.rounds.iter().zip(&without.rounds);
            let name = format!("{}: p99 ÷ without", with.subject);
            let bound = Bound::AtMost { most: 1.5, aim: 1.2 };
            Ratio::new(name, rounds.map(|(with, without)| with.p99 / without.p99), bound)
        })
    });
    ratios.collect()
}

//! What is measured, in turns.

use std::{path::Path, sync::Arc, time::Duration};

use super::{
    load::{self, Cost, Load, Pace, Run},
    postgres::Postgres,
    report::Figure,
    requests::{KNOWN, Requests, Senders, Signer},
    servers::{Commit, Memory, Server, processor_seconds},
    store,
};
use crate::vault::Vault;

/// The endpoint's name in reports.
pub(super) const NOOP: &str = "does nothing";

/// Requests a second for which a set is made; one used up earlier ends its run earlier.
pub(super) const MOST_PER_SECOND: f64 = 30_000.0;

/// Unmeasured, before anything is: statements are prepared and caches filled.
const WARM_UP: Duration = Duration::from_millis(500);

/// How many connect and how, and who writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scenario {
    pub connections: usize,
    pub senders: Senders,
}

/// Where databases are made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'a> {
    pub folder: &'a Path,
    pub postgres: Option<&'a Postgres>,
    pub key: &'a str,
}

impl Ground<'_> {
    /// The engines that are there, PostgreSQL first.
    pub fn engines(&self) -> Vec<&'static str> {
        let postgres = self.postgres.map(|_| "PostgreSQL");
        postgres.into_iter().chain(["SQLite"]).collect()
    }

    /// The process under which an engine works, if it is not the gateway's.
    fn process(&self, engine: &str) -> Option<u32> {
        self.postgres.filter(|_| engine == "PostgreSQL").map(Postgres::process)
    }

    /// Makes a database with `stored` messages and says where.
    pub async fn database(&self, engine: &str, name: &str, stored: u64) -> anyhow::Result<String> {
        let url = match self.postgres {
            Some(postgres) if engine == "PostgreSQL" => {
                store::create(&postgres.url("postgres"), name).await?;
                postgres.url(name)
            }
            Some(_) | None => {
                format!("sqlite:{}", self.folder.join(format!("{name}.db")).display())
            }
        };
        store::make(&url, &Vault::from_base64(self.key)?, stored).await?;
        Ok(url)
    }

    /// A gateway with groups on the database at `url`.
    pub async fn subject(
        &self,
        engine: &str,
        name: String,
        url: &str,
        stored: u64,
    ) -> anyhow::Result<Subject> {
        let server = Server::gateway(self.folder, url, self.key, Commit::Groups).await?;
        let (kind, database) = (Kind::Gateway(Commit::Groups), self.process(engine));
        Ok(Subject { name, kind, stored: Some(stored), server, database })
    }
}

/// One server in the contest.
#[derive(Debug)]
pub(super) struct Subject {
    pub name: String,
    kind: Kind,
    stored: Option<u64>,
    pub server: Server,
    database: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Gateway(Commit),
    Noop,
}

/// Everything that was started.
pub(super) const ALL: &[Kind] =
    &[Kind::Gateway(Commit::Groups), Kind::Gateway(Commit::PerRequest), Kind::Noop];

/// The gateways as they are meant to run.
pub(super) const GROUPS: &[Kind] = &[Kind::Gateway(Commit::Groups)];

/// How a gateway without groups is called in reports.
pub(super) fn per_request(engine: &str) -> String {
    format!("{engine}, transaction each")
}

/// The servers, and the requests they have not seen yet.
#[derive(Debug)]
pub(super) struct Contest {
    /// What the databases say of themselves.
    pub databases: Vec<String>,
    pub subjects: Vec<Subject>,
    pub signer: Signer,
    pub duration: Duration,
    pub rounds: usize,
}

impl Contest {
    /// Starts every engine with and without groups, and the endpoint that does nothing.
    pub async fn start(
        ground: &Ground<'_>,
        duration: Duration,
        rounds: usize,
    ) -> anyhow::Result<Self> {
        let mut databases = Vec::new();
        let mut subjects = Vec::new();
        for engine in ground.engines() {
            let pairs = [
                (engine.to_owned(), "groups", Commit::Groups),
                (per_request(engine), "each", Commit::PerRequest),
            ];
            for (name, database, commit) in pairs {
                let url = ground.database(engine, database, KNOWN).await?;
                if commit == Commit::Groups {
                    databases.push(store::describe(&url).await?);
                }
                let server = Server::gateway(ground.folder, &url, ground.key, commit).await?;
                let (kind, stored) = (Kind::Gateway(commit), Some(KNOWN));
                let database = ground.process(engine);
                subjects.push(Subject { name, kind, stored, server, database });
            }
        }
        let server = Server::noop(ground.folder).await?;
        let (name, kind) = (NOOP.to_owned(), Kind::Noop);
        subjects.push(Subject { name, kind, stored: None, server, database: None });
        Self::warmed_up(Self { databases, subjects, signer: Signer::new()?, duration, rounds })
            .await
    }

    async fn warmed_up(mut self) -> anyhow::Result<Self> {
        let requests = Arc::new(self.signer.sign(Senders::Mixed, 10_000)?);
        for subject in &self.subjects {
            let scenario = Scenario { connections: 64, senders: Senders::Mixed };
            load::run(&subject.load(scenario, &requests, Pace::Closed, WARM_UP)).await?;
        }
        Ok(self)
    }

    /// Measures each scenario at every subject of these kinds, in turns.
    pub async fn measure(
        &mut self,
        scenarios: &[Scenario],
        kinds: &[Kind],
    ) -> anyhow::Result<Vec<Figure>> {
        let mut figures = Vec::new();
        for scenario in scenarios {
            let subjects: Vec<usize> = (0..self.subjects.len())
                .filter(|index| kinds.contains(&self.subjects[*index].kind))
                .collect();
            let mut measured: Vec<Figure> =
                subjects.iter().map(|index| self.subjects[*index].figure(*scenario)).collect();
            for round in 0..self.rounds {
                let count = most(MOST_PER_SECOND, self.duration);
                let requests = Arc::new(self.signer.sign(scenario.senders, count)?);
                for turn in 0..subjects.len() {
                    // Forth and back: what one leaves running must not always fall on the same other.
                    let place = if round % 2 == 0 { turn } else { subjects.len() - 1 - turn };
                    let subject = &self.subjects[subjects[place]];
                    let load = subject.load(*scenario, &requests, Pace::Closed, self.duration);
                    measured[place].rounds.push(subject.run(&load).await?);
                }
            }
            measured.iter().for_each(say);
            figures.extend(measured);
        }
        Ok(figures)
    }

    /// Measures each gateway with groups at its rate, whether answers come or not.
    pub async fn at_rates(&mut self, rates: Vec<(String, f64)>) -> anyhow::Result<Vec<Figure>> {
        let scenario = Scenario { connections: super::USUAL, senders: Senders::Mixed };
        let mut figures: Vec<Figure> = Vec::new();
        for round in 0..self.rounds {
            for (name, rate) in &rates {
                let is_it = |subject: &&Subject| {
                    subject.name == *name && subject.kind == Kind::Gateway(Commit::Groups)
                };
                let Some(subject) = self.subjects.iter().find(is_it) else { continue };
                let requests = self.signer.sign(scenario.senders, most(*rate, self.duration))?;
                let load =
                    subject.load(scenario, &Arc::new(requests), Pace::Open(*rate), self.duration);
                let run = subject.run(&load).await?;
                if round == 0 {
                    let asked_per_second = Some(*rate);
                    figures.push(Figure { asked_per_second, ..subject.figure(scenario) });
                }
                let figure = figures.iter_mut().find(|figure| figure.subject == *name);
                figure.into_iter().for_each(|figure| figure.rounds.push(run));
            }
        }
        figures.iter().for_each(say);
        Ok(figures)
    }

    /// What the gateways with groups occupy.
    pub fn memory(&self) -> Vec<(String, Memory)> {
        let gateways =
            self.subjects.iter().filter(|subject| subject.kind == Kind::Gateway(Commit::Groups));
        let memory = |subject: &Subject| Some((subject.name.clone(), subject.server.memory()?));
        gateways.filter_map(memory).collect()
    }
}

/// Measures known senders on databases of these sizes.
pub(super) async fn grow(
    ground: &Ground<'_>,
    sizes: &[u64],
    duration: Duration,
    rounds: usize,
) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for engine in ground.engines() {
        let mut subjects = Vec::new();
        for stored in sizes {
            let url = ground.database(engine, &format!("stored_{stored}"), *stored).await?;
            subjects.push(ground.subject(engine, engine.to_owned(), &url, *stored).await?);
        }
        let signer = Signer::new()?;
        let contest = Contest { databases: Vec::new(), subjects, signer, duration, rounds };
        let known = Scenario { connections: super::USUAL, senders: Senders::Known };
        figures.extend(contest.warmed_up().await?.measure(&[known], GROUPS).await?);
    }
    Ok(figures)
}

impl Subject {
    pub fn load(
        &self,
        scenario: Scenario,
        requests: &Arc<Requests>,
        pace: Pace,
        duration: Duration,
    ) -> Load {
        Load {
            address: self.server.address,
            connections: scenario.connections,
            requests: Arc::clone(requests),
            again: self.kind == Kind::Noop,
            pace,
            duration,
        }
    }

    /// Sends, and reads off what the answers took of the processor.
    pub async fn run(&self, load: &Load) -> anyhow::Result<Run> {
        let seconds = || {
            let server = processor_seconds(self.server.process())?;
            Some((server, self.database.map_or(Some(0.0), processor_seconds)?))
        };
        let before = seconds();
        let run = load::run(load).await?;
        #[expect(clippy::cast_precision_loss, reason = "a count of answers")]
        let each = |before: f64, after: f64| (after - before) * 1e6 / run.answered as f64;
        let cost = before.zip(seconds()).map(|(before, after)| Cost {
            server: each(before.0, after.0),
            database: each(before.1, after.1),
        });
        Ok(Run { cost, ..run })
    }

    pub fn figure(&self, scenario: Scenario) -> Figure {
        Figure {
            subject: self.name.clone(),
            senders: scenario.senders.as_str(),
            connections: scenario.connections,
            stored: self.stored,
            asked_per_second: None,
            rounds: Vec::new(),
        }
    }
}

/// Tells that it goes on.
pub(super) fn say(figure: &Figure) {
    let rate = figure.spread(|run| run.per_second).median;
    let Figure { subject, senders, connections, .. } = figure;
    anstream::eprintln!("{subject}, {senders}, {connections} connections: {rate:.0}/s");
}

/// How many requests so long a run can take.
pub(super) fn most(per_second: f64, duration: Duration) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate times seconds"
    )]
    let most = (per_second * duration.as_secs_f64()).ceil() as usize;
    most.max(1)
}

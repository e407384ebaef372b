//! `frontdesk replay`: requests once more, from files or from the gateway's own archive.
//!
//! In-process they take the same way as over HTTP: verified with the channel's secret, at the time
//! they came, and recorded once. So replaying twice changes nothing the second time. What was
//! refused when it came is not signed by us: it has to prove itself. Files are taken in once each of
//! them can be read; whatever ends a replay early, what was done by then is told.
//!
//! Live traffic comes first: a replay has a lower priority, takes one request at a time, and rests
//! after each while nobody says how fast it is to be.

mod report;
mod sources;

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use frontdesk_adapters::{Handshake, Request, Timestamp};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::{
    report::{Fate, Report},
    sources::Source,
};
use super::{
    Exit, fault, http, reader_has_left, require_database, serve,
    terminal::{print, shows_progress},
};
use crate::{
    app::Intake,
    channels::{self, Channel, ChannelStoreError},
    clock::{self, Clock},
    config::Config,
    ingest::{IngestError, Proof, Receipt},
    messages::RequestOutcome,
};

/// Take requests in once more: fixtures, or ones the gateway archived.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  frontdesk replay fixtures/twilio
  frontdesk replay --requests --since 2026-01-01T00:00:00Z --dry-run
  frontdesk replay fixtures --to http://127.0.0.1:8080 --rate 10/s")]
pub(super) struct Replay {
    /// `.http` files, or folders of them.
    #[arg(required_unless_present = "requests", conflicts_with = "requests")]
    paths: Vec<PathBuf>,
    /// The gateway's own archive instead of files, oldest first.
    #[arg(long)]
    requests: bool,
    #[command(flatten)]
    filter: Filter,
    /// Post to a running gateway, signed anew, instead of working in-process.
    #[arg(long, value_name = "URL", conflicts_with = "dry_run")]
    to: Option<String>,
    /// Say what would happen and record nothing; exit 4 if anything would be new.
    #[arg(long)]
    dry_run: bool,
    /// At most so many a second, such as 10/s. By itself a replay of archived requests works a
    /// small part of the time, so that live traffic does not feel it.
    #[arg(long, value_name = "N/s", value_parser = rate)]
    rate: Option<Duration>,
    /// One JSON object a request.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Filter {
    /// Archived requests for this channel.
    #[arg(long, requires = "requests")]
    channel: Option<String>,
    /// Archived at or after this time (RFC 3339).
    #[arg(long, requires = "requests", value_parser = time)]
    since: Option<Timestamp>,
    /// Archived before this time (RFC 3339).
    #[arg(long, requires = "requests", value_parser = time)]
    until: Option<Timestamp>,
    /// Archived with this outcome; by itself all that were verified and brought something new.
    #[arg(long, requires = "requests", value_parser =
        ["accepted", "duplicate", "malformed", "refused", "unknown_channel", "failed"])]
    outcome: Option<String>,
}

fn time(text: &str) -> Result<Timestamp, &'static str> {
    Timestamp::parse_rfc3339(text).ok_or("expected a time such as 2026-01-01T00:00:00Z")
}

/// The pause between two requests; of a rate beyond measure, none.
fn rate(text: &str) -> Result<Duration, &'static str> {
    let number = text.strip_suffix("/s").unwrap_or(text).parse::<f64>().ok();
    let number = number.filter(|number| *number > 0.0 && number.is_finite());
    let pause = number.and_then(|number| Duration::try_from_secs_f64(1.0 / number).ok());
    pause.ok_or("expected a number of requests a second, such as 10/s")
}

impl Replay {
    pub async fn run(&self, config: &Config, quiet: bool) -> anyhow::Result<Exit> {
        if let (Some(since), Some(until)) = (self.filter.since, self.filter.until)
            && since >= until
        {
            let message = format!("--since {since} must be earlier than --until {until}");
            return Err(fault(Exit::Usage, message));
        }
        require_database(config)?;
        let intake = Intake::build(config, Clock::system()).await?;
        let run = Run::prepare(self, config, &intake).await?;
        let result = run.all(quiet).await;
        intake.stop().await;
        result
    }
}

/// How many times as long as it took for something one rests after it: after work, and after what
/// was recorded, of which most was waiting for a commit.
const RESTS: u32 = 15;
const RESTS_RECORDED: u32 = 5;

/// Rests after what began then.
async fn give_way(began: std::time::Instant, rests: u32) {
    tokio::time::sleep(clock::instant().saturating_duration_since(began) * rests).await;
}

struct Run<'a> {
    command: &'a Replay,
    intake: &'a Intake,
    channels: HashMap<String, Result<Channel, ChannelStoreError>>,
    /// What signatures are made over.
    public_url: String,
    client: Option<(reqwest::Client, &'a str)>,
    clock: Clock,
    /// Told when somebody interrupts: the request under way is the last.
    stop: CancellationToken,
}

impl<'a> Run<'a> {
    async fn prepare(
        command: &'a Replay,
        config: &Config,
        intake: &'a Intake,
    ) -> anyhow::Result<Self> {
        let mut tx = intake.store.begin_read().await?;
        let channels = channels::list(&mut tx, &intake.vault).await?;
        tx.rollback().await?;
        let client = match command.to.as_deref() {
            Some(url) => Some((http::client()?, url)),
            None => None,
        };
        // A gateway elsewhere is taken to know itself by the address we reach it at.
        let public_url = match (&command.to, &config.http.public_url) {
            (Some(url), None) => url.trim_end_matches('/').to_owned(),
            (Some(_) | None, _) => config.public_url(),
        };
        let channels = channels.into_iter().collect();
        let (clock, stop) = (Clock::system(), CancellationToken::new());
        let stopping = stop.clone();
        tokio::spawn(async move {
            serve::interrupted().await;
            stopping.cancel();
        });
        Ok(Self { command, intake, channels, public_url, client, clock, stop })
    }

    async fn all(&self, quiet: bool) -> anyhow::Result<Exit> {
        let mut report = Report::default();
        let taken = if self.command.requests {
            self.archive(&mut report, quiet).await
        } else {
            self.files(&mut report).await
        };
        // However it ended: what was taken in by then is said.
        match &taken {
            Err(error) if report.is_empty() || reader_has_left(error) => {}
            Ok(()) | Err(_) => self.tell(&report, quiet)?,
        }
        taken?;
        if self.stop.is_cancelled() {
            anstream::eprintln!("interrupted: the rest was not looked at");
            return Ok(Exit::Interrupted);
        }
        report.exit(self.command.dry_run, self.command.requests)
    }

    fn tell(&self, report: &Report, quiet: bool) -> anyhow::Result<()> {
        let to_gateway = self.client.is_some();
        if !self.command.json {
            report.show(to_gateway)?;
            report.say_why();
        }
        if to_gateway && report.is_mistrusted() {
            anstream::eprintln!(
                "signed for {}; if the gateway has another public address, set \
                 FRONTDESK__HTTP__PUBLIC_URL to it here",
                self.public_url
            );
        }
        if !quiet && !to_gateway {
            report.sum_up(self.command.dry_run);
        }
        Ok(())
    }

    async fn archive(&self, report: &mut Report, quiet: bool) -> anyhow::Result<()> {
        let (store, filter) = (&self.intake.store, &self.command.filter);
        if let Some(channel) = &filter.channel
            && !self.channels.contains_key(channel)
            && !sources::has_any(store, channel).await?
        {
            let message = format!(
                "there is no channel `{channel}`, and no stored request of it; \
                 `frontdesk export` shows the channels there are"
            );
            return Err(fault(Exit::NotFound, message));
        }
        let ids = self.stop.run_until_cancelled(sources::archived(store, filter)).await;
        let ids = ids.transpose()?.unwrap_or_default();
        let progress = progress(ids.len(), quiet);
        let taken = self.archived(ids, &progress, report).await;
        progress.finish_and_clear();
        taken
    }

    async fn archived(
        &self,
        ids: Vec<Uuid>,
        progress: &ProgressBar,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let mut pace = self.pace();
        let mut seen = HashSet::new();
        let gives_way = self.command.rate.is_none() && self.client.is_none();
        for id in ids {
            if self.is_interrupted(&mut pace).await {
                break;
            }
            let began = clock::instant();
            progress.inc(1);
            let stored = sources::stored(&self.intake.store, id, &self.public_url, &mut seen);
            let mut rests = RESTS;
            if let Some(source) = stored.await?
                && self.one(source, None, report).await?
            {
                rests = RESTS_RECORDED;
            }
            if gives_way {
                self.stop.run_until_cancelled(give_way(began, rests)).await;
            }
        }
        Ok(())
    }

    /// Replays files, once each of them can be read.
    async fn files(&self, report: &mut Report) -> anyhow::Result<()> {
        let paths = sources::files(&self.command.paths)?;
        let broken = paths.iter().filter_map(|path| sources::file(path, &self.public_url).err());
        let broken: Vec<_> = broken.map(|error| format!("{error:#}")).collect();
        if !broken.is_empty() {
            let message = format!("no file was taken in: {}", broken.join("\n  "));
            return Err(fault(Exit::Failed, message));
        }
        let mut pace = self.pace();
        for path in paths {
            if self.is_interrupted(&mut pace).await {
                break;
            }
            let source = sources::file(&path, &self.public_url)?;
            self.one(source, Some(&path), report).await?;
        }
        Ok(())
    }

    /// What beats once a request, where somebody says how fast it is to be.
    fn pace(&self) -> Option<Interval> {
        let pause = self.command.rate.filter(|pause| !pause.is_zero())?;
        let mut pace = tokio::time::interval(pause);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Some(pace)
    }

    /// Waits until it is the next one's turn, and says whether there is to be none.
    async fn is_interrupted(&self, pace: &mut Option<Interval>) -> bool {
        if let Some(pace) = pace {
            self.stop.run_until_cancelled(pace.tick()).await;
        }
        self.stop.is_cancelled()
    }

    /// Replays one request, and says whether something was recorded.
    async fn one(
        &self,
        source: Source,
        file: Option<&Path>,
        report: &mut Report,
    ) -> anyhow::Result<bool> {
        let Source { name, channel, request, proof, at } = source;
        let at = at.unwrap_or_else(|| self.clock.now());
        let id = channel.as_deref().unwrap_or_default();
        let fate = match self.channels.get(id) {
            Some(Ok(channel)) => self.send(channel, request, proof, at).await?,
            Some(Err(error)) => {
                let why = std::error::Error::source(error).unwrap_or(error);
                Fate::failed("failed", format!("the channel cannot be used: {why}"))
            }
            None => {
                if report.unknown.insert(id.to_owned())
                    && let Some(file) = file
                {
                    let how = sources::how_to_make(id, file);
                    anstream::eprintln!("there is no channel `{id}`; {how}");
                }
                Fate::failed("unknown_channel", format!("there is no channel `{id}`"))
            }
        };
        if self.command.json {
            print(json!({
                "source": name,
                "channel": channel,
                "outcome": fate.outcome,
                "events": fate.events,
                "duplicates": fate.duplicates,
                "status": fate.status,
                "detail": fate.detail,
                "differences": fate.differences,
            }))?;
        } else if !fate.differences.is_empty() {
            report::show_differences(&name, &fate.differences)?;
        }
        report.add(id, &fate);
        Ok(!self.command.dry_run && fate.events > fate.duplicates)
    }

    async fn send(
        &self,
        channel: &Channel,
        request: Request,
        proof: Proof,
        at: Timestamp,
    ) -> anyhow::Result<Fate> {
        // What we sign, and what was verified when it came, is not refused if all is well.
        let is_trusted = match proof {
            Proof::Own => false,
            Proof::NewIfMissing => !proves_itself(channel, &request),
            Proof::New => true,
        };
        // A gateway elsewhere has its own clock.
        let signed_at = if self.client.is_some() { self.clock.now() } else { at };
        let request = match proof.give(channel, request, signed_at) {
            Ok(request) => request,
            Err(error) => return Ok(Fate::failed("failed", error.to_string())),
        };
        if let Some((client, url)) = &self.client {
            let heard = http::send(client, url, &request).await?;
            let outcome = match heard.status {
                200..=299 => "answered",
                401 | 403 => "refused",
                404 => "unknown_channel",
                _ => "failed",
            };
            let status = Some(heard.status);
            let detail = (outcome != "answered").then(|| heard.reason());
            let is_mistrusted = is_trusted && outcome == "refused";
            return Ok(Fate { status, detail, is_mistrusted, ..Fate::new(outcome) });
        }
        let ingest = &self.intake.ingest;
        let receipt = if self.command.dry_run {
            ingest.preview(&channel.id, request, at).await
        } else if self.command.requests {
            ingest.replay(&channel.id, request, at).await.map(|receipt| (receipt, Vec::new()))
        } else {
            ingest.accept_at(&channel.id, request, at).await.map(|receipt| (receipt, Vec::new()))
        };
        Ok(match receipt {
            Ok((Receipt { answer, outcome, events, duplicates }, differences)) => {
                let status = Some(answer.status);
                let outcome = outcome.map_or("handshake", RequestOutcome::as_str);
                Fate { events, duplicates, status, differences, ..Fate::new(outcome) }
            }
            Err(IngestError::Refused(refusal)) => {
                let refused = Fate::failed("refused", refusal.to_string());
                Fate { is_mistrusted: is_trusted, ..refused }
            }
            Err(IngestError::UnknownChannel) => {
                Fate::failed("unknown_channel", "the channel is switched off".to_owned())
            }
            Err(
                error @ (IngestError::Overloaded
                | IngestError::Unavailable
                | IngestError::Poisoned
                | IngestError::NoKeys
                | IngestError::Stopping
                | IngestError::ChannelUnusable),
            ) => Fate::failed("failed", error.to_string()),
        })
    }
}

/// Whether a request brings its own proof: a signature, or the word of a handshake.
fn proves_itself(channel: &Channel, request: &Request) -> bool {
    let is_handshake = match channel.adapter.handshake {
        Handshake::Answer(handshake) => handshake(request, &channel.account).is_some(),
        Handshake::None => false,
    };
    is_handshake || channel.adapter.verifier.is_signed(request)
}

/// A bar on a terminal, and nothing elsewhere.
fn progress(requests: usize, quiet: bool) -> ProgressBar {
    if quiet || !shows_progress() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos} of {len} requests, {eta} to go");
    ProgressBar::new(requests as u64).with_style(style.expect("a template that is right"))
}

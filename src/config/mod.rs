//! Settings: flags over environment over file over defaults. It runs with none of them.
//!
//! The environment's names are `FRONTDESK__SECTION__KEY`; a secret is also taken from the file that
//! `…_FILE` names. An unknown key is an error. Channels are not settings: they live in the database.

use std::{
    net::SocketAddr,
    num::{NonZeroU32, NonZeroU64, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use frontdesk_adapters::Secret;
use ipnet::IpNet;
use serde::Deserialize;

mod load;

pub use load::{ConfigError, Loaded, Origin, Setting, load};

/// All settings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where everything is kept.
    pub database: Database,
    /// How the gateway is reached.
    pub http: Http,
    /// How much may wait.
    pub ingest: Ingest,
    /// What agents may do.
    pub desk: Desk,
    /// What happens because time passed.
    pub timers: Timers,
    /// What is not kept for ever.
    pub retention: Retention,
    /// How items find their agents.
    pub routing: Routing,
    /// What may be called.
    pub egress: Egress,
    /// How events are handed on.
    pub handoff: Handoff,
    /// The key that seals secrets.
    pub secrets: Secrets,
    /// What is logged.
    pub log: Log,
}

/// Where everything is kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `FRONTDESK__DATABASE__URL`: `sqlite:frontdesk.db` or `postgres://…`.
    pub url: String,
    /// `FRONTDESK__DATABASE__MAX_CONNECTIONS`: to PostgreSQL, beside one for each committer.
    pub max_connections: u32,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: "sqlite:frontdesk.db".to_owned(), max_connections: 16 }
    }
}

/// How the gateway is reached.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// `FRONTDESK__HTTP__LISTEN`: address and port.
    pub listen: SocketAddr,
    /// `FRONTDESK__HTTP__PUBLIC_URL`: the address providers are given, without a path at its end
    /// that is not theirs. Signatures depend on it.
    pub public_url: Option<String>,
    /// `FRONTDESK__HTTP__TRUSTED_PROXIES`: networks whose `X-Forwarded-*` headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// `FRONTDESK__HTTP__MAX_BODY_BYTES`: a larger request is answered 413 and never buffered.
    pub max_body_bytes: usize,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            trusted_proxies: Vec::new(),
            // WhatsApp sends up to 3 MB.
            max_body_bytes: 4 * 1024 * 1024,
        }
    }
}

/// How much may wait.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ingest {
    /// `FRONTDESK__INGEST__QUEUE`: requests that may wait for one committer.
    pub queue: usize,
    /// `FRONTDESK__INGEST__GROUP`: requests recorded in one transaction.
    pub group: usize,
    /// `FRONTDESK__INGEST__COMMITTERS`: transactions at once on PostgreSQL; by itself two.
    pub committers: Option<NonZeroUsize>,
    /// `FRONTDESK__INGEST__REFUSED`: refused requests that are kept.
    pub refused: i64,
    /// `FRONTDESK__INGEST__PARTS_SECONDS`: how long parts of a longer text wait for the rest.
    pub parts_seconds: u32,
}

impl Default for Ingest {
    fn default() -> Self {
        Self { queue: 4096, group: 256, committers: None, refused: 10_000, parts_seconds: 300 }
    }
}

/// What agents may do.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Desk {
    /// `FRONTDESK__DESK__TELEPHONY`: whether contacts of type `phone` are entered.
    pub telephony: bool,
}

/// What happens because time passed.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timers {
    /// `FRONTDESK__TIMERS__EVERY_SECONDS`: how often this instance looks for what is due; 0 never,
    /// where another instance does.
    pub every_seconds: u32,
    /// `FRONTDESK__TIMERS__IDLE_MINUTES`: after so long in silence a conversation with a bot alone,
    /// and any chat, is closed; 0 never. A channel may say otherwise.
    pub idle_minutes: u32,
    /// `FRONTDESK__TIMERS__WRAP_UP_LIMIT_MINUTES`: no wrap-up lasts longer; 0 is no limit.
    pub wrap_up_limit_minutes: u32,
}

impl Default for Timers {
    fn default() -> Self {
        Self { every_seconds: 5, idle_minutes: 120, wrap_up_limit_minutes: 15 }
    }
}

impl Timers {
    /// How long a wrap-up lasts at most.
    #[must_use]
    pub fn wrap_up_limit(&self) -> Option<Duration> {
        minutes(self.wrap_up_limit_minutes)
    }

    /// How long a conversation may be silent.
    #[must_use]
    pub fn idle(&self) -> Option<Duration> {
        minutes(self.idle_minutes)
    }
}

/// So many minutes; none is no limit.
fn minutes(count: u32) -> Option<Duration> {
    (count > 0).then(|| Duration::from_secs(u64::from(count) * 60))
}

/// How many days each kind of data is kept; 0 is for ever.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// `FRONTDESK__RETENTION__REQUESTS_DAYS`: requests as they came.
    pub requests_days: u32,
    /// `FRONTDESK__RETENTION__REFUSED_DAYS`: requests that were refused.
    pub refused_days: u32,
    /// `FRONTDESK__RETENTION__DEDUPE_DAYS`: what tells a repeated request from a new one. Never
    /// shorter than the longest time for which a provider tries again.
    pub dedupe_days: u32,
    /// `FRONTDESK__RETENTION__EVENTS_DAYS`: statuses, reactions and the rest of what is no message.
    pub events_days: u32,
    /// `FRONTDESK__RETENTION__MESSAGES_DAYS`: messages of closed interactions.
    pub messages_days: u32,
    /// `FRONTDESK__RETENTION__AUDIT_DAYS`: from what to what things were changed.
    pub audit_days: u32,
    /// `FRONTDESK__RETENTION__ARCHIVE_DAYS`: closed interactions, before they are archived.
    pub archive_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            requests_days: 90,
            refused_days: 30,
            dedupe_days: 14,
            events_days: 90,
            messages_days: 0,
            audit_days: 0,
            archive_days: 30,
        }
    }
}

impl Retention {
    /// WhatsApp tries again for a week, longer than anybody else.
    pub const LEAST_DEDUPE_DAYS: u32 = 8;
}

/// How items find their agents.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Routing {
    /// `FRONTDESK__ROUTING__SWEEP_SECONDS`: how often leases and waits are looked at.
    pub sweep_seconds: NonZeroU64,
    /// `FRONTDESK__ROUTING__AWAY_AFTER_TIMEOUT`: whether an agent who lets a pushed offer run out
    /// is taken for away.
    pub away_after_timeout: bool,
    /// `FRONTDESK__ROUTING__REASSIGN_WHEN_OFFLINE`: whether messaging at hand of an agent who goes
    /// offline goes back into its queue.
    pub reassign_when_offline: bool,
}

impl Default for Routing {
    fn default() -> Self {
        let sweep_seconds = NonZeroU64::MIN;
        Self { sweep_seconds, away_after_timeout: true, reassign_when_offline: false }
    }
}

/// What may be called, besides the internet by `https`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Egress {
    /// `FRONTDESK__EGRESS__ALLOW`: networks of one's own that may be called, also by plain `http`.
    pub allow: Vec<IpNet>,
    /// `FRONTDESK__EGRESS__MIRROR`: where providers' keys are fetched instead of at the providers,
    /// each below its host's name. Whoever answers there can speak for them.
    pub mirror: Option<String>,
}

/// How events are handed on.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Handoff {
    /// `FRONTDESK__HANDOFF__TIMEOUT_SECONDS`: how long a sink may take to accept an event. When an
    /// instance dies, another takes over what it had in hand after twice this time.
    pub timeout_seconds: NonZeroU32,
    /// `FRONTDESK__HANDOFF__KEEP_MINUTES`: how long what was told is kept, for looking at it and for
    /// readers of the live feed who come back.
    pub keep_minutes: u32,
}

impl Default for Handoff {
    fn default() -> Self {
        let timeout_seconds = const { NonZeroU32::new(15).expect("15 is not 0") };
        Self { timeout_seconds, keep_minutes: 60 }
    }
}

/// The key that seals secrets.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Secrets {
    /// `FRONTDESK__SECRETS__KEY` (or `…_FILE`): 32 random bytes in base64. Without it, a key file
    /// beside the SQLite database; PostgreSQL needs it, since instances must share it.
    #[serde(deserialize_with = "secret")]
    pub key: Option<Secret>,
    /// `FRONTDESK__SECRETS__KEY_FILE`: a file only its owner can read.
    pub key_file: Option<PathBuf>,
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
}

/// What is logged.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `FRONTDESK__LOG__FILTER`: as in `info,frontdesk=debug`.
    pub filter: String,
    /// `FRONTDESK__LOG__FORMAT`: `text` or `json`; by itself text on a terminal, else JSON.
    pub format: Option<LogFormat>,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".to_owned(), format: None }
    }
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

impl Config {
    /// What cannot be used though it has the right form: the setting, and what it may be.
    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        const ADDRESS: &str =
            "give an address such as https://desk.example, with a path if need be";
        let Self { database, http, ingest, retention, egress, .. } = self;
        let is_address = |address: &Option<String>| address.as_deref().is_none_or(is_address);
        let days = retention.dedupe_days;
        for (holds, name, allowed) in [
            (database.max_connections > 0, "database.max_connections", "give 1 or more"),
            (http.max_body_bytes > 0, "http.max_body_bytes", "give 1 or more"),
            ((1..=1_000_000).contains(&ingest.queue), "ingest.queue", "give 1 to 1000000"),
            ((1..=10_000).contains(&ingest.group), "ingest.group", "give 1 to 10000"),
            (is_address(&http.public_url), "http.public_url", ADDRESS),
            (is_address(&egress.mirror), "egress.mirror", ADDRESS),
            (
                days == 0 || days >= Retention::LEAST_DEDUPE_DAYS,
                "retention.dedupe_days",
                "give 8 or more, since providers try again for a week, or 0 for ever",
            ),
        ] {
            if !holds {
                return Err((name, allowed));
            }
        }
        Ok(())
    }

    /// The address providers are given.
    #[must_use]
    pub fn public_url(&self) -> String {
        let configured = self.http.public_url.clone();
        let url = configured.unwrap_or_else(|| format!("http://{}", self.http.listen));
        url.trim_end_matches('/').to_owned()
    }
}

/// Whether this is a host, a port and a path of `http` or `https`, and nothing behind them.
fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split('/').next());
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"?#@\\".contains(c);
    host.is_some_and(|host| !host.is_empty() && !host.starts_with(':')) && text.chars().all(plain)
}

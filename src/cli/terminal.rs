//! What people see: color, the log, and one way to write to stdout.
//!
//! Data goes to stdout through [`print()`], everything else to stderr. The log is set up here and
//! nowhere else.

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
};

use anyhow::Context;
use clap::{
    ValueEnum,
    builder::styling::{AnsiColor, Style},
};
use tracing_subscriber::{EnvFilter, fmt};

use super::{Exit, fault, json_log::WithCauses};
use crate::config::{Loaded, LogFormat, Origin};

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const GREEN: Style = AnsiColor::Green.on_default();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(super) const RED: Style = AnsiColor::Red.on_default().bold();

/// When to use color.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Also into a file or pipe.
    Always,
    /// Not at all.
    Never,
}

impl Color {
    /// Makes it the rule for everything written from here on.
    pub fn apply(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// Writes a line of data to stdout.
///
/// Unlike `println!` it does not panic when whoever read it has left; `main` ends quietly then.
pub(super) fn print(line: impl Display) -> io::Result<()> {
    writeln!(anstream::stdout().lock(), "{line}")
}

/// `text` in a style; where color is off the codes are dropped on the way out.
pub(super) fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Whether progress may be drawn.
pub(super) fn shows_progress() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Starts the log on stderr: as configured, else only what is at least `usual`.
pub(super) fn start_log(loaded: &Loaded, usual: &str) -> anyhow::Result<()> {
    let log = &loaded.config.log;
    let configured = loaded
        .settings
        .iter()
        .any(|setting| setting.name == "log.filter" && setting.origin != Origin::Default);
    let filter = filter(if configured { &log.filter } else { usual })?;
    let by_itself = if io::stderr().is_terminal() { LogFormat::Text } else { LogFormat::Json };
    let builder = fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = match log.format.unwrap_or(by_itself) {
        LogFormat::Text => {
            let choice = anstream::AutoStream::choice(&io::stderr());
            builder.with_ansi(choice != anstream::ColorChoice::Never).try_init()
        }
        LogFormat::Json => {
            builder.fmt_fields(WithCauses::fields()).event_format(WithCauses::new()).try_init()
        }
    };
    started.map_err(anyhow::Error::from_boxed).context("the log could not be started")
}

/// Reads a filter such as `info,frontdesk=debug`.
pub(super) fn filter(text: &str) -> anyhow::Result<EnvFilter> {
    // The client of Kafka warns of settings that are meant to be so.
    let quiet = cfg!(feature = "kafka") && !text.contains("krafka");
    let directives =
        if quiet { format!("krafka::producer::config=error,{text}") } else { text.to_owned() };
    EnvFilter::try_new(directives).map_err(|error| {
        fault(Exit::Configuration, format!("log.filter `{text}` cannot be read: {error}"))
    })
}

//! `frontdesk people`: the directory that senders are matched against.

use std::{
    fs::File,
    io::{ErrorKind, Read},
    path::PathBuf,
};

use anyhow::Context;
use clap::{Args, Subcommand};
use frontdesk_adapters::phone::Region;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{
    Exit, fault,
    terminal::{self, RED, print, styled},
};
use crate::{
    app,
    audit::Author,
    clock::Clock,
    config::Config,
    desk::import::{self, ImportError, Options, Report},
};

/// People senders are matched against.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  frontdesk people import customers.csv --dry-run
  frontdesk people import customers.csv --region DE")]
pub(super) struct People {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Enter and change people from a CSV file; exit 4 if a line could not be used.
    ///
    /// The first line names the columns: external_id, kind, name, and where there are any email,
    /// phones (with ; between them) and active. A person is recognized by external_id.
    Import {
        /// The file; `-` is standard input.
        file: PathBuf,
        /// The country of numbers without a country code, such as DE.
        #[arg(long)]
        region: Option<String>,
        /// Say what would change and change nothing; exit 4 if anything would.
        #[arg(long)]
        dry_run: bool,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
}

impl People {
    pub async fn run(&self, config: &Config, quiet: bool) -> anyhow::Result<Exit> {
        let Command::Import { file, region, dry_run, json } = &self.command;
        let region = region.as_deref().map(str::parse::<Region>).transpose();
        let region = match region {
            Ok(region) if region.is_none_or(Region::has_numbers) => region,
            Ok(_) | Err(_) => {
                let message = "--region takes the two-letter code of a country, such as DE";
                return Err(fault(Exit::Usage, message));
            }
        };
        let name = file.display();
        let (source, length) = open(file)?;
        let progress = progress(length, quiet);
        let store = app::open_store(config).await?;
        let options = Options { region, dry_run: *dry_run };
        let author = Author::command("people import");
        let clock = Clock::system();
        let done = |bytes| progress.set_position(bytes);
        let report = import::import(&store, &clock, source, options, &author, done).await;
        progress.finish_and_clear();
        store.close().await;
        let report = report.map_err(|error| match error {
            ImportError::Header(message) => {
                fault(Exit::Configuration, format!("{name}: {message}"))
            }
            ImportError::Read(_) | ImportError::Desk(_) => {
                anyhow::Error::from(error).context(format!("{name} was not imported whole"))
            }
        })?;
        if *json {
            print(json!(report))?
        } else {
            show(&report)?
        }
        let would = report.dry_run && report.created + report.changed > 0;
        Ok(if would || report.refused > 0 { Exit::Findings } else { Exit::Done })
    }
}

/// The file and, where it has one, its length.
fn open(file: &PathBuf) -> anyhow::Result<(Box<dyn Read + Send>, Option<u64>)> {
    if file.as_os_str() == "-" {
        return Ok((Box::new(std::io::stdin()), None));
    }
    match File::open(file) {
        Ok(open) => {
            let length = open.metadata().ok().map(|metadata| metadata.len());
            Ok((Box::new(open), length))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(fault(Exit::NotFound, format!("there is no {}", file.display())))
        }
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", file.display())),
    }
}

fn progress(length: Option<u64>, quiet: bool) -> ProgressBar {
    if quiet || !terminal::shows_progress() {
        return ProgressBar::hidden();
    }
    let template = match length {
        Some(_) => "{bar:30.green} {bytes}/{total_bytes}, {eta} left",
        None => "{bytes} read",
    };
    let style = ProgressStyle::with_template(template).expect("the templates are constants");
    length.map_or_else(ProgressBar::no_length, ProgressBar::new).with_style(style)
}

fn show(report: &Report) -> anyhow::Result<()> {
    for error in &report.errors {
        print(format!("{} line {}: {}", styled(RED, "!"), error.line, error.reason))?;
    }
    let unnamed = report.refused.saturating_sub(report.errors.len() as u64);
    if unnamed > 0 {
        print(format!("{} and {unnamed} lines more", styled(RED, "!")))?;
    }
    let would = if report.dry_run { "would be " } else { "" };
    let Report { created, changed, unchanged, refused, linked, undecided, .. } = report;
    print(format!(
        "{would}{created} created, {changed} changed, {unchanged} unchanged, {refused} refused; \
         {linked} guests known, {undecided} senders to look at"
    ))?;
    Ok(())
}

//! `frontdesk erase`: one person, everywhere and for good.

use std::io::{self, BufRead, IsTerminal};

use clap::{ArgGroup, Args};
use serde_json::json;
use uuid::Uuid;

use super::{
    Exit, fault, open_existing,
    terminal::{RED, print, styled},
};
use crate::{
    app,
    audit::Author,
    clock::Clock,
    config::Config,
    erasure::{self, ErasureError, Removed, Subject},
};

/// Erase one person everywhere, for good, and print a receipt.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("whom").required(true),
    before_help = "Examples:
  frontdesk erase --address +15550100002 --dry-run
  frontdesk erase --person 0198c6a2-7b1e-7000-8000-000000000001
  frontdesk erase --address - --yes < address.txt"
)]
pub(super) struct Erase {
    /// Whoever has this address; `-` reads it from standard input, so that no history keeps it.
    #[arg(long, group = "whom")]
    address: Option<String>,
    /// A person of the directory, with every address of theirs.
    #[arg(long, group = "whom")]
    person: Option<Uuid>,
    /// A profile.
    #[arg(long, group = "whom")]
    profile: Option<Uuid>,
    /// Say what would be removed, and remove nothing; exit 4 if there is anything.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

impl Erase {
    pub async fn run(&self, config: &Config) -> anyhow::Result<Exit> {
        let subject = self.subject()?;
        let store = open_existing(config).await?;
        let vault = app::open_vault(config)?;
        let removed = erasure::preview(&store, &subject).await.map_err(told)?;
        if self.dry_run {
            self.show(None, &removed)?;
            store.close().await;
            return Ok(Exit::Findings);
        }
        if !self.yes {
            self.ask(&removed)?;
        }
        let clock = Clock::system();
        let author = Author::command("erase");
        let now = || clock.now().as_millis();
        let receipt = erasure::erase(&store, &vault, &subject, &author, now).await.map_err(told)?;
        store.close().await;
        if self.json {
            print(json!(receipt))?;
        } else {
            self.show(Some(receipt.id), &receipt.removed)?;
        }
        Ok(Exit::Done)
    }

    fn subject(&self) -> anyhow::Result<Subject> {
        let address = match self.address.as_deref() {
            Some("-") => {
                let mut line = String::new();
                io::stdin().lock().read_line(&mut line)?;
                Some(line.trim().to_owned())
            }
            given => given.map(|given| given.trim().to_owned()),
        };
        match (address, self.person, self.profile) {
            (Some(address), ..) if address.is_empty() => {
                Err(fault(Exit::Usage, "say which address"))
            }
            (Some(address), ..) => Ok(Subject::Address(address)),
            (None, Some(person), _) => Ok(Subject::Person(person)),
            (None, None, Some(profile)) => Ok(Subject::Profile(profile)),
            (None, None, None) => Err(fault(Exit::Usage, "say whom to erase")),
        }
    }

    fn ask(&self, removed: &Removed) -> anyhow::Result<()> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            let message = "erasing cannot be undone; say --yes where nobody can be asked";
            return Err(fault(Exit::Usage, message));
        }
        for (what, count) in removed {
            anstream::eprintln!("{count:>8} {what}");
        }
        anstream::eprintln!("{} type `erase` to go on", styled(RED, "this cannot be undone;"));
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        if line.trim() == "erase" { Ok(()) } else { Err(fault(Exit::Failed, "nothing was erased")) }
    }

    fn show(&self, receipt: Option<Uuid>, removed: &Removed) -> anyhow::Result<()> {
        if self.json {
            return Ok(print(json!({ "removed": removed }))?);
        }
        for (what, count) in removed {
            print(format!("{count:>8} {what}"))?;
        }
        match receipt {
            Some(id) => print(format!("receipt {id}"))?,
            None => print("would be removed")?,
        }
        Ok(())
    }
}

fn told(error: ErasureError) -> anyhow::Error {
    match error {
        ErasureError::Unknown => fault(Exit::NotFound, error.to_string()),
        ErasureError::Busy => fault(Exit::Failed, error.to_string()),
        ErasureError::Store(error) => error.into(),
    }
}

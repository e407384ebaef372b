//! The directory from a CSV file, as another system writes it.
//!
//! A line is recognized by its `external_id`, so importing a file twice changes nothing the second
//! time. The file is read by a thread of its own and never held as a whole; each chunk is one
//! transaction, with the audit and with what it means for senders who wait. What was imported
//! before something broke down stays.

mod quotes;
mod read;

use std::io::Read;

use frontdesk_adapters::phone::Region;
use read::{Chunk, Row};
use serde::Serialize;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{
    DeskError,
    directory::{concerned, settle},
};
use crate::{
    audit::{self, Author, Subject},
    clock::Clock,
    db::{Store, StoreError, Tx},
    profiles::{
        directory,
        people::{NewPerson, Person},
    },
};

/// Chunks that wait while one is written.
const AHEAD: usize = 2;
/// How often a chunk is tried that somebody else's change got in the way of.
const ATTEMPTS: usize = 4;
/// No report names more lines.
const MOST_ERRORS: usize = 1_000;

/// How to import.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Whose numbers those without a country code are.
    pub region: Option<Region>,
    /// Whether nothing is to be changed.
    pub dry_run: bool,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ImportReport)]
pub struct Report {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// People who were entered.
    pub created: u64,
    /// People who were changed.
    pub changed: u64,
    /// People who were as the file says.
    pub unchanged: u64,
    /// Lines that could not be used.
    pub refused: u64,
    /// Guests who are known now.
    pub linked: u64,
    /// Senders an agent should look at now.
    pub undecided: u64,
    /// The first thousand lines that could not be used.
    pub errors: Vec<LineError>,
}

/// Why a line could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LineError {
    /// The line, from 1; the header is the first.
    pub line: u64,
    /// What to mend.
    pub reason: String,
}

/// Why an import ended early.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The first line does not say what the columns are.
    #[error("{0}")]
    Header(String),
    /// The file could not be read to its end.
    #[error("the file could not be read to its end")]
    Read(#[source] std::io::Error),
    /// The database, or a change at the same moment.
    #[error(transparent)]
    Desk(#[from] DeskError),
}

impl From<StoreError> for ImportError {
    fn from(error: StoreError) -> Self {
        Self::Desk(error.into())
    }
}

/// Imports a file; `progress` hears how many bytes of it are done.
pub async fn import(
    store: &Store,
    clock: &Clock,
    source: impl Read + Send + 'static,
    options: Options,
    author: &Author,
    mut progress: impl FnMut(u64) + Send,
) -> Result<Report, ImportError> {
    let (sender, mut chunks) = mpsc::channel(AHEAD);
    let reading = tokio::task::spawn_blocking(move || read::read(source, options.region, &sender));
    let mut report = Report { dry_run: options.dry_run, ..Report::default() };
    while let Some(chunk) = chunks.recv().await {
        let chunk: Chunk = chunk?;
        write(store, clock, &chunk, options.dry_run, author, &mut report).await?;
        report.refused += chunk.errors.len() as u64;
        let room = MOST_ERRORS.saturating_sub(report.errors.len());
        report.errors.extend(chunk.errors.into_iter().take(room));
        progress(chunk.position);
    }
    // A reader that broke down has said so in its last chunk.
    let _ = reading.await;
    Ok(report)
}

/// Writes a chunk, again if somebody else was quicker.
async fn write(
    store: &Store,
    clock: &Clock,
    chunk: &Chunk,
    dry_run: bool,
    author: &Author,
    report: &mut Report,
) -> Result<(), ImportError> {
    if chunk.rows.is_empty() {
        return Ok(());
    }
    for attempt in 1.. {
        let mut tx = store.begin().await?;
        let mut after = report.clone();
        let done = put(&mut tx, &chunk.rows, author, clock.now().as_millis(), &mut after).await;
        match done {
            Ok(()) if dry_run => tx.rollback().await?,
            Ok(()) => tx.commit().await?,
            Err(
                DeskError::Changed | DeskError::Store(StoreError::Exists | StoreError::Failed(_)),
            ) if attempt < ATTEMPTS => {
                tx.rollback().await?;
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        *report = after;
        break;
    }
    Ok(())
}

/// Enters and changes the people of a chunk, and decides about the senders that concerns.
async fn put(
    tx: &mut Tx,
    rows: &[Row],
    author: &Author,
    now: i64,
    report: &mut Report,
) -> Result<(), DeskError> {
    let ids = rows.iter().map(|row| row.external_id.clone()).collect();
    let known = directory::by_external_ids(tx, ids).await?;
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    let (mut numbers, mut people, mut entries) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let Some(before) = known.get(&row.external_id) else {
            new.push(row.person(None));
            continue;
        };
        let person = row.person(Some(before));
        let after = stored(before.id, &person, before.created_at, now);
        let differences = audit::differences(before, &after);
        if differences.is_empty() {
            report.unchanged += 1;
            continue;
        }
        let (of_person, who) = concerned(before, &after);
        numbers.extend(of_person);
        people.extend(who);
        entries.push((Subject::new("person", before.id), "change", differences));
        changed.push((before.id, person));
    }
    let ids = directory::enter_many(tx, &new, now).await?;
    for (id, person) in ids.into_iter().zip(&new) {
        numbers.extend(person.phones.iter().cloned());
        let differences = audit::differences(&None::<Person>, &stored(id, person, now, now));
        entries.push((Subject::new("person", id), "create", differences));
    }
    directory::change_many(tx, &changed, now).await?;
    audit::record_all(tx, author, entries, now).await?;
    let settled = settle(tx, numbers, people, author, now).await?;
    report.created += new.len() as u64;
    report.changed += changed.len() as u64;
    report.linked += settled.linked;
    report.undecided += settled.undecided;
    Ok(())
}

/// The person as it is stored.
fn stored(id: Uuid, person: &NewPerson, created_at: i64, now: i64) -> Person {
    let NewPerson { kind, name, email, phones, external_id, active } = person.clone();
    let (changed_at, version) = (now, 1);
    Person { id, kind, name, email, phones, external_id, active, created_at, changed_at, version }
}

//! Lines of a CSV file as people, a chunk at a time, on a thread of its own.

use std::{collections::HashSet, io::Read};

use csv::StringRecord;
use frontdesk_adapters::phone::{self, Region};
use tokio::sync::mpsc;

use super::{ImportError, LineError, quotes::Quotes};
use crate::profiles::{
    PersonKind,
    people::{NewPerson, Person, PersonError},
};

/// Lines of one transaction.
const CHUNK: usize = 500;
/// What stands between two numbers in one cell.
const BETWEEN_PHONES: [char; 2] = [';', '|'];
/// The columns, in the order people read them; the first three must be there.
const COLUMNS: [&str; 6] = ["external_id", "kind", "name", "email", "phones", "active"];
const NEEDED: usize = 3;

/// People of the file, in order; none is there twice.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub rows: Vec<Row>,
    pub errors: Vec<LineError>,
    /// How many bytes of the file are read.
    pub position: u64,
}

/// A person as a line has them. A column that is not there says nothing.
#[derive(Debug)]
pub(super) struct Row {
    pub external_id: String,
    kind: PersonKind,
    name: String,
    #[expect(
        clippy::option_option,
        reason = "no column, an empty cell and a value are three things"
    )]
    email: Option<Option<String>>,
    phones: Option<Vec<String>>,
    active: Option<bool>,
}

impl Row {
    /// What the line makes of the person there is.
    pub fn person(&self, before: Option<&Person>) -> NewPerson {
        let email = self.email.clone();
        let phones = self.phones.clone();
        NewPerson {
            kind: self.kind,
            name: self.name.clone(),
            email: email.unwrap_or_else(|| before.and_then(|before| before.email.clone())),
            phones: phones
                .unwrap_or_else(|| before.map(|before| before.phones.clone()).unwrap_or_default()),
            external_id: Some(self.external_id.clone()),
            active: self.active.or(before.map(|before| before.active)).unwrap_or(true),
        }
    }
}

/// Reads a file to its end, or until nobody listens any more.
pub(super) fn read(
    source: impl Read,
    region: Option<Region>,
    to: &mpsc::Sender<Result<Chunk, ImportError>>,
) {
    if let Err(error) = read_all(source, region, to) {
        let _ = to.blocking_send(Err(error));
    }
}

fn read_all(
    source: impl Read,
    region: Option<Region>,
    to: &mpsc::Sender<Result<Chunk, ImportError>>,
) -> Result<(), ImportError> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        // Lines are counted by their ends. What stands before one on Windows is trimmed.
        .terminator(csv::Terminator::Any(b'\n'))
        .trim(csv::Trim::All)
        .from_reader(Quotes::new(source));
    let columns = Columns::of(reader.headers().map_err(header_error)?)?;
    let mut chunk = Chunk::default();
    let mut ids: HashSet<String> = HashSet::new();
    let mut record = StringRecord::new();
    loop {
        let row = match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) if record.len() == 1 && record[0].is_empty() => continue,
            Ok(true) if reader.get_ref().is_open_at_end() => Err(unclosed(&record)),
            Ok(true) => columns.row(&record, region),
            Err(error) => Err(unreadable(error)?),
        };
        match row {
            Ok(row) => {
                // Of two lines for one person the later one counts, as if in a file of its own.
                if ids.contains(&row.external_id) && !send(&mut chunk, &mut ids, to) {
                    return Ok(());
                }
                ids.insert(row.external_id.clone());
                chunk.rows.push(row);
            }
            Err(error) => chunk.errors.push(error),
        }
        chunk.position = reader.position().byte();
        if chunk.rows.len() + chunk.errors.len() >= CHUNK && !send(&mut chunk, &mut ids, to) {
            return Ok(());
        }
    }
    chunk.position = reader.position().byte();
    send(&mut chunk, &mut ids, to);
    Ok(())
}

/// Hands a chunk over and begins another; returns whether anybody listens.
fn send(
    chunk: &mut Chunk,
    ids: &mut HashSet<String>,
    to: &mpsc::Sender<Result<Chunk, ImportError>>,
) -> bool {
    ids.clear();
    to.blocking_send(Ok(std::mem::take(chunk))).is_ok()
}

/// The line an error is about, unless reading itself failed.
fn unreadable(error: csv::Error) -> Result<LineError, ImportError> {
    let line = error.position().map_or(0, csv::Position::line);
    let kind = error.into_kind();
    let reason = if matches!(kind, csv::ErrorKind::Utf8 { .. }) {
        "this is not UTF-8; save the file as UTF-8"
    } else {
        "this line cannot be read"
    };
    if let csv::ErrorKind::Io(error) = kind {
        return Err(ImportError::Read(error));
    }
    Ok(LineError { line, reason: reason.to_owned() })
}

fn unclosed(record: &StringRecord) -> LineError {
    let line = record.position().map_or(0, csv::Position::line);
    let reason = "a quote that opens here is never closed, so nothing after it was read; close it, \
        or write it twice within a cell in quotes";
    LineError { line, reason: reason.to_owned() }
}

fn header_error(error: csv::Error) -> ImportError {
    let kind = error.into_kind();
    if let csv::ErrorKind::Io(error) = kind {
        return ImportError::Read(error);
    }
    ImportError::Header("the file must be CSV in UTF-8".to_owned())
}

/// Where the columns stand.
struct Columns {
    places: [Option<usize>; COLUMNS.len()],
    count: usize,
}

impl Columns {
    fn of(header: &StringRecord) -> Result<Self, ImportError> {
        let mut places = [None; COLUMNS.len()];
        let known = COLUMNS.join(", ");
        for (place, name) in header.iter().enumerate() {
            let column = COLUMNS.iter().position(|known| known.eq_ignore_ascii_case(name));
            let slot = column.map(|column| &mut places[column]);
            match slot {
                None => {
                    let message = format!(
                        "column {} is none of {known}; the first line must name the columns, \
                         with commas between them",
                        place + 1
                    );
                    return Err(ImportError::Header(message));
                }
                Some(Some(_)) => {
                    let message = format!("column {} is there twice", place + 1);
                    return Err(ImportError::Header(message));
                }
                Some(slot) => *slot = Some(place),
            }
        }
        if let Some(missing) = places.iter().take(NEEDED).position(Option::is_none) {
            let message = format!("there is no column {}; there can be {known}", COLUMNS[missing]);
            return Err(ImportError::Header(message));
        }
        Ok(Self { places, count: header.len() })
    }

    fn row(&self, record: &StringRecord, region: Option<Region>) -> Result<Row, LineError> {
        let line = record.position().map_or(0, csv::Position::line);
        self.read(record, region).map_err(|reason| LineError { line, reason })
    }

    fn read(&self, record: &StringRecord, region: Option<Region>) -> Result<Row, String> {
        if record.len() != self.count {
            return Err(format!(
                "there are {} cells, and {} columns; put cells with commas in quotes",
                record.len(),
                self.count
            ));
        }
        if let Some(place) = record.iter().position(|cell| cell.contains(['\n', '\r'])) {
            return Err(format!(
                "cell {} goes on after the end of the line; look for a quote that is not closed",
                place + 1
            ));
        }
        let [external_id, kind, name, email, phones, active] =
            self.places.map(|place| place.and_then(|place| record.get(place)));
        let external_id = external_id.unwrap_or_default();
        if external_id.is_empty() {
            return Err("external_id is empty; it is what the person is recognized by".to_owned());
        }
        let kind = kind.unwrap_or_default().to_ascii_lowercase();
        let kind: PersonKind = serde_json::from_value(kind.into())
            .map_err(|_| "kind must be user, contact, consumer or employee".to_owned())?;
        let active = match active.map(str::to_ascii_lowercase).as_deref() {
            None => None,
            Some("" | "true" | "yes" | "1") => Some(true),
            Some("false" | "no" | "0") => Some(false),
            Some(_) => return Err("active must be true or false".to_owned()),
        };
        let person = NewPerson {
            kind,
            name: name.unwrap_or_default().to_owned(),
            email: email.filter(|email| !email.is_empty()).map(str::to_owned),
            phones: phones.map(|cell| split(cell, region)).unwrap_or_default(),
            external_id: Some(external_id.to_owned()),
            active: active.unwrap_or(true),
        };
        let person = person.normalized().map_err(|error| match error {
            PersonError::Phone(index) => format!(
                "phone number {} is not one; write it with + and country code, or name a region",
                index + 1
            ),
            PersonError::Name | PersonError::Email | PersonError::ExternalId => error.to_string(),
        })?;
        Ok(Row {
            external_id: person.external_id.unwrap_or_default(),
            kind: person.kind,
            name: person.name,
            email: email.map(|_| person.email),
            phones: phones.map(|_| person.phones),
            active,
        })
    }
}

/// The numbers of a cell, those of `region` with their country code.
fn split(cell: &str, region: Option<Region>) -> Vec<String> {
    let numbers = cell.split(BETWEEN_PHONES).map(str::trim).filter(|number| !number.is_empty());
    let international = |number: &str| match region {
        Some(_) => phone::address(number, region).map(|address| address.value),
        None => None,
    };
    numbers.map(|number| international(number).unwrap_or_else(|| number.to_owned())).collect()
}

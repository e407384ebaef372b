//! Whom of the directory an entry of the file means.

use uuid::Uuid;

use super::changes::{Changes, differs};
use crate::{
    audit::Author,
    cli::{Exit, fault},
    db::Tx,
    desk::{DeskError, directory},
    profiles::people::{self, NewPerson, Person},
};

/// Enters or changes people.
pub(super) async fn put(
    tx: &mut Tx,
    desired: Vec<NewPerson>,
    now: i64,
    changes: &mut Changes,
) -> anyhow::Result<()> {
    if desired.is_empty() {
        return Ok(());
    }
    let author = Author::command("apply");
    let mut stored = everybody(tx).await?;
    for person in desired {
        let what = format!("person {} ({})", person.name, person.kind.as_str());
        let Some(index) = same_person(&person, &stored) else {
            directory::enter(tx, &person, &author, now).await?;
            changes.created(what);
            continue;
        };
        // Nobody stands for two entries of the file.
        let before = stored.swap_remove(index);
        // An id that the file does not say stays.
        let external_id = person.external_id.clone().or_else(|| before.external_id.clone());
        let person = NewPerson { external_id, ..person };
        let details = person_differences(&before, &person);
        if details.is_empty() {
            changes.unchanged += 1;
            continue;
        }
        match directory::change(tx, &before, &person, &author, now).await {
            Ok(_) => {}
            Err(DeskError::Changed) => {
                let message = format!("{what} was changed at the same moment; apply again");
                return Err(fault(Exit::Failed, message));
            }
            Err(error) => return Err(error.into()),
        }
        changes.changed(what, details);
    }
    Ok(())
}

/// The stored person an entry means: with its external id where both have one; else of the same kind, with one of its numbers or its e-mail
/// address; or with its name, where one side has no address to tell them apart by.
///
/// Two people may share a name or a number, so the best match is taken: both before either.
fn same_person(person: &NewPerson, stored: &[Person]) -> Option<usize> {
    let score = |known: &Person| {
        if known.external_id.is_some() && person.external_id.is_some() {
            return if known.external_id == person.external_id { 4 } else { 0 };
        }
        let same_name = known.name == person.name;
        let same_email = known.email.is_some() && known.email == person.email;
        let shares = known.phones.iter().any(|phone| person.phones.contains(phone)) || same_email;
        let nothing =
            |phones: &[String], email: &Option<String>| phones.is_empty() && email.is_none();
        let cannot_tell =
            nothing(&known.phones, &known.email) || nothing(&person.phones, &person.email);
        match (known.kind == person.kind, shares, same_name) {
            (true, true, true) => 3,
            (true, true, false) => 2,
            (true, false, true) if cannot_tell => 1,
            (..) => 0,
        }
    };
    let best = stored.iter().enumerate().map(|(index, known)| (score(known), index));
    // Of equals the first entered, so that the answer does not depend on chance.
    let best = best.max_by_key(|(score, index)| (*score, std::cmp::Reverse(stored[*index].id)));
    best.filter(|(score, _)| *score > 0).map(|(_, index)| index)
}

fn person_differences(before: &Person, after: &NewPerson) -> Vec<String> {
    let mut details = Vec::new();
    differs(&mut details, "name", &before.name, &after.name);
    let text = |email: &Option<String>| email.clone().unwrap_or_else(|| "—".to_owned());
    differs(&mut details, "email", text(&before.email), text(&after.email));
    differs(&mut details, "phones", before.phones.join(" "), after.phones.join(" "));
    differs(&mut details, "external id", text(&before.external_id), text(&after.external_id));
    differs(&mut details, "active", before.active, after.active);
    details
}

/// The whole directory.
pub(super) async fn everybody(tx: &mut Tx) -> anyhow::Result<Vec<Person>> {
    const PAGE: i64 = 1_000;
    let mut all: Vec<Person> = Vec::new();
    loop {
        let after: Option<Uuid> = all.last().map(|person| person.id);
        let page = people::list(tx, after, PAGE).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

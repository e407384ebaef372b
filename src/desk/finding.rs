//! Interactions by what was said in them, by whom they are about, and by where they stand.

use std::collections::HashSet;

use crate::{
    db::{StoreError, Tx},
    interactions::{
        Interaction,
        store::{self, Filter, Party},
    },
    profiles,
    search::{self, Wanted},
};

/// People and profiles of one name that are looked at: a longer list says nothing.
const NAMESAKES: i64 = 200;
/// Messages with the words that are looked at in one step.
const STEP: i64 = 200;
/// Steps of one page. A page that found less than it could goes on where it ended.
const STEPS: usize = 10;

/// What is looked for. Everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct Finding {
    /// Where they stand, whose they are, when they were opened.
    pub filter: Filter,
    /// What was said in them.
    pub text: Option<Wanted>,
    /// The name of the person or of the profile.
    pub name: Option<Wanted>,
    /// The customer's address.
    pub address: Option<String>,
}

/// Some of what was found, and where to go on; `None` at the end.
#[derive(Clone, Debug)]
pub struct Findings {
    /// The interactions: newest first, or with the newest mention first where a text is looked for.
    pub interactions: Vec<Interaction>,
    /// What is given as `after` for those that follow.
    pub next: Option<i64>,
}

/// Finds up to `limit` interactions behind `after`.
pub async fn find(
    tx: &mut Tx,
    mut finding: Finding,
    after: Option<i64>,
    limit: usize,
) -> Result<Findings, StoreError> {
    let mut parties = Vec::new();
    if let Some(address) = &finding.address {
        let filter = profiles::store::Filter {
            address: Some(address.clone()),
            limit: NAMESAKES,
            ..Default::default()
        };
        let profiles = profiles::store::list(tx, &filter).await?;
        // What a merge handed over is found by the address that was given up, too.
        let ids = profiles.into_iter().flat_map(|profile| [Some(profile.id), profile.merged_into]);
        parties.push(ids.flatten().map(|id| Party { id, is_person: false }).collect());
    }
    if let Some(name) = &finding.name {
        let mut namesakes = Vec::new();
        for (kind, is_person) in [("person", true), ("profile", false)] {
            let found = search::named(tx, kind, name, i64::MAX, NAMESAKES).await?;
            namesakes.extend(found.into_iter().map(|(_, id)| Party { id, is_person }));
        }
        parties.push(namesakes);
    }
    if parties.iter().any(Vec::is_empty) {
        return Ok(Findings { interactions: Vec::new(), next: None });
    }
    finding.filter.parties = parties;
    match finding.text {
        Some(text) => with_text(tx, finding.filter, &text, after, limit).await,
        None => {
            let fetched = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
            let filter = Filter { before: after, limit: fetched, ..finding.filter };
            let mut interactions = store::list(tx, &filter).await?;
            let more = interactions.len() > limit;
            interactions.truncate(limit);
            let next = interactions.last().filter(|_| more).map(|last| last.number.0);
            Ok(Findings { interactions, next })
        }
    }
}

/// Walks the messages with the words, newest first; each interaction stands at its newest one.
async fn with_text(
    tx: &mut Tx,
    filter: Filter,
    text: &Wanted,
    after: Option<i64>,
    limit: usize,
) -> Result<Findings, StoreError> {
    let mut before = after.unwrap_or(i64::MAX);
    let mut interactions = Vec::new();
    let mut seen = HashSet::new();
    for _ in 0..STEPS {
        let found = search::messages(tx, text, before, STEP).await?;
        let ended = i64::try_from(found.len()).unwrap_or(i64::MAX) < STEP;
        let new: Vec<i64> =
            found.iter().map(|found| found.seq).filter(|seq| !seen.contains(seq)).collect();
        let mut fitting = Vec::new();
        if !new.is_empty() {
            let filter = Filter { seqs: Some(new), limit: STEP, ..filter.clone() };
            fitting = store::list(tx, &filter).await?;
        }
        for found in found {
            before = found.place;
            if !seen.insert(found.seq) {
                continue;
            }
            let Some(index) = fitting.iter().position(|it| it.number.0 == found.seq) else {
                continue;
            };
            // One with a newer mention was on an earlier page.
            if after.is_some() && search::newest_of(tx, text, found.seq).await? > Some(found.place)
            {
                continue;
            }
            interactions.push(fitting.swap_remove(index));
            if interactions.len() == limit {
                return Ok(Findings { interactions, next: Some(before) });
            }
        }
        if ended {
            return Ok(Findings { interactions, next: None });
        }
    }
    Ok(Findings { interactions, next: Some(before) })
}

//! Interactions by what was said in them, by whom they are about, and by where they stand.

use std::collections::{HashMap, HashSet};

use crate::{
    db::{Listed, StoreError, Tx},
    interactions::{
        Interaction,
        list::{self, Filter, Party},
    },
    profiles,
    search::{self, Found, Wanted},
};

/// People and profiles of one name that are looked at: a longer list says nothing.
const NAMESAKES: i64 = 200;
/// Interactions whose messages are looked through for words; where more could be meant, the messages
/// with the words are looked at first.
const FEW: usize = 1_500;
/// Messages with the words that are looked at in each step of a page. One that found less than it
/// could goes on where it ended.
const STEPS: [i64; 3] = [200, 400, 400];

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

/// Finds up to `limit` interactions behind `after`: newest first, or with the newest mention first
/// where a text is looked for.
pub async fn find(
    tx: &mut Tx,
    mut finding: Finding,
    after: Option<i64>,
    limit: usize,
) -> Result<Listed<Interaction, i64>, StoreError> {
    let mut parties = Vec::new();
    if let Some(address) = &finding.address {
        let filter = profiles::store::Filter {
            addresses: Some(profiles::spellings(address)),
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
        return Ok(Listed::nothing());
    }
    finding.filter.parties = parties;
    let Some(text) = finding.text else {
        return list::list(tx, &Filter { before: after, ..finding.filter }, limit).await;
    };
    match list::few(tx, &finding.filter, FEW).await? {
        Some(few) => among(tx, few, &text, after, limit).await,
        None => with_text(tx, finding.filter, &text, after, limit).await,
    }
}

/// Those of a few interactions in which the words were said; each stands at its newest mention.
async fn among(
    tx: &mut Tx,
    seqs: Vec<i64>,
    text: &Wanted,
    after: Option<i64>,
    limit: usize,
) -> Result<Listed<Interaction, i64>, StoreError> {
    let newest = search::newest_of(tx, text, seqs).await?;
    let mut places: Vec<(i64, i64)> = newest.into_iter().map(|(seq, place)| (place, seq)).collect();
    places.retain(|(place, _)| after.is_none_or(|after| *place < after));
    places.sort_unstable_by(|one, other| other.cmp(one));
    let next = places.get(limit.saturating_sub(1)).filter(|_| places.len() > limit).map(|it| it.0);
    places.truncate(limit);
    let filter = Filter { seqs: Some(places.iter().map(|it| it.1).collect()), ..Filter::default() };
    let mut interactions = list::list(tx, &filter, limit).await?.rows;
    interactions.sort_by_key(|it| places.iter().position(|(_, seq)| *seq == it.number.0));
    Ok(Listed { rows: interactions, next })
}

/// Walks the messages with the words, newest first; each interaction stands at its newest one.
async fn with_text(
    tx: &mut Tx,
    filter: Filter,
    text: &Wanted,
    after: Option<i64>,
    limit: usize,
) -> Result<Listed<Interaction, i64>, StoreError> {
    let mut before = after.unwrap_or(i64::MAX);
    let mut interactions = Vec::new();
    let mut seen = HashSet::new();
    for step in STEPS {
        let found = search::messages(tx, text, before, step).await?;
        let ended = i64::try_from(found.len()).unwrap_or(i64::MAX) < step;
        let new: HashSet<i64> =
            found.iter().map(|found| found.seq).filter(|seq| !seen.contains(seq)).collect();
        let filter = Filter { seqs: Some(new.iter().copied().collect()), ..filter.clone() };
        let fitting = list::list(tx, &filter, new.len()).await?.rows;
        let mut fitting: HashMap<i64, Interaction> =
            fitting.into_iter().map(|it| (it.number.0, it)).collect();
        let is_new = |found: &Found| seen.insert(found.seq) && fitting.contains_key(&found.seq);
        let last = found.last().map(|found| found.place);
        let found: Vec<Found> = found.into_iter().filter(is_new).collect();
        for found in found.chunks(limit) {
            // One with a newer mention was on an earlier page.
            let shown = match after {
                Some(_) => search::said_again(tx, text, found).await?,
                None => HashSet::new(),
            };
            for found in found {
                before = found.place;
                let fitting = fitting.remove(&found.seq);
                interactions.extend(fitting.filter(|_| !shown.contains(&found.seq)));
                if interactions.len() == limit {
                    return Ok(Listed { rows: interactions, next: Some(before) });
                }
            }
        }
        before = last.unwrap_or(before);
        if ended {
            return Ok(Listed { rows: interactions, next: None });
        }
    }
    Ok(Listed { rows: interactions, next: Some(before) })
}

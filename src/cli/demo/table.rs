//! The table, counted from what the database says.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use uuid::Uuid;

use super::judge::Verdict;
use crate::{
    cli::{
        fixtures::Folder,
        terminal::{BOLD, DIM, GREEN, RED, print, styled},
    },
    db::{Store, StoreError},
    interactions::{self, Interaction},
    messages::{
        self, EventFilter, EventRecord, Message, MessageFilter, RequestFilter, RequestOutcome,
        RequestRecord,
    },
    routing::{self, WorkItem},
};

/// More rows than any demo makes.
const ALL: i64 = 100_000;
/// Conversations shown of each channel.
const EXAMPLES_EACH: usize = 2;

/// What the database keeps of a run.
#[derive(Debug)]
pub(super) struct Kept {
    messages: Vec<Message>,
    events: Vec<EventRecord>,
    interactions: HashMap<Uuid, Interaction>,
    items: Vec<WorkItem>,
    /// By channel, in order of arrival.
    requests: HashMap<String, Vec<RequestRecord>>,
}

impl Kept {
    /// Reads everything, once every request that is to be archived is.
    pub async fn read(
        store: &Store,
        folders: &[Folder],
        verdicts: &[Vec<Verdict>],
    ) -> anyhow::Result<Self> {
        let mut requests = HashMap::new();
        for (folder, verdicts) in folders.iter().zip(verdicts) {
            let id = &folder.channel.id;
            let expected = verdicts.iter().filter(|verdict| verdict.outcome.is_some()).count();
            requests.insert(id.clone(), archived(store, id, expected).await?);
        }
        let mut tx = store.begin_read().await?;
        let filter = MessageFilter { limit: ALL, ..MessageFilter::default() };
        let messages = messages::list(&mut tx, &filter).await?;
        let filter = EventFilter { limit: ALL, ..EventFilter::default() };
        let events = messages::events(&mut tx, &filter).await?;
        let interactions =
            interactions::list::list(&mut tx, &Default::default(), usize::MAX).await?.rows;
        let mut items = Vec::new();
        for queue in routing::store::queues(&mut tx).await? {
            items.extend(routing::store::items(&mut tx, &queue.id, None, ALL).await?);
        }
        tx.rollback().await?;
        let interactions = interactions.into_iter().map(|it| (it.id, it)).collect();
        Ok(Self { messages, events, interactions, items, requests })
    }

    /// Holds what is kept against what was expected, request by request.
    pub fn judge(&self, folders: &[Folder], verdicts: &mut [Vec<Verdict>]) {
        let mut messages: HashMap<Uuid, Vec<&Message>> = HashMap::new();
        for message in &self.messages {
            let Some(request) = message.request_id else { continue };
            messages.entry(request).or_default().push(message);
        }
        let mut events: HashMap<Uuid, Vec<&EventRecord>> = HashMap::new();
        for event in &self.events {
            events.entry(event.request_id).or_default().push(event);
        }
        for (folder, verdicts) in folders.iter().zip(verdicts) {
            let mut requests = self.requests[&folder.channel.id].iter();
            for verdict in verdicts.iter_mut() {
                let request = verdict.outcome.and_then(|_| requests.next());
                let id = request.map(|request| request.id).unwrap_or_default();
                let messages = messages.get(&id).into_iter().flatten().copied();
                let events = events.get(&id).into_iter().flatten().copied();
                verdict.look_up(request, messages, events);
            }
        }
    }

    fn count(&self, folder: &Folder, verdicts: &[Verdict]) -> Row {
        let channel = &folder.channel.id;
        let messages = || self.messages.iter().filter(|message| message.channel_id == *channel);
        let decided = |word: &str| messages().filter(|message| message.decision == word).count();
        // The database was empty, so a profile is new on the channel that heard of it first.
        let elsewhere: HashSet<Uuid> = self
            .messages
            .iter()
            .scan(HashSet::new(), |seen, message| Some((message, seen.insert(message.profile_id))))
            .filter(|(message, first)| *first && message.channel_id != *channel)
            .map(|(message, _)| message.profile_id)
            .collect();
        let profiles: HashSet<Uuid> = messages().map(|message| message.profile_id).collect();
        let refused = RequestOutcome::Refused.as_str();
        let in_channel = |item: &&WorkItem| {
            let interaction = self.interactions.get(&item.interaction_id);
            interaction.is_some_and(|interaction| interaction.channel_id.as_ref() == Some(channel))
        };
        Row {
            requests: verdicts.len(),
            messages: messages().count(),
            profiles: profiles.difference(&elsewhere).count(),
            opened: decided("opened"),
            continued: decided("continued"),
            queued: self.items.iter().filter(in_channel).count(),
            refused: self.requests[channel].iter().filter(|it| it.outcome == refused).count(),
            as_expected: verdicts.iter().filter(|it| it.differences.is_empty()).count(),
        }
    }
}

/// A channel's archived requests in order of arrival, once there are `expected` of them.
///
/// Refused ones are archived behind the answers. What stays missing shows as a difference.
async fn archived(
    store: &Store,
    channel: &str,
    expected: usize,
) -> Result<Vec<RequestRecord>, StoreError> {
    const PAUSE: Duration = Duration::from_millis(20);
    let filter = RequestFilter { channel: Some(channel.to_owned()), ..Default::default() };
    for _ in 0..250 {
        let mut tx = store.begin_read().await?;
        let mut requests = messages::requests(&mut tx, &filter, usize::MAX).await?.rows;
        tx.rollback().await?;
        if requests.len() >= expected {
            requests.reverse();
            return Ok(requests);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(Vec::new())
}

/// One line of the table.
#[derive(Default)]
struct Row {
    requests: usize,
    messages: usize,
    profiles: usize,
    opened: usize,
    continued: usize,
    queued: usize,
    refused: usize,
    as_expected: usize,
}

impl Row {
    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.messages += other.messages;
        self.profiles += other.profiles;
        self.opened += other.opened;
        self.continued += other.continued;
        self.queued += other.queued;
        self.refused += other.refused;
        self.as_expected += other.as_expected;
    }

    fn line(&self, name: &str) -> String {
        let mark = if self.as_expected == self.requests {
            styled(GREEN, format!("{:>7} ✓", self.as_expected))
        } else {
            styled(RED, format!("{:>7} ✗", self.as_expected))
        };
        // Eighty columns leave room for short names; a longer one gets a line of its own.
        let name = if name.len() > 9 { format!("{name}\n {:<9}", "") } else { name.to_owned() };
        format!(
            " {name:<9}{:>9}{:>9}{:>9}{:>8}{:>10}{:>7}{:>8}{mark}",
            self.requests,
            self.messages,
            self.profiles,
            self.opened,
            self.continued,
            self.queued,
            self.refused,
        )
    }
}

/// Prints conversations, the table and every difference; says how many requests differ.
pub(super) fn show(
    folders: &[Folder],
    verdicts: &[Vec<Verdict>],
    kept: &Kept,
) -> anyhow::Result<usize> {
    show_conversations(folders, kept)?;
    let above = format!("{:>37}{:>18}{:>24}", "new", "interactions", "as");
    print(styled(DIM, above))?;
    let header = " provider  requests messages profiles  opened continued queued refused expected";
    print(styled(BOLD, header))?;
    let mut total = Row::default();
    for (folder, verdicts) in folders.iter().zip(verdicts) {
        let row = kept.count(folder, verdicts);
        print(row.line(&folder.name))?;
        total.add(&row);
    }
    print(total.line("all"))?;
    print("")?;
    for (folder, verdicts) in folders.iter().zip(verdicts) {
        for (case, verdict) in folder.cases.iter().zip(verdicts) {
            for difference in &verdict.differences {
                print(format!("{} {}: {difference}", styled(RED, "✗"), case.name))?;
            }
        }
    }
    Ok(total.requests - total.as_expected)
}

/// A few conversations: who wrote what, and where it waits.
fn show_conversations(folders: &[Folder], kept: &Kept) -> anyhow::Result<()> {
    let mut shown: Vec<(&Interaction, &str)> = Vec::new();
    for folder in folders {
        let opening = kept.messages.iter().filter(|message| {
            message.channel_id == folder.channel.id && message.decision == "opened"
        });
        let with_text = opening.filter_map(|message| {
            Some((kept.interactions.get(&message.interaction_id)?, message.text.as_deref()?))
        });
        shown.extend(with_text.take(EXAMPLES_EACH));
    }
    for (interaction, text) in shown {
        let item = kept.items.iter().find(|item| item.interaction_id == interaction.id);
        let queue = item.map_or("—", |item| &item.queue);
        let number = interactions::number(interaction.number.0);
        let who = &interaction.opened_for_kind;
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let line: String = line.chars().take(34).collect();
        print(format!(
            " {} {:<9} {who:<9} {} {:<9} {line}",
            styled(BOLD, number),
            interaction.subtype,
            styled(DIM, "→"),
            queue
        ))?;
    }
    Ok(print("")?)
}

//! The table of contents of the product: what one group of requests does to the database.
//!
//! Each step reads, decides in plain Rust over the rows, and writes, for the whole group at once;
//! none calls the next. A group of one is the same code. Keys are sorted before they are written,
//! so that two committers cannot deadlock.

mod claims;
mod consents;
mod conversations;
mod moved;
mod parts;
mod queueing;
mod rows;
mod senders;
mod threads;
mod told;

use std::collections::HashMap;

use frontdesk_adapters::{Event, Kind, Medium, Message, Outcome, Verdict};
use uuid::Uuid;

use super::{
    catalog::Catalog,
    commit::{Arrived, Submission},
};
use crate::{
    db::{StoreError, Tx},
    interactions::{self, Continued},
    messages, outbox,
    profiles::{self, Resolved, consents::Consent, forgotten, keywords::Keyword},
    routing,
};

/// What was recorded.
pub(super) struct Recorded {
    /// For each submission, places and what became of the events there.
    pub outcomes: Vec<Vec<(usize, Outcome)>>,
    profiles_created: u64,
    decisions: HashMap<&'static str, u64>,
    opt_outs: u64,
}

/// An event that is new to us, and what is found out about it step by step.
struct Fresh<'a> {
    arrived: &'a Arrived,
    /// Whether it is a part of a message, which is recorded by itself.
    is_held: bool,
    /// What it does beyond being stored.
    role: Role,
    /// Our id of the message it is about.
    target: Option<Uuid>,
    /// The word it is, where that decides about our messages.
    keyword: Option<&'static Keyword>,
    /// Whether it is an edit that came before its message, and stands for it.
    adopted: bool,
    /// The place of its sender among the group's senders.
    sender: Option<usize>,
    /// The customer our own side spoke to, where the sender is one of us.
    customer: Option<Resolved>,
    /// What became of it in its conversation.
    continued: Option<Continued>,
}

/// What a new event does beyond being stored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The customer speaks: a profile and an interaction, new ones if need be.
    Speaks,
    /// Noted on the open interaction, if there is one.
    Noted,
    /// Stored beside the messages.
    Beside,
}

/// The profiles of a group's senders, in the senders' order.
struct Known {
    profiles: Vec<Option<Resolved>>,
}

/// Records a group of requests.
pub(super) async fn record(
    tx: &mut Tx,
    catalog: &Catalog,
    group: &[Submission],
) -> Result<Recorded, StoreError> {
    let arrived: Vec<&Arrived> = group.iter().flat_map(|submission| &submission.events).collect();
    let now = arrived.last().map_or(0, |arrived| arrived.received_at);

    // What is new?
    let outcomes = claims::claim(tx, &arrived).await?;
    let new = arrived.into_iter().zip(&outcomes);
    let new = new.filter(|(_, outcome)| outcome.verdict == Verdict::Accepted);
    let new: Vec<&Arrived> = new.map(|(arrived, _)| arrived).collect();
    let joined = parts::join(tx, &new).await?;
    let mut fresh = joined.fresh(&new);
    claims::find_targets(tx, &mut fresh).await?;
    claims::adopt_early_edits(tx, &mut fresh).await?;
    consents::find_keywords(tx, &mut fresh).await?;
    for fresh in &mut fresh {
        fresh.role = fresh.role(catalog);
    }

    // Whose is it?
    threads::find(tx, &mut fresh).await?;
    let senders = senders::of(&mut fresh);
    threads::join(&mut fresh);
    let profiles = profiles::resolve(tx, &senders, now).await?;
    let known = Known { profiles };
    interactions::store::link_open(tx, known.links()).await?;
    if let Some(vault) = &catalog.forgotten {
        forgotten::revive(tx, vault, consents::of_created(&fresh, &known), now).await?;
    }
    consents::record(tx, &fresh).await?;
    moved::propose(tx, &fresh, now).await?;

    // Which conversation?
    let (conversations, places) = conversations::of(&fresh, &known);
    let continued = interactions::continue_or_open(tx, &conversations).await?;
    for (places, arrivals) in places.into_iter().zip(continued.arrivals) {
        for (place, arrival) in places.into_iter().zip(arrivals) {
            fresh[place].continued = arrival;
        }
    }

    // What was said, and what else happened?
    messages::insert(tx, rows::messages(&fresh, &known)).await?;
    interactions::store::answer(tx, threads::answers(&fresh)).await?;
    messages::insert_events(tx, rows::events(&fresh, &known)).await?;
    messages::changes::edit(tx, rows::edits(&fresh)).await?;
    messages::changes::mark_deleted(tx, rows::deletions(&fresh)).await?;

    // What ended without an agent is described in the customer's own words.
    let ended = fresh.iter().filter_map(|fresh| fresh.continued.as_ref());
    let ended = ended.filter(|continued| !continued.active).map(|ended| ended.interaction_id);
    let ended = continued.superseded.iter().copied().chain(ended);
    interactions::store::describe(tx, ended).await?;

    // Where does it wait?
    routing::store::end(tx, &continued.superseded, now).await?;
    let queued = queueing::enqueue(tx, catalog, &fresh, &known, now).await?;

    // Who is to be told?
    let told = told::events(&fresh, &known, &queued, &continued.superseded, now);
    outbox::enqueue(tx, told).await?;

    // What came in?
    let recorded = Recorded::of(&fresh, &known, rows::per_submission(group, outcomes));
    messages::archive(tx, rows::requests(group, &recorded.outcomes)).await?;
    Ok(recorded)
}

impl Recorded {
    fn of(fresh: &[Fresh<'_>], known: &Known, outcomes: Vec<Vec<(usize, Outcome)>>) -> Self {
        let mut decisions: HashMap<&'static str, u64> = HashMap::new();
        for continued in fresh.iter().filter_map(|fresh| fresh.continued.as_ref()) {
            *decisions.entry(continued.decision()).or_default() += 1;
        }
        let opt_outs =
            fresh.iter().filter(|fresh| consents::consent(fresh) == Some(Consent::OptedOut));
        Self {
            outcomes,
            profiles_created: known.created().count() as u64,
            decisions,
            opt_outs: opt_outs.count() as u64,
        }
    }

    /// Counts what is durable now.
    pub fn count(&self) {
        metrics::counter!("frontdesk_profiles_created_total").increment(self.profiles_created);
        metrics::counter!("frontdesk_optouts_total").increment(self.opt_outs);
        for (decision, count) in &self.decisions {
            metrics::counter!("frontdesk_interactions_total", "decision" => *decision)
                .increment(*count);
        }
    }
}

impl<'a> Fresh<'a> {
    fn new(arrived: &'a Arrived) -> Self {
        Self {
            arrived,
            is_held: false,
            role: Role::Beside,
            target: None,
            keyword: None,
            adopted: false,
            sender: None,
            customer: None,
            continued: None,
        }
    }

    fn message(&self) -> Option<&'a Message> {
        match self.arrived.event() {
            Event::Message(message) => Some(message),
            Event::Status(_) => None,
        }
    }

    fn kind(&self) -> Option<Kind> {
        self.message().map(|message| message.kind)
    }

    fn medium(&self) -> Medium {
        let own = self.message().and_then(|message| message.medium);
        own.unwrap_or(self.arrived.channel.adapter.medium)
    }

    /// The provider's id of the message it is about.
    fn target_id(&self) -> Option<&'a str> {
        match self.arrived.event() {
            Event::Message(message) => message.target.as_deref(),
            Event::Status(status) => status.id.as_deref(),
        }
    }

    fn role(&self, catalog: &Catalog) -> Role {
        let Some(message) = self.message() else { return Role::Beside };
        let Some(sender) = message.sender.as_ref().filter(|_| !self.is_held) else {
            return Role::Beside;
        };
        // Our own number writing to us would go round in circles.
        if catalog.is_ours(&sender.address, &self.arrived.our_address) {
            return Role::Beside;
        }
        match message.kind {
            Kind::MessageEdited if self.adopted => Role::Speaks,
            Kind::Message if message.from_business || self.keyword.is_some() => Role::Noted,
            Kind::Message | Kind::Postback => Role::Speaks,
            Kind::OptOut | Kind::OptIn | Kind::Help => Role::Noted,
            Kind::MessageEdited
            | Kind::MessageDeleted
            | Kind::Reaction
            | Kind::ConversationStarted
            | Kind::Typing
            | Kind::Other => Role::Beside,
        }
    }
}

impl Known {
    fn profile<'k>(&'k self, fresh: &'k Fresh<'_>) -> Option<&'k Resolved> {
        fresh.customer.as_ref().or_else(|| self.profiles[fresh.sender?].as_ref())
    }

    fn created(&self) -> impl Iterator<Item = &Resolved> {
        self.profiles.iter().flatten().filter(|profile| profile.created)
    }

    /// Guests who turned out to be somebody.
    fn links(&self) -> impl Iterator<Item = (Uuid, profiles::PersonRef, &'static str)> {
        let before = self.profiles.iter().flatten().filter(|profile| !profile.created);
        before.filter_map(|profile| {
            let person = profile.decision.link?;
            Some((profile.profile_id, person, profile.decision.outcome.as_str()))
        })
    }
}

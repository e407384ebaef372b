//! The table of contents of the product: what one group of requests does to the database.
//!
//! Each step reads, decides in plain Rust over the rows, and writes, for the whole group at once;
//! none calls the next. A group of one is the same code. Keys are sorted before they are written,
//! so that two committers cannot deadlock.

use std::collections::{BTreeMap, HashMap, HashSet};

use frontdesk_adapters::{
    AddressKind, Event, Kind, Medium, Message, Outcome, Verdict, phone::Region,
};
use serde_json::json;
use uuid::Uuid;

use super::{
    catalog::Catalog,
    commit::{Arrived, Submission},
};
use crate::{
    db::{JsonText, StoreError, Tx},
    interactions::{self, Arrival, Continued, Conversation, contact_type},
    messages::{self, Claim, Claimed, NewEvent, NewMessage, NewRequest, RequestOutcome},
    outbox::{self, EventType},
    profiles::{
        self, Key, Resolved,
        consents::{self, Consent},
    },
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

impl Recorded {
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

/// Records a group of requests.
pub(super) async fn record(
    tx: &mut Tx,
    catalog: &Catalog,
    group: &[Submission],
) -> Result<Recorded, StoreError> {
    let arrived: Vec<&Arrived> = group.iter().flat_map(|submission| &submission.events).collect();
    let now = arrived.last().map_or(0, |arrived| arrived.received_at);

    // What is new?
    let verdicts = claim(tx, &arrived).await?;
    let fresh: Vec<&Arrived> = arrived
        .iter()
        .zip(&verdicts)
        .filter(|(_, outcome)| outcome.verdict == Verdict::Accepted)
        .map(|(arrived, _)| *arrived)
        .collect();
    let targets = find_targets(tx, &fresh).await?;
    let adopted = adopt_early_edits(tx, &fresh, &targets).await?;
    let roles: Vec<Role> = fresh
        .iter()
        .enumerate()
        .map(|(index, arrived)| role(arrived, catalog, adopted.contains(&index)))
        .collect();

    // Whose is it?
    let senders = Senders::of(&fresh, &roles);
    let resolved = profiles::resolve(tx, &senders.senders, now).await?;
    let profile_of = |index: usize| -> Option<&Resolved> {
        senders.of_arrived[index].and_then(|sender| resolved[sender].as_ref())
    };
    let links =
        resolved.iter().flatten().filter(|resolved| !resolved.created).filter_map(|resolved| {
            let person = resolved.decision.link?;
            Some((resolved.profile_id, person, resolved.decision.outcome.as_str()))
        });
    interactions::store::link_open(tx, links).await?;
    record_consents(tx, &fresh).await?;

    // Which conversation?
    let conversations = Conversations::of(&fresh, &roles, &profile_of);
    let outcome = interactions::continue_or_open(tx, &conversations.conversations).await?;
    let continued = conversations.per_arrived(&outcome, fresh.len());

    // What was said, and what else happened?
    let (said, beside) = rows(&fresh, &continued, &profile_of, &targets, &adopted);
    messages::insert(tx, said).await?;
    messages::insert_events(tx, beside).await?;
    apply_changes(tx, &fresh, &targets).await?;

    // Where does it wait?
    routing::store::cancel(tx, &outcome.superseded, now).await?;
    let queued = enqueue(tx, catalog, &fresh, &continued, &profile_of, now).await?;

    // Who is to be told?
    let told =
        events(&fresh, &continued, &profile_of, &senders, &resolved, &queued, &outcome.superseded);
    outbox::enqueue(tx, told).await?;

    // What came in?
    let outcomes = per_submission(group, verdicts);
    messages::archive(tx, archive_rows(group, &outcomes)).await?;

    let mut decisions: HashMap<&'static str, u64> = HashMap::new();
    for continued in continued.iter().flatten() {
        *decisions.entry(decision(continued)).or_default() += 1;
    }
    Ok(Recorded {
        outcomes,
        profiles_created: resolved.iter().flatten().filter(|resolved| resolved.created).count()
            as u64,
        decisions,
        opt_outs: fresh.iter().filter(|arrived| kind(arrived) == Some(Kind::OptOut)).count() as u64,
    })
}

fn message(arrived: &Arrived) -> Option<&Message> {
    match &arrived.event {
        Event::Message(message) => Some(message),
        Event::Status(_) => None,
    }
}

fn kind(arrived: &Arrived) -> Option<Kind> {
    message(arrived).map(|message| message.kind)
}

fn medium(arrived: &Arrived, message: &Message) -> Medium {
    message.medium.unwrap_or(arrived.channel.adapter.medium)
}

async fn claim(tx: &mut Tx, arrived: &[&Arrived]) -> Result<Vec<Outcome>, StoreError> {
    let claims: Vec<Claim> = arrived
        .iter()
        .map(|arrived| Claim {
            channel_id: arrived.channel.id.clone(),
            key: arrived.key.clone(),
            record_id: arrived.id,
            content: message(arrived).and_then(|message| message.content),
            now: arrived.received_at,
        })
        .collect();
    let claimed = messages::claim(tx, &claims).await?;
    let outcome = |(claim, claimed): (&Claim, &Claimed)| match claimed {
        Claimed::First => {
            Outcome { id: Some(claim.record_id.to_string()), verdict: Verdict::Accepted }
        }
        Claimed::Before { record_id, content } => {
            let same = claim.content.is_none() || content.is_none() || claim.content == *content;
            let verdict = if same { Verdict::Duplicate } else { Verdict::Conflict };
            Outcome { id: Some(record_id.to_string()), verdict }
        }
    };
    Ok(claims.iter().zip(&claimed).map(outcome).collect())
}

/// Our ids of the messages that edits, deletions, reactions and statuses are about.
async fn find_targets(tx: &mut Tx, fresh: &[&Arrived]) -> Result<Vec<Option<Uuid>>, StoreError> {
    let mut found = vec![None; fresh.len()];
    let mut places = Vec::new();
    let mut keys = Vec::new();
    for (index, arrived) in fresh.iter().enumerate() {
        if let Some(target) = target(arrived) {
            places.push(index);
            keys.push((arrived.channel.id.clone(), format!("message:{target}")));
        }
    }
    for (place, id) in places.into_iter().zip(messages::record_ids(tx, keys).await?) {
        found[place] = id;
    }
    Ok(found)
}

fn target(arrived: &Arrived) -> Option<&str> {
    match &arrived.event {
        Event::Message(message) => message.target.as_deref(),
        Event::Status(status) => Some(&status.id),
    }
}

/// Edits of messages we have not seen become those messages; the original, if it still comes, is
/// then known already. Says which of the new events these are.
async fn adopt_early_edits(
    tx: &mut Tx,
    fresh: &[&Arrived],
    targets: &[Option<Uuid>],
) -> Result<HashSet<usize>, StoreError> {
    let mut places = Vec::new();
    let mut claims = Vec::new();
    for (index, arrived) in fresh.iter().enumerate() {
        let Some(message) = message(arrived) else {
            continue;
        };
        let customers = !message.from_business && message.sender.is_some();
        if message.kind != Kind::MessageEdited || targets[index].is_some() || !customers {
            continue;
        }
        let Some(target) = &message.target else {
            continue;
        };
        places.push(index);
        claims.push(Claim {
            channel_id: arrived.channel.id.clone(),
            key: format!("message:{target}"),
            record_id: arrived.id,
            content: None,
            now: arrived.received_at,
        });
    }
    let claimed = messages::claim(tx, &claims).await?;
    let first = |(place, claimed): (usize, Claimed)| (claimed == Claimed::First).then_some(place);
    Ok(places.into_iter().zip(claimed).filter_map(first).collect())
}

fn role(arrived: &Arrived, catalog: &Catalog, adopted: bool) -> Role {
    let Some(message) = message(arrived) else {
        return Role::Beside;
    };
    let Some(sender) = &message.sender else {
        return Role::Beside;
    };
    // Our own number writing to us would go round in circles.
    if sender.address.value == arrived.our_address || catalog.is_ours(&sender.address.value) {
        return Role::Beside;
    }
    match message.kind {
        Kind::MessageEdited if adopted => Role::Speaks,
        Kind::Message if message.from_business => Role::Noted,
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

/// The senders of a group, each once, sorted by key.
struct Senders {
    senders: Vec<profiles::Sender>,
    /// The sender of each new event, where it has one that matters.
    of_arrived: Vec<Option<usize>>,
}

impl Senders {
    fn of(fresh: &[&Arrived], roles: &[Role]) -> Self {
        let mut by_key: BTreeMap<Key, profiles::Sender> = BTreeMap::new();
        let mut keys: Vec<Option<Key>> = Vec::with_capacity(fresh.len());
        for (arrived, role) in fresh.iter().zip(roles) {
            let sender = match message(arrived) {
                Some(message) if *role != Role::Beside => sender(arrived, message, *role),
                Some(_) | None => None,
            };
            keys.push(sender.as_ref().map(|sender| sender.key.clone()));
            let Some(sender) = sender else { continue };
            match by_key.entry(sender.key.clone()) {
                std::collections::btree_map::Entry::Vacant(vacant) => {
                    vacant.insert(sender);
                }
                std::collections::btree_map::Entry::Occupied(mut known) => {
                    merge(known.get_mut(), sender)
                }
            }
        }
        // A sender known in this very group by another of its addresses is the same sender.
        let mut same: HashMap<Key, Key> = HashMap::new();
        for (key, sender) in &by_key {
            for alias in &sender.aliases {
                if by_key.contains_key(alias) && alias != key && !same.contains_key(key) {
                    same.insert(alias.clone(), key.clone());
                }
            }
        }
        for (alias, key) in &same {
            if let (Some(sender), Some(known)) = (by_key.remove(alias), by_key.get_mut(key)) {
                merge(known, sender);
            }
        }
        let place: HashMap<Key, usize> =
            by_key.keys().enumerate().map(|(place, key)| (key.clone(), place)).collect();
        let find = |key: Key| place.get(&key).or_else(|| place.get(same.get(&key)?)).copied();
        let of_arrived = keys.into_iter().map(|key| key.and_then(find)).collect();
        Self { senders: by_key.into_values().collect(), of_arrived }
    }
}

fn sender(arrived: &Arrived, message: &Message, role: Role) -> Option<profiles::Sender> {
    let sender = message.sender.as_ref()?;
    let medium = medium(arrived, message);
    let key = |address| Key::new(medium, address, &arrived.channel.id);
    let own = key(&sender.address);
    // On a website, adapters give only proven addresses. They find a person in the directory, but
    // two accounts of one site that share a number stay two profiles.
    let aliases = sender.alternates.iter().filter(|_| medium != Medium::Chat).map(key);
    let aliases: Vec<Key> = aliases.filter(|alias| *alias != own).collect();
    let addresses = std::iter::once(&sender.address).chain(&sender.alternates);
    let phones = addresses.filter(|address| address.kind == AddressKind::Phone);
    Some(profiles::Sender {
        key: own,
        address: sender.address.clone(),
        aliases,
        name: sender.name.clone(),
        language: message.language.clone(),
        phones: phones.map(|address| address.value.clone()).collect(),
        may_create: role == Role::Speaks,
    })
}

fn merge(known: &mut profiles::Sender, other: profiles::Sender) {
    known.may_create |= other.may_create;
    known.name = known.name.take().or(other.name);
    known.language = known.language.take().or(other.language);
    for alias in other.aliases {
        if alias != known.key && !known.aliases.contains(&alias) {
            known.aliases.push(alias);
        }
    }
    for phone in other.phones {
        if !known.phones.contains(&phone) {
            known.phones.push(phone);
        }
    }
}

async fn record_consents(tx: &mut Tx, fresh: &[&Arrived]) -> Result<(), StoreError> {
    let mut latest = BTreeMap::new();
    for arrived in fresh {
        let Some(message) = message(arrived) else {
            continue;
        };
        let state = match message.kind {
            Kind::OptOut => Consent::OptedOut,
            Kind::OptIn => Consent::OptedIn,
            Kind::Message
            | Kind::MessageEdited
            | Kind::MessageDeleted
            | Kind::Reaction
            | Kind::Postback
            | Kind::Help
            | Kind::ConversationStarted
            | Kind::Typing
            | Kind::Other => continue,
        };
        let Some(sender) = &message.sender else {
            continue;
        };
        let scheme = medium(arrived, message).as_str();
        let key = (scheme, sender.address.value.clone(), arrived.our_address.clone());
        let consent = consents::NewConsent {
            scheme,
            value: sender.address.value.clone(),
            our_address: arrived.our_address.clone(),
            state: state.as_str(),
            source: format!("provider {}", arrived.channel.adapter.provider),
            now: arrived.received_at,
        };
        latest.insert(key, consent);
    }
    consents::record(tx, latest.into_values().collect()).await
}

/// The conversations of a group, each once, sorted by profile and our address.
struct Conversations {
    conversations: Vec<Conversation>,
    /// The new events behind each conversation's arrivals.
    arrived: Vec<Vec<usize>>,
}

impl Conversations {
    fn of<'a>(
        fresh: &[&Arrived],
        roles: &[Role],
        profile_of: &impl Fn(usize) -> Option<&'a Resolved>,
    ) -> Self {
        let mut by_key: BTreeMap<(Uuid, &str), (Conversation, Vec<usize>)> = BTreeMap::new();
        for (index, arrived) in fresh.iter().enumerate() {
            let (Some(message), Some(profile)) = (message(arrived), profile_of(index)) else {
                continue;
            };
            // A blocked sender is acknowledged and kept, and nothing more.
            if roles[index] == Role::Beside || profile.blocked {
                continue;
            }
            let key = (profile.profile_id, arrived.our_address.as_str());
            let (conversation, places) = by_key
                .entry(key)
                .or_insert_with(|| (conversation(arrived, message, profile), Vec::new()));
            let may_open = roles[index] == Role::Speaks;
            conversation.arrivals.push(Arrival { at: arrived.received_at, may_open });
            conversation.language =
                conversation.language.take().or_else(|| message.language.clone());
            places.push(index);
        }
        let (conversations, arrived) = by_key.into_values().unzip();
        Self { conversations, arrived }
    }

    /// What became of each new event.
    fn per_arrived(&self, outcome: &interactions::Outcome, count: usize) -> Vec<Option<Continued>> {
        let mut continued = vec![None; count];
        for (places, arrivals) in self.arrived.iter().zip(&outcome.arrivals) {
            for (place, arrival) in places.iter().zip(arrivals) {
                continued[*place] = arrival.clone();
            }
        }
        continued
    }
}

fn conversation(arrived: &Arrived, message: &Message, profile: &Resolved) -> Conversation {
    let medium = medium(arrived, message);
    let address = message.sender.as_ref().map(|sender| &sender.address);
    let phone = address.filter(|address| address.kind == AddressKind::Phone);
    Conversation {
        profile_id: profile.profile_id,
        new_profile: profile.created,
        channel_id: arrived.channel.id.clone(),
        our_address: arrived.our_address.clone(),
        policy: arrived.channel.settings.continuation,
        contact_type: contact_type(medium),
        subtype: medium.as_str(),
        decision: profile.decision.clone(),
        language: None,
        country: phone.and_then(|phone| Region::of(&phone.value)).map(|region| region.to_string()),
        channel_metadata: json!({
            "provider": arrived.channel.adapter.provider,
            "channel": arrived.channel.id,
            "sender": address,
            "conversation": message.conversation,
        }),
        arrivals: Vec::new(),
    }
}

fn decision(continued: &Continued) -> &'static str {
    match (continued.opened, continued.reason) {
        (true, _) => "opened",
        (false, interactions::Reason::Noted) => "noted",
        (false, _) => "continued",
    }
}

fn rows<'a>(
    fresh: &[&Arrived],
    continued: &[Option<Continued>],
    profile_of: &impl Fn(usize) -> Option<&'a Resolved>,
    targets: &[Option<Uuid>],
    adopted: &HashSet<usize>,
) -> (Vec<NewMessage>, Vec<NewEvent>) {
    let mut said = Vec::new();
    let mut beside = Vec::new();
    for (index, arrived) in fresh.iter().enumerate() {
        match (message(arrived), &continued[index], profile_of(index)) {
            (Some(message), Some(continued), Some(profile)) => {
                let id = if adopted.contains(&index) { &message.target } else { &message.id };
                said.push(said_row(arrived, message, continued, profile.profile_id, id.clone()));
            }
            (..) => beside.push(beside_row(arrived, targets[index])),
        }
    }
    (said, beside)
}

fn said_row(
    arrived: &Arrived,
    message: &Message,
    continued: &Continued,
    profile_id: Uuid,
    provider_message_id: Option<String>,
) -> NewMessage {
    let mut details = serde_json::Map::new();
    let mut detail = |name: &str, value: Option<serde_json::Value>| {
        if let Some(value) = value {
            details.insert(name.to_owned(), value);
        }
    };
    detail("payload", message.payload.clone().map(Into::into));
    detail("type", message.provider_type.clone().map(Into::into));
    detail("metadata", message.metadata.clone().map(Into::into));
    NewMessage {
        id: arrived.id,
        request_id: arrived.request_id,
        channel_id: arrived.channel.id.clone(),
        interaction_id: continued.interaction_id,
        profile_id,
        direction: if message.from_business { "outbound" } else { "inbound" },
        kind: message.kind.as_str(),
        provider_message_id,
        text: message.text.clone(),
        attachments: JsonText::of(&message.attachments),
        reply_to: message.reply_to.clone(),
        conversation: message.conversation.clone(),
        details: JsonText(serde_json::Value::Object(details).to_string()),
        sent_at: message.sent_at.map(frontdesk_adapters::Timestamp::as_millis),
        received_at: arrived.received_at,
        decision: decision(continued),
        reason: continued.reason.as_str(),
    }
}

fn beside_row(arrived: &Arrived, message_id: Option<Uuid>) -> NewEvent {
    let (provider_type, at) = match &arrived.event {
        Event::Message(message) => (message.provider_type.clone(), message.sent_at),
        Event::Status(status) => (status.provider_type.clone(), status.at),
    };
    NewEvent {
        id: arrived.id,
        request_id: arrived.request_id,
        channel_id: arrived.channel.id.clone(),
        kind: arrived.event.kind(),
        provider_type,
        target: target(arrived).map(str::to_owned),
        message_id,
        data: JsonText::of(&arrived.event),
        at: at.map(frontdesk_adapters::Timestamp::as_millis),
        received_at: arrived.received_at,
    }
}

/// Edits and deletions of messages we have.
async fn apply_changes(
    tx: &mut Tx,
    fresh: &[&Arrived],
    targets: &[Option<Uuid>],
) -> Result<(), StoreError> {
    let of_kind = |wanted: Kind| {
        let all = fresh.iter().zip(targets);
        all.filter_map(move |(arrived, target)| {
            let message = message(arrived).filter(|message| message.kind == wanted)?;
            Some(((*target)?, message, arrived.received_at))
        })
    };
    let edits =
        of_kind(Kind::MessageEdited).map(|(id, message, at)| (id, message.text.clone(), at));
    messages::edit(tx, edits).await?;
    let deleted = of_kind(Kind::MessageDeleted).map(|(id, _, at)| (id, at));
    messages::mark_deleted(tx, deleted).await
}

/// A new work item: the new event that caused it, its id, and why it is where it is.
struct Queued {
    index: usize,
    id: Uuid,
    decision: routing::Decision,
}

async fn enqueue<'a>(
    tx: &mut Tx,
    catalog: &Catalog,
    fresh: &[&Arrived],
    continued: &[Option<Continued>],
    profile_of: &impl Fn(usize) -> Option<&'a Resolved>,
    now: i64,
) -> Result<Vec<Queued>, StoreError> {
    let opened: Vec<(usize, &Continued, &Message)> = fresh
        .iter()
        .enumerate()
        .filter_map(|(index, arrived)| {
            let continued = continued[index].as_ref()?;
            (continued.opened && continued.active).then_some((index, continued, message(arrived)?))
        })
        .collect();
    let pairs = opened.iter().map(|(index, _, message)| consents::Pair {
        scheme: medium(fresh[*index], message).as_str(),
        value: message
            .sender
            .as_ref()
            .map(|sender| sender.address.value.clone())
            .unwrap_or_default(),
        our_address: fresh[*index].our_address.clone(),
    });
    let opted_out = consents::opted_out(tx, pairs.collect()).await?;
    let mut decisions = Vec::with_capacity(opened.len());
    for ((index, continued, message), opted_out) in opened.iter().zip(opted_out) {
        let arrived = fresh[*index];
        let phone =
            message.sender.as_ref().filter(|sender| sender.address.kind == AddressKind::Phone);
        let country = phone
            .and_then(|phone| Region::of(&phone.address.value))
            .map(|region| region.to_string());
        let person = profile_of(*index).and_then(|profile| profile.decision.opened_for);
        let decision = catalog.routes.decide(&routing::Facts {
            channel: &arrived.channel.id,
            address: &arrived.our_address,
            medium: medium(arrived, message),
            text: message.text.as_deref(),
            country: country.as_deref(),
            language: message.language.as_deref(),
            person: person.map(|person| person.kind),
            opted_out,
        });
        decisions.push((continued.interaction_id, decision));
    }
    let ids = routing::enqueue(tx, decisions.clone(), now).await?;
    let queued = opened
        .iter()
        .zip(ids)
        .zip(decisions)
        .map(|(((index, ..), id), (_, decision))| Queued { index: *index, id, decision });
    Ok(queued.collect())
}

fn events<'a>(
    fresh: &[&Arrived],
    continued: &[Option<Continued>],
    profile_of: &impl Fn(usize) -> Option<&'a Resolved>,
    senders: &Senders,
    resolved: &[Option<Resolved>],
    queued: &[Queued],
    superseded: &[Uuid],
) -> Vec<outbox::NewEvent> {
    let mut told = Vec::new();
    let mut tell = |event_type, interaction, data: &serde_json::Value, at| {
        told.push(outbox::NewEvent::new(event_type, interaction, data, at));
    };
    let now = fresh.last().map_or(0, |arrived| arrived.received_at);
    for id in superseded {
        let data =
            json!({"interaction_id": id, "state": "closed_complete", "state_reason": "superseded"});
        tell(EventType::InteractionClosed, Some(*id), &data, now);
    }
    for (sender, resolved) in senders.senders.iter().zip(resolved) {
        let Some(resolved) = resolved.as_ref().filter(|resolved| resolved.created) else {
            continue;
        };
        let data = json!({
            "id": resolved.profile_id,
            "address": sender.key,
            "name": sender.name,
            "person": resolved.decision.opened_for,
            "match_outcome": resolved.decision.outcome,
        });
        tell(EventType::ProfileCreated, None, &data, now);
    }
    let mut queued = queued.iter().peekable();
    for (index, arrived) in fresh.iter().enumerate() {
        let at = arrived.received_at;
        if let (Some(continued), Some(message)) = (&continued[index], message(arrived)) {
            let id = Some(continued.interaction_id);
            let snapshot = json!({
                "number": continued.number(),
                "id": continued.interaction_id,
                "channel": arrived.channel.id,
                "our_address": arrived.our_address,
                "profile": profile_of(index).map(|profile| profile.profile_id),
                "opened_for": profile_of(index).and_then(|profile| profile.decision.opened_for),
                "reason": continued.reason,
                "message": arrived.id,
            });
            let event_type = if continued.opened {
                EventType::InteractionOpened
            } else {
                EventType::InteractionContinued
            };
            tell(event_type, id, &snapshot, at);
            let received = json!({
                "id": arrived.id,
                "interaction": continued.number(),
                "channel": arrived.channel.id,
                "event": message,
            });
            tell(EventType::MessageReceived, id, &received, at);
            if let Some(queued) = queued.next_if(|queued| queued.index == index) {
                let item = json!({
                    "id": queued.id,
                    "interaction": continued.number(),
                    "queue": queued.decision.queue,
                    "priority": queued.decision.priority,
                    "route": queued.decision.route,
                    "reason": queued.decision.reason,
                });
                tell(EventType::WorkItemQueued, id, &item, at);
            }
        }
        match &arrived.event {
            Event::Status(status) => {
                let data =
                    json!({"id": arrived.id, "channel": arrived.channel.id, "event": status});
                tell(EventType::MessageStatus, None, &data, at);
            }
            Event::Message(message) if matches!(message.kind, Kind::OptOut | Kind::OptIn) => {
                let data = json!({
                    "sender": message.sender.as_ref().map(|sender| &sender.address),
                    "our_address": arrived.our_address,
                    "kind": message.kind,
                });
                tell(EventType::ConsentChanged, None, &data, at);
            }
            Event::Message(_) => {}
        }
    }
    told
}

fn per_submission(group: &[Submission], verdicts: Vec<Outcome>) -> Vec<Vec<(usize, Outcome)>> {
    let mut verdicts = verdicts.into_iter();
    let outcomes = |submission: &Submission| {
        let places = submission.events.iter().map(|arrived| arrived.place);
        places.zip(&mut verdicts).collect()
    };
    group.iter().map(outcomes).collect()
}

fn archive_rows(group: &[Submission], outcomes: &[Vec<(usize, Outcome)>]) -> Vec<NewRequest> {
    let mut rows = Vec::new();
    for (submission, outcomes) in group.iter().zip(outcomes) {
        let Some(request) = &submission.request else {
            continue;
        };
        let known =
            outcomes.iter().filter(|(_, outcome)| outcome.verdict != Verdict::Accepted).count();
        let mut request = request.clone();
        request.duplicates = i32::try_from(known).unwrap_or(i32::MAX);
        if request.events > 0 && request.duplicates == request.events {
            request.outcome = RequestOutcome::Duplicate.as_str();
        }
        rows.push(request);
    }
    rows
}

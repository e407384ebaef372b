//! What is told of an event: its JSON, with a snapshot of what caused it.
//!
//! Records are read when an event is told, many at once. What has been erased since is `null`.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
};

use frontdesk_adapters::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    db::{StoreError, Tx},
    interactions::{self, Interaction},
    messages::{self, EventRecord, Message},
    profiles::{
        self, Profile,
        consents::{self, ConsentChange},
    },
    routing::{self, WorkItem},
};

/// An event, as it is told.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Event)]
pub struct Body<'a> {
    /// Such as `message.received`.
    r#type: &'a str,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Option<Timestamp>,
    /// The same at every attempt and for every sink.
    id: Uuid,
    /// What caused it, as it is now.
    data: Data<'a>,
}

/// What caused an event. Which fields there are depends on its type.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[schema(as = EventData)]
struct Data<'a> {
    /// `interaction.*`, `work_item.*`, `message.*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    interaction: Option<Option<&'a Interaction>>,
    /// `work_item.*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    work_item: Option<Option<&'a WorkItem>>,
    /// `message.*`, and whatever a message caused; for `message.status` the one of ours it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Option<&'a Message>>,
    /// `message.status` and `consent.changed`: what the provider told.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Option<&'a EventRecord>>,
    /// `profile.created`, and whatever belongs to a profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<Option<&'a Profile>>,
    /// `profile.created`: the channel by which the sender wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_id: Option<Option<&'a str>>,
    /// `consent.changed`: what was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    consent: Option<Option<&'a ConsentChange>>,
}

/// What is needed to tell an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    pub id: Uuid,
    pub event_type: &'a str,
    pub interaction_id: Option<Uuid>,
    pub record_id: Uuid,
    pub created_at: i64,
}

/// Every record that some events are about, by its id.
struct Records {
    interactions: HashMap<Uuid, Interaction>,
    work_items: HashMap<Uuid, WorkItem>,
    messages: HashMap<Uuid, Message>,
    events: HashMap<Uuid, EventRecord>,
    profiles: HashMap<Uuid, Profile>,
    /// By profile.
    channels: HashMap<Uuid, String>,
    consents: HashMap<Uuid, ConsentChange>,
}

/// The JSON of events, in their order.
pub(super) async fn of(tx: &mut Tx, about: &[About<'_>]) -> Result<Vec<Vec<u8>>, StoreError> {
    let records = Records::read(tx, about).await?;
    let json = |about: &About<'_>| {
        let body = Body {
            r#type: about.event_type,
            timestamp: Timestamp::from_millis(about.created_at),
            id: about.id,
            data: records.data(about),
        };
        serde_json::to_vec(&body).expect("our types have text keys")
    };
    Ok(about.iter().map(json).collect())
}

/// The JSON of an event that says nothing: for trying a sink.
pub(super) fn of_test(id: Uuid, now: i64) -> Vec<u8> {
    let timestamp = Timestamp::from_millis(now);
    let body = Body { r#type: "test", timestamp, id, data: Data::default() };
    serde_json::to_vec(&body).expect("our types have text keys")
}

impl Records {
    async fn read(tx: &mut Tx, about: &[About<'_>]) -> Result<Self, StoreError> {
        let of = |prefixes: &[&str]| -> BTreeSet<Uuid> {
            let wanted = about
                .iter()
                .filter(|about| prefixes.iter().any(|prefix| about.event_type.starts_with(prefix)));
            wanted.map(|about| about.record_id).collect()
        };
        let by_id = list(&of(&["message.status", "consent."]));
        let events = keyed(messages::events_by_ids(tx, &by_id).await?, |event| event.id);
        let mut ids = of(&["message.", "consent.", "interaction.opened", "interaction.continued"]);
        ids.extend(events.values().filter_map(|event| event.message_id));
        let messages = keyed(messages::by_ids(tx, &list(&ids)).await?, |message| message.id);
        let consents = consents::changes_about(tx, &list(&of(&["consent."]))).await?;
        let items = routing::store::items_by_ids(tx, &list(&of(&["work_item."]))).await?;
        let ids = about.iter().filter_map(|about| about.interaction_id).collect();
        let interactions = interactions::store::by_ids(tx, &list(&ids)).await?;
        let mut ids = of(&["profile."]);
        let channels = interactions::store::first_channels(tx, &list(&ids)).await?;
        ids.extend(interactions.iter().filter_map(|interaction| interaction.profile_id));
        ids.extend(messages.values().map(|message| message.profile_id));
        let profiles = profiles::store::by_ids(tx, &list(&ids)).await?;
        Ok(Self {
            interactions: keyed(interactions, |interaction| interaction.id),
            work_items: keyed(items, |item| item.id),
            messages,
            events,
            profiles: keyed(profiles, |profile| profile.id),
            channels,
            consents,
        })
    }

    fn data(&self, about: &About<'_>) -> Data<'_> {
        let interaction = about.interaction_id.and_then(|id| self.interactions.get(&id));
        let event = self.events.get(&about.record_id);
        let message = self.messages.get(&about.record_id);
        let of_message = |message: Option<&Message>| {
            message.and_then(|message| self.profiles.get(&message.profile_id))
        };
        let profile = interaction
            .and_then(|interaction| self.profiles.get(&interaction.profile_id?))
            .or_else(|| of_message(message));
        let mut data = Data::default();
        match about.event_type {
            "profile.created" => {
                data.profile = Some(self.profiles.get(&about.record_id));
                data.channel_id = Some(self.channels.get(&about.record_id).map(String::as_str));
            }
            "consent.changed" => {
                data.consent = Some(self.consents.get(&about.record_id));
                data.message = message.map(Some);
                data.event = event.map(Some);
                data.profile = Some(profile);
            }
            "message.status" => {
                let about = event.and_then(|event| self.messages.get(&event.message_id?));
                data.event = Some(event);
                data.message = Some(about);
                data.interaction = Some(interaction);
                data.profile = Some(profile.or_else(|| of_message(about)));
            }
            event_type => {
                data.interaction = Some(interaction);
                data.profile = Some(profile);
                if event_type.starts_with("work_item.") {
                    data.work_item = Some(self.work_items.get(&about.record_id));
                }
                if event_type == "message.received" || message.is_some() {
                    data.message = Some(message);
                }
            }
        }
        data
    }
}

fn list(ids: &BTreeSet<Uuid>) -> Vec<Uuid> {
    ids.iter().copied().collect()
}

fn keyed<K: Eq + Hash, V>(values: Vec<V>, key: impl Fn(&V) -> K) -> HashMap<K, V> {
    values.into_iter().map(|value| (key(&value), value)).collect()
}

//! Contacts that agents enter: at the counter, on the telephone, in person or by writing first.

use std::sync::Arc;

use axum::extract::State;
use frontdesk_adapters::{Address, AddressKind, phone};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Details, details, edit};
use crate::{
    api::{
        Api, Context,
        agents::By,
        input::Body,
        output::Created,
        problem::{Code, Problem},
    },
    audit::AuthorKind,
    channels::Channel,
    db::Tx,
    desk::{self, Contact, Outreach},
    interactions::{ContactType, number},
    messages,
    profiles::{PersonRef, consents::Pair, forgotten, people},
};

const LONGEST: usize = 10_000;

/// A contact to be entered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewInteraction {
    /// The kind of contact. `phone` only where telephony is switched on.
    #[serde(rename = "type")]
    contact_type: ContactType,
    /// The person it is for, by id; absent for a guest.
    person: Option<Uuid>,
    /// What it is about.
    short_description: Option<String>,
    /// For messaging: the channel to write by.
    channel: Option<String>,
    /// For messaging: the customer's address, such as a number with `+`.
    to: Option<String>,
    /// For messaging: what to write.
    text: Option<String>,
    /// For messaging: whether the address changed hands, so that `person` has it from now on. What
    /// is open with whoever had it is closed.
    #[serde(default)]
    take_over: bool,
}

/// Enters a contact: somebody at the counter or on the telephone, or a message an agent begins.
///
/// Whoever writes first has the conversation: it is assigned to the agent and waits in no queue.
/// Where one is open with an agent already, the message joins it and the agent stays.
#[utoipa::path(post, path = "/v1/interactions", tag = "interactions", request_body = NewInteraction,
    responses((status = 201, body = Details, description = "The interaction.")))]
pub(super) async fn create(
    State(api): Context,
    By(author): By,
    Body(new): Body<NewInteraction>,
) -> Result<Created<Details>, Problem> {
    if author.kind != AuthorKind::Agent {
        let detail = "only agents enter contacts; name one in the header Frontdesk-Agent";
        return Err(Problem::new(Code::UnknownAgent, detail));
    }
    let now = api.clock.now();
    let mut tx = api.store.begin().await?;
    if new.take_over {
        messages::hold_claims(&mut tx).await?;
    }
    let person = find_person(&mut tx, new.person).await?;
    let description = new.short_description.as_deref().map(edit::description).transpose()?;
    let by_channel = new.channel.is_some() || new.to.is_some() || new.text.is_some();
    let interaction = match new.contact_type {
        ContactType::Phone if !api.telephony => {
            let detail = "telephony is switched off; set FRONTDESK__DESK__TELEPHONY=true for it";
            return Err(Problem::new(Code::TelephonyOff, detail));
        }
        ContactType::Phone | ContactType::WalkUp | ContactType::Chat if by_channel => {
            return Err(Problem::body("", "channel, to and text are for type messaging"));
        }
        ContactType::Phone | ContactType::WalkUp | ContactType::Chat => {
            let contact = Contact { contact_type: new.contact_type, person, description };
            desk::enter(&mut tx, contact, &author, now.as_millis()).await?
        }
        ContactType::Messaging => {
            let text = new.text.as_deref().unwrap_or_default();
            let text = edit::plain("/text", text, LONGEST)?;
            let channel = channel(&api, new.channel.as_deref())?;
            let to = address(&channel, new.to.as_deref())?;
            // Whoever was erased after opting out still wants no messages.
            let pair = Pair {
                scheme: channel.adapter.medium.as_str().to_owned(),
                value: to.value.clone(),
                our_address: channel.address.clone(),
            };
            forgotten::revive(&mut tx, &api.vault, vec![pair], now.as_millis()).await?;
            if new.take_over && person.is_none() {
                return Err(Problem::body("/person", "say who has the address now"));
            }
            let outreach = Outreach {
                channel: &channel,
                to,
                person,
                take_over: new.take_over,
                description,
                text: &text,
            };
            desk::write_first(&mut tx, outreach, &author, now.as_millis()).await?
        }
    };
    let place = format!("/v1/interactions/{}", number(interaction.number.0));
    let details = details(&mut tx, interaction, now).await?;
    tx.commit().await?;
    Ok(Created(place, details))
}

/// The active person a body names.
pub(in crate::api) async fn find_person(
    tx: &mut Tx,
    id: Option<Uuid>,
) -> Result<Option<PersonRef>, Problem> {
    let Some(id) = id else { return Ok(None) };
    let person = people::get(tx, id).await?;
    let person = person.filter(|person| person.active).ok_or_else(|| {
        Problem::body("/person", "there is no active person with this id; search /v1/people")
    })?;
    Ok(Some(PersonRef { kind: person.kind, id: person.id }))
}

fn channel(api: &Api, id: Option<&str>) -> Result<Arc<Channel>, Problem> {
    let catalog = api.ingest.catalog();
    let channel = id.and_then(|id| catalog.channel(id)).filter(|channel| channel.active);
    let detail = "name an active channel to write by; /v1/channels lists them";
    channel.cloned().ok_or_else(|| Problem::body("/channel", detail))
}

/// The customer's address: a number where the channel has numbers, else as it is.
fn address(channel: &Channel, given: Option<&str>) -> Result<Address, Problem> {
    let given = given.map(str::trim).filter(|given| !given.is_empty());
    let given = given.ok_or_else(|| Problem::body("/to", "say to whom"))?;
    if !channel.adapter.medium.has_numbers() {
        return Ok(Address::user(given));
    }
    let region = channel.settings.region.as_deref().and_then(|region| region.parse().ok());
    phone::address(given, region.or_else(|| phone::Region::of(&channel.address)))
        .filter(|address| address.kind == AddressKind::Phone)
        .ok_or_else(|| Problem::body("/to", "write the number with + and country code"))
}

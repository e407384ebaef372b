//! What routes and queues name must be there, and be named as it is.
//!
//! The API and files that are applied ask the same here, in the transaction that stores what they
//! bring. Channels and agents are never taken away, so what was named stays named; what stood before
//! is not asked again all the same.

use frontdesk_adapters::{AddressKind, phone};

use super::{DEFAULT_QUEUE, QueueSettings, Route, RouteError, When, store};
use crate::{
    agents, channels,
    db::{StoreError, Tx},
};

/// What a file makes beside what is stored: agents name queues and queues name agents, so what is
/// yet to come counts as there.
#[derive(Clone, Debug, Default)]
pub struct Coming {
    /// Ids of queues.
    pub queues: Vec<String>,
    /// Ids of agents.
    pub agents: Vec<String>,
}

/// The first thing that a route names, other than `before`, and that is not there.
pub async fn missing_from_route(
    tx: &mut Tx,
    route: &Route,
    before: Option<&Route>,
) -> Result<Option<RouteError>, StoreError> {
    if before.is_none_or(|before| before.queue != route.queue)
        && !is_queue(tx, &route.queue, &Coming::default()).await?
    {
        return Ok(Some(RouteError::UnknownQueue(route.queue.clone())));
    }
    if before.is_some_and(|before| before.when == route.when) {
        return Ok(None);
    }
    missing_from_conditions(tx, &route.when).await
}

async fn missing_from_conditions(
    tx: &mut Tx,
    when: &When,
) -> Result<Option<RouteError>, StoreError> {
    if when.channel.is_empty() && when.address.is_empty() {
        return Ok(None);
    }
    let channels = channels::addresses(tx).await?;
    let is_channel = |id: &str| channels.iter().any(|(known, _)| known.eq_ignore_ascii_case(id));
    if let Some(unknown) = when.channel.iter().find(|id| !is_channel(id)) {
        return Ok(Some(RouteError::UnknownChannel(unknown.to_owned())));
    }
    // A message may name an address of ours that no channel has, but not in another form.
    let is_ours = |text: &str| channels.iter().any(|(_, ours)| ours.eq_ignore_ascii_case(text));
    let misspelled =
        when.address.iter().filter(|text| !is_ours(text)).find_map(as_messages_have_it);
    Ok(misspelled.map(RouteError::Address))
}

/// The form in which messages bring a number that people wrote with blanks and brackets; `None` for
/// what may be an address as it is.
fn as_messages_have_it(text: &str) -> Option<String> {
    let number = phone::address(text, None).filter(|found| found.kind == AddressKind::Phone);
    if let Some(number) = number {
        return (number.value != text).then_some(number.value);
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let punctuated = text.contains([' ', '(', ')'])
        && text.chars().all(|c| c.is_ascii_digit() || " ()-./".contains(c));
    (digits >= 7 && punctuated).then(|| "+ and digits, such as +12125550123".to_owned())
}

/// The first thing that a queue's settings name and that neither is there nor comes, with a JSON
/// pointer to it.
pub async fn missing_from_queue(
    tx: &mut Tx,
    settings: &QueueSettings,
    coming: &Coming,
) -> Result<Option<(String, RouteError)>, StoreError> {
    if let Some(overflow) = &settings.overflow
        && !is_queue(tx, &overflow.queue, coming).await?
    {
        let error = RouteError::UnknownQueue(overflow.queue.clone());
        return Ok(Some(("/overflow/queue".to_owned(), error)));
    }
    for (place, pool) in settings.pools.iter().enumerate() {
        for (index, agent) in pool.agents.iter().enumerate() {
            if !coming.agents.contains(agent) && agents::get(tx, agent).await?.is_none() {
                let pointer = format!("/pools/{place}/agents/{index}");
                return Ok(Some((pointer, RouteError::UnknownAgent(agent.clone()))));
            }
        }
    }
    Ok(None)
}

async fn is_queue(tx: &mut Tx, id: &str, coming: &Coming) -> Result<bool, StoreError> {
    let named = id == DEFAULT_QUEUE || coming.queues.iter().any(|queue| queue == id);
    Ok(named || store::queue(tx, id).await?.is_some())
}

//! The live feed: what happens, as server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::{Stream, stream};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api, Context,
    input::Query,
    problem::{Code, Problem},
};
use crate::{
    dispatch::{FollowError, Heard},
    outbox::TYPES,
    sinks::Settings,
};

/// How often a line is sent when there is nothing to say, so that proxies keep the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a reader that hears nothing may not know how far it is: what its filter leaves out is
/// forgotten some day like everything else, and it should not be told that it missed that.
const PLACE: Duration = Duration::from_secs(2);

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(follow))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Types of events, separated by commas; by itself any.
    types: Option<String>,
    /// What came by this channel.
    channel: Option<String>,
    /// What waits in this queue, or came through it last.
    queue: Option<String>,
}

/// Follows what happens, as server-sent events: `id` to come back with, `event` the type, `data` as
/// sinks are told it.
///
/// A reader that comes back with `Last-Event-ID` gets what it missed, as long as that is kept. A
/// message of an `id` alone says how far a reader is without anything to tell. One that is too slow
/// is let go with an event `dropped`.
#[utoipa::path(get, path = "/v1/events", tag = "events",
    params(Filter, ("Last-Event-ID" = Option<String>, Header, description = "The last `id` that was read.")),
    responses(
        (status = 200, body = String, content_type = "text/event-stream", description = "Events."),
        (status = 410, body = super::problem::Document, content_type = "application/problem+json",
            description = "A problem; what came after that event is not kept any more, or the `id` is \
                another database's. Begin without `Last-Event-ID`."),
    ))]
async fn follow(
    State(api): Context,
    Query(query): Query<Filter>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let after = match headers.get("last-event-id") {
        None => None,
        Some(id) => {
            let id = id.to_str().ok().and_then(|id| id.trim().parse().ok()).filter(|id| *id >= 0);
            Some(id.ok_or_else(|| {
                Problem::new(Code::InvalidHeader, "give the `id` of an event of this very feed")
            })?)
        }
    };
    let list = |text: Option<String>| -> Vec<String> {
        let text = text.unwrap_or_default();
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    };
    let filter = Settings {
        types: list(query.types),
        channels: query.channel.into_iter().collect(),
        queues: query.queue.into_iter().collect(),
        ..Settings::default()
    };
    if let Some(unknown) = filter.types.iter().find(|wanted| !TYPES.contains(&wanted.as_str())) {
        let detail = format!("there is no event type `{unknown}`; docs/hand-off.md lists them");
        return Err(Problem::parameter("types", detail));
    }
    let follower = api.dispatch.follow(after, filter).await?;
    let events = stream::unfold(Some(follower), async |follower| {
        let mut follower = follower?;
        let heard = loop {
            if let Some(place) = follower.place() {
                let place = Event::default().id(place.to_string());
                return Some((Ok(place), Some(follower)));
            }
            if let Ok(heard) = tokio::time::timeout(PLACE, follower.next()).await {
                break heard;
            }
        };
        let (event, rest) = match heard {
            Heard::Event(fed) => {
                let event = Event::default().id(fed.position.to_string()).event(fed.event_type);
                (event.data(String::from_utf8_lossy(&fed.json)), Some(follower))
            }
            Heard::TooSlow => (Event::default().event("dropped").data(TOO_SLOW), None),
            Heard::Over => (Event::default().event("over").data(OVER), None),
        };
        Some((Ok(event), rest))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

const TOO_SLOW: &str =
    r#"{"detail":"you read too slowly and were let go; come back with your last id"}"#;
const OVER: &str = r#"{"detail":"the feed ends here for now; come back with your last id"}"#;

impl From<FollowError> for Problem {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Gone => Self::new(
                Code::EventsGone,
                "what came after that event is not kept any more, or another database told it; begin \
                 without Last-Event-ID, and read what you missed from the lists",
            ),
            FollowError::Stopping => {
                Self::new(Code::Unavailable, "the gateway is stopping; come back in a few seconds")
            }
            FollowError::Store(error) => error.into(),
        }
    }
}

//! Interactions by what is asked for.

use axum::{Json, extract::State};
use frontdesk_adapters::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::{
    api::{
        Api, Context,
        input::{Query, flag, number, phone_like},
        output::{Page, Range},
        problem::Problem,
    },
    desk::{Finding, find_interactions},
    interactions::{self, ContactType, Interaction, State as InteractionState, list as lists},
    search::Wanted,
};

/// What interactions are asked for. Everything that is given must hold.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// The one with this number.
    number: Option<String>,
    /// Those in which somebody said all these words, the newest mention first.
    text: Option<String>,
    /// Those of people or profiles with these words in their names.
    name: Option<String>,
    /// Those of this address of a customer, on any medium.
    address: Option<String>,
    /// Those of this type.
    #[serde(rename = "type")]
    contact_type: Option<ContactType>,
    /// Those in this state.
    state: Option<InteractionState>,
    /// Only open ones, or only closed ones.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    active: Option<bool>,
    /// Those that came by this channel.
    channel: Option<String>,
    /// Those that wait in this queue, or were taken from it and are open.
    queue: Option<String>,
    /// Those this agent has, or had at the end.
    agent: Option<String>,
    /// Those of this profile.
    profile: Option<Uuid>,
    /// Those opened for this person.
    person: Option<Uuid>,
    /// Those opened at or after this time.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Those opened before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// How many: 1 to 200, by itself 50.
    #[serde(default, deserialize_with = "number")]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

impl Filter {
    fn finding(self) -> Result<Finding, Problem> {
        let wanted = |parameter: &str, text: Option<String>| {
            let none = || Problem::parameter(parameter, "give a word to look for");
            text.map(|text| Wanted::of(&text).ok_or_else(none)).transpose()
        };
        let number = self.number.map(|number| {
            let none = || Problem::parameter("number", "give a number such as IMS0000001");
            interactions::parse_number(&number).ok_or_else(none)
        });
        Ok(Finding {
            text: wanted("text", self.text)?,
            name: wanted("name", self.name)?,
            address: self.address.as_deref().map(phone_like),
            filter: lists::Filter {
                active: self.active,
                state: self.state,
                contact_type: self.contact_type,
                profile: self.profile,
                person: self.person,
                channel: self.channel,
                queue: self.queue,
                agent: self.agent,
                since: self.since.map(Timestamp::as_millis),
                until: self.until.map(Timestamp::as_millis),
                seqs: number.transpose()?.map(|seq| vec![seq]),
                ..lists::Filter::default()
            },
        })
    }
}

/// Lists interactions, newest first; what was said is found about a second after it was.
#[utoipa::path(get, path = "/v1/interactions", tag = "interactions", params(Filter),
    responses((status = 200, body = Page<Interaction>, description = "Interactions.")))]
pub(super) async fn list(
    State(api): Context,
    Query(query): Query<Filter>,
) -> Result<Json<Page<Interaction>>, Problem> {
    let range = Range::new(query.limit, query.after.as_deref())?;
    page(&api, &range, query.finding()?).await
}

/// The interactions of one person, newest first, narrowed down as any list of them.
pub(in crate::api) async fn page(
    api: &Api,
    range: &Range<i64>,
    finding: Finding,
) -> Result<Json<Page<Interaction>>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let found = find_interactions(&mut tx, finding, range.after, range.limit()).await?;
    tx.rollback().await?;
    Ok(Json(Page::of(found)))
}

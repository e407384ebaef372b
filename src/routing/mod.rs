//! Which queue an interaction waits in, and why.
//!
//! Routes are tried in order; the first whose conditions all hold chooses queue and priority. Where
//! none does, the default queue takes the item, visibly unrouted. A route whose queue is closed is
//! passed over. The work item is written in the same transaction as the message.
//!
//! [`offers`] gives items to agents, one at a time and under a lease; [`assignment`] decides to whom
//! they are pushed, and [`availability`] is what it knows of agents.

pub mod assignment;
pub mod availability;
pub mod history;
mod items;
pub mod list;
pub mod offers;
mod queues;
pub mod schedule;
pub mod store;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use frontdesk_adapters::Medium;
pub use items::{ItemState, Lane, NewWork, WorkItem, enqueue};
pub use queues::{
    DEFAULT_QUEUE, MaxWait, MaxWaitAction, Overflow, Pool, Queue, QueueError, QueueSettings,
    SortField, Terms,
};
use regex::Regex;
use serde::{Deserialize, Serialize};

use self::schedule::Opening;
use crate::profiles::PersonKind;

/// What must hold for a route to be taken. Absent conditions always hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// The channel is one of these.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub channel: OneOrMany,
    /// Our address is one of these.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub address: OneOrMany,
    /// The medium is one of these, such as `sms`.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub medium: OneOrMany,
    /// The text of the first message matches this regular expression, in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The country of the sender's number is one of these, such as `BR`.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub country: OneOrMany,
    /// The sender's language is one of these; `pt` also means `pt-BR`.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub language: OneOrMany,
    /// Whether the sender is linked to a person of the directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person_known: Option<bool>,
    /// The person is one of these kinds.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub person_kind: OneOrMany,
    /// Whether the sender opted out of our messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opted_out: Option<bool>,
}

/// One text, or several of which any will do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(from = "OneOrManyForm", into = "Vec<String>")]
pub struct OneOrMany(Vec<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrManyForm {
    One(String),
    Many(Vec<String>),
}

impl From<OneOrManyForm> for OneOrMany {
    fn from(form: OneOrManyForm) -> Self {
        match form {
            OneOrManyForm::One(one) => Self(vec![one]),
            OneOrManyForm::Many(many) => Self(many),
        }
    }
}

impl From<OneOrMany> for Vec<String> {
    fn from(texts: OneOrMany) -> Self {
        texts.0
    }
}

impl OneOrMany {
    /// One text.
    #[must_use]
    pub fn one(text: &str) -> Self {
        Self(vec![text.to_owned()])
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is no condition, or one of its texts is `text`.
    pub(crate) fn allows(&self, text: Option<&str>) -> bool {
        self.is_empty()
            || text.is_some_and(|text| self.0.iter().any(|one| one.eq_ignore_ascii_case(text)))
    }
}

/// A rule that chooses a queue.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Route {
    /// Its name.
    pub id: String,
    /// Lower ones are tried first.
    pub position: i64,
    /// The queue it chooses.
    pub queue: String,
    /// Lower numbers are served first; 100 unless said otherwise.
    pub priority: i64,
    /// What an agent must know to be given what it queues.
    pub skills: Vec<String>,
    /// What must hold.
    pub when: When,
    /// Whether it is tried at all.
    pub active: bool,
    /// When it was made.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: i64,
    /// When it last changed.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: i64,
    /// Counts changes.
    pub version: i64,
}

/// The priority of routes that name none.
pub const DEFAULT_PRIORITY: i64 = 100;

/// How far from zero a priority or a position may be. Places in a queue are reckoned with it.
pub const FURTHEST: i64 = 1_000_000;

/// Why a route or a queue was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// Its id would not fit into an address.
    #[error("an id is 1 to 64 lower-case letters, digits, hyphens or underscores")]
    Id,
    /// A skill that is no word.
    #[error("a skill is 1 to 64 lower-case letters, digits, hyphens, dots or underscores")]
    Skill,
    /// The pattern is not one.
    #[error("the text pattern is not a regular expression: {0}")]
    Pattern(String),
    /// The queue does not exist.
    #[error("there is no queue `{0}`; make it first")]
    UnknownQueue(String),
}

/// What routes look at.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The channel.
    pub channel: &'a str,
    /// Our address.
    pub address: &'a str,
    /// The medium.
    pub medium: Medium,
    /// The text of the message that opened the interaction.
    pub text: Option<&'a str>,
    /// The country of the sender's number.
    pub country: Option<&'a str>,
    /// The sender's language.
    pub language: Option<&'a str>,
    /// What the sender's person is to us; `None` for a guest.
    pub person: Option<PersonKind>,
    /// Whether the sender opted out of our messages.
    pub opted_out: bool,
    /// When it is, in Unix milliseconds: queues have hours.
    pub now: i64,
}

/// Where an interaction goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The queue.
    pub queue: String,
    /// Lower numbers are served first.
    pub priority: i64,
    /// The route that was taken; `None` when none was.
    pub route: Option<String>,
    /// Whether routes were asked, and none wanted it.
    pub unrouted: bool,
    /// What an agent must know to be given it.
    pub skills: Vec<String>,
    /// Why, in a sentence.
    pub reason: String,
    /// What the queue makes of it.
    pub terms: Terms,
}

/// The routes, ready to be tried. Cheap to keep, made anew when they change.
#[derive(Debug)]
pub struct Table {
    routes: Vec<(Route, Option<Regex>)>,
    queues: HashMap<String, (Option<Opening>, Terms)>,
    default_queue: String,
}

/// What a route lacks when its queue is closed.
const CLOSED: &str = "schedule";

impl Table {
    /// Prepares `routes`, which are in order.
    #[must_use]
    pub fn new(routes: Vec<Route>, queues: &[Queue]) -> Self {
        let default = queues.iter().find(|queue| queue.is_default);
        let default_queue = default.map_or(DEFAULT_QUEUE, |queue| &queue.id).to_owned();
        let prepared = routes.into_iter().filter(|route| route.active).filter_map(|route| {
            match route.when.text.as_deref().map(pattern).transpose() {
                Ok(regex) => Some((route, regex)),
                Err(error) => {
                    // Checked on entry; only another version's stricter rules lead here.
                    tracing::warn!(route.id = %route.id, %error, "route is left out");
                    None
                }
            }
        });
        let queues = queues.iter().map(|queue| {
            let schedule = queue.settings.schedule.as_ref().map(Opening::new).transpose();
            let opening = schedule.unwrap_or_else(|error| {
                // Checked on entry as well; better open than deaf.
                tracing::warn!(queue.id = %queue.id, %error, "queue is taken for always open");
                None
            });
            (queue.id.clone(), (opening, queue.settings.terms()))
        });
        Self { routes: prepared.collect(), queues: queues.collect(), default_queue }
    }

    /// Whether a route depends on what senders decided about our messages.
    #[must_use]
    pub fn ask_for_consent(&self) -> bool {
        self.routes.iter().any(|(route, _)| route.when.opted_out.is_some())
    }

    /// Chooses a queue.
    #[must_use]
    pub fn decide(&self, facts: &Facts<'_>) -> Decision {
        let mut closed: Option<&Route> = None;
        for (route, regex) in &self.routes {
            match self.unmet(route, regex.as_ref(), facts) {
                None => {
                    let passed = closed.map(|before| {
                        format!("; route {} was passed over, its queue is closed", before.id)
                    });
                    let passed = passed.unwrap_or_default();
                    return Decision {
                        queue: route.queue.clone(),
                        priority: route.priority,
                        route: Some(route.id.clone()),
                        unrouted: false,
                        skills: route.skills.clone(),
                        reason: format!("route {} matched{passed}", route.id),
                        terms: self.terms(&route.queue),
                    };
                }
                Some(CLOSED) => closed = closed.or(Some(route)),
                Some(_) => {}
            }
        }
        let reason = match (closed, self.routes.len()) {
            (Some(route), _) => format!("route {} matched, but its queue is closed", route.id),
            (None, 0) => "there are no routes".to_owned(),
            (None, 1) => "the one route did not match".to_owned(),
            (None, count) => format!("none of {count} routes matched"),
        };
        Decision {
            queue: self.default_queue.clone(),
            priority: DEFAULT_PRIORITY,
            route: None,
            unrouted: true,
            skills: Vec::new(),
            reason,
            terms: self.terms(&self.default_queue),
        }
    }

    /// Each active route, in order, with a condition of it that does not hold.
    pub fn explain(
        &self,
        facts: &Facts<'_>,
    ) -> impl Iterator<Item = (&Route, Option<&'static str>)> {
        let routes = self.routes.iter();
        routes.map(|(route, regex)| (route, self.unmet(route, regex.as_ref(), facts)))
    }

    fn unmet(
        &self,
        route: &Route,
        regex: Option<&Regex>,
        facts: &Facts<'_>,
    ) -> Option<&'static str> {
        route.when.unmet(facts, regex).or_else(|| {
            let (opening, _) = self.queues.get(&route.queue)?;
            opening.as_ref().is_some_and(|opening| !opening.is_open(facts.now)).then_some(CLOSED)
        })
    }

    fn terms(&self, queue: &str) -> Terms {
        let known = self.queues.get(queue);
        known.map_or_else(|| QueueSettings::default().terms(), |(_, terms)| *terms)
    }
}

/// Whether a priority or a position may be reckoned with.
fn is_near(number: i64) -> bool {
    (-FURTHEST..=FURTHEST).contains(&number)
}

/// Whether a text may be a skill, or a reason to reject an offer.
#[must_use]
pub fn is_word(text: &str) -> bool {
    let well_formed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
    (1..=64).contains(&text.len()) && text.bytes().all(well_formed)
}

/// Checks the id of a route or a queue.
pub fn check_id(id: &str) -> Result<(), RouteError> {
    let well_formed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    let fits = (1..=64).contains(&id.len()) && id.bytes().all(well_formed);
    if fits { Ok(()) } else { Err(RouteError::Id) }
}

/// A text pattern, ready to match in any case.
///
/// The size is bounded, since operators may write one that explodes.
pub fn pattern(text: &str) -> Result<Regex, RouteError> {
    regex::RegexBuilder::new(text)
        .case_insensitive(true)
        .size_limit(1 << 20)
        .build()
        .map_err(|error| RouteError::Pattern(error.to_string()))
}

impl When {
    /// The name of a condition that does not hold; `None` when all do.
    fn unmet(&self, facts: &Facts<'_>, text: Option<&Regex>) -> Option<&'static str> {
        let language_allows = self.language.is_empty()
            || facts.language.is_some_and(|language| {
                let main = language.split(['-', '_']).next();
                self.language.allows(Some(language)) || self.language.allows(main)
            });
        let conditions = [
            ("channel", self.channel.allows(Some(facts.channel))),
            ("address", self.address.allows(Some(facts.address))),
            ("medium", self.medium.allows(Some(facts.medium.as_str()))),
            ("country", self.country.allows(facts.country)),
            ("language", language_allows),
            ("person_kind", self.person_kind.allows(facts.person.map(PersonKind::as_str))),
            ("person_known", self.person_known.is_none_or(|known| known == facts.person.is_some())),
            ("opted_out", self.opted_out.is_none_or(|opted_out| opted_out == facts.opted_out)),
        ];
        let cheap = conditions.into_iter().find_map(|(name, holds)| (!holds).then_some(name));
        cheap.or_else(|| {
            let holds =
                text.is_none_or(|pattern| facts.text.is_some_and(|text| pattern.is_match(text)));
            (!holds).then_some("text")
        })
    }
}

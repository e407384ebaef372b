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
pub mod names;
pub mod offers;
mod queues;
pub mod schedule;
pub mod store;
#[cfg(test)]
mod tests;
mod when;

use std::collections::HashMap;

use frontdesk_adapters::Medium;
pub use items::{ItemState, Lane, NewWork, WorkItem, enqueue};
pub use queues::{
    DEFAULT_QUEUE, MaxWait, MaxWaitAction, Overflow, Pool, Queue, QueueError, QueueSettings,
    SortField, Terms,
};
use regex::Regex;
use serde::Serialize;
pub use when::{OneOrMany, When};

use self::schedule::Opening;
use crate::profiles::PersonKind;

/// A rule that chooses a queue.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Route {
    /// Its name.
    pub id: String,
    /// Lower ones are tried first; -1,000,000 to 1,000,000.
    pub position: i64,
    /// The queue it chooses.
    pub queue: String,
    /// Lower numbers are served first; 100 unless said otherwise, and -1,000,000 to 1,000,000.
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
    /// A priority that cannot be reckoned with.
    #[error("a priority is -{FURTHEST} to {FURTHEST}")]
    Priority,
    /// A position beyond all others.
    #[error("a position is -{FURTHEST} to {FURTHEST}")]
    Position,
    /// The pattern is not one.
    #[error("the text pattern is not a regular expression: {0}")]
    Pattern(String),
    /// A condition on something that nothing ever is.
    #[error("there is no medium `{0}`; give {1}")]
    Medium(String, String),
    /// As [`Self::Medium`].
    #[error("there is no kind of person `{0}`; give {1}")]
    PersonKind(String, String),
    /// No country, or one without numbers.
    #[error("`{0}` is no country with phone numbers; give its two letters, such as BR")]
    Country(String),
    /// No language tag.
    #[error("`{0}` is no language; give a tag, such as pt or pt-BR")]
    Language(String),
    /// Two conditions that never hold together.
    #[error(
        "who is not known is of no kind; leave person_kind out, or say that the person is known"
    )]
    UnknownOfAKind,
    /// A number that is not written as messages bring it.
    #[error("an address is compared letter by letter; write this number as {0}")]
    Address(String),
    /// The channel does not exist.
    #[error("there is no channel `{0}`; make it first")]
    UnknownChannel(String),
    /// The queue does not exist.
    #[error("there is no queue `{0}`; make it first")]
    UnknownQueue(String),
    /// The agent does not exist.
    #[error("there is no agent `{0}`; enter the agent first")]
    UnknownAgent(String),
}

impl RouteError {
    /// Where in a route it stands, as a JSON pointer.
    #[must_use]
    pub fn pointer(&self) -> &'static str {
        match self {
            Self::Id => "/id",
            Self::Skill => "/skills",
            Self::Priority => "/priority",
            Self::Position => "/position",
            Self::Pattern(_) => "/when/text",
            Self::Medium(..) => "/when/medium",
            Self::PersonKind(..) => "/when/person_kind",
            Self::Country(_) => "/when/country",
            Self::Language(_) => "/when/language",
            Self::UnknownOfAKind => "/when/person_known",
            Self::Address(_) => "/when/address",
            Self::UnknownChannel(_) => "/when/channel",
            Self::UnknownQueue(_) => "/queue",
            Self::UnknownAgent(_) => "/agent",
        }
    }
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

impl Route {
    /// Checks what it says by itself; [`names`] knows what it names.
    ///
    /// What stands as it stood `before` is not asked again: another version let it in.
    pub fn check(&self, before: Option<&Self>) -> Result<(), RouteError> {
        let news = |same: fn(&Self, &Self) -> bool| before.is_none_or(|before| !same(self, before));
        if news(|a, b| a.id == b.id) {
            check_id(&self.id)?;
        }
        if news(|a, b| a.skills == b.skills) && !self.skills.iter().all(|skill| is_word(skill)) {
            return Err(RouteError::Skill);
        }
        if news(|a, b| a.priority == b.priority) && !is_near(self.priority) {
            return Err(RouteError::Priority);
        }
        if news(|a, b| a.position == b.position) && !is_near(self.position) {
            return Err(RouteError::Position);
        }
        if news(|a, b| a.when == b.when) { self.when.check() } else { Ok(()) }
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

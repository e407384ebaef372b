//! What a provider hears back once its request is durable.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Serialize;

use crate::{Account, Malformed, Parsed};

/// An HTTP answer in a provider's own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers other than the content type.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<&'static str, String>,
    /// Content type; `None` for an empty answer.
    pub content_type: Option<Cow<'static, str>>,
    /// Body; `None` for an empty answer.
    pub body: Option<Cow<'static, str>>,
}

impl Answer {
    /// A status and nothing else.
    pub const fn empty(status: u16) -> Self {
        Self { status, headers: BTreeMap::new(), content_type: None, body: None }
    }

    /// A constant body.
    pub const fn constant(status: u16, content_type: &'static str, body: &'static str) -> Self {
        Self {
            status,
            headers: BTreeMap::new(),
            content_type: Some(Cow::Borrowed(content_type)),
            body: Some(Cow::Borrowed(body)),
        }
    }

    /// A body made for this answer.
    pub fn with_body(
        status: u16,
        content_type: impl Into<Cow<'static, str>>,
        body: String,
    ) -> Self {
        Self {
            status,
            headers: BTreeMap::new(),
            content_type: Some(content_type.into()),
            body: Some(Cow::Owned(body)),
        }
    }

    /// The same with a header more.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.insert(name, value);
        self
    }
}

/// What recording one event came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Our id of what was recorded, now or the first time; `None` when nothing was stored for it.
    pub id: Option<String>,
    /// New, seen before, or contradicting what was seen before.
    pub verdict: Verdict,
}

/// How an event relates to what is stored already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Recorded now.
    Accepted,
    /// Recorded before, with the same content.
    Duplicate,
    /// Recorded before, under the same id, with other content.
    Conflict,
}

/// What there is to acknowledge.
#[derive(Clone, Copy, Debug)]
pub enum Recorded<'a> {
    /// Events and, in the same order, what became of them.
    Understood(&'a Parsed, &'a [Outcome], &'a Account),
    /// A verified request we could not read; it is archived.
    NotUnderstood(&'a Malformed, &'a Account),
}

impl Recorded<'_> {
    /// What the request itself wants to hear, where it is not what every other hears.
    pub(crate) fn wanted(self) -> Option<Answer> {
        match self {
            Self::Understood(parsed, ..) => parsed.answer.clone(),
            Self::NotUnderstood(..) => None,
        }
    }
}

//! What an answer carries: pages with cursors, and things with an `ETag`.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};

use super::problem::Problem;
use crate::db::Listed;

/// How many a list gives without being asked.
const DEFAULT_LIMIT: u32 = 50;
/// How many a list gives at most.
const MAX_LIMIT: u32 = 200;

/// Some of many.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Page<T> {
    /// These, in order.
    pub data: Vec<T>,
    /// Give it as `after` for those that follow; `null` at the end. A page may hold less than was asked
    /// for, where few of many fit, and still have one.
    pub next: Option<String>,
}

impl<T> Page<T> {
    pub fn map<U>(self, shown: impl FnMut(T) -> U) -> Page<U> {
        Page { data: self.data.into_iter().map(shown).collect(), next: self.next }
    }
}

/// Where a list goes on, and how far. `C` is what the last item is known by.
#[derive(Debug)]
pub(super) struct Range<C> {
    pub after: Option<C>,
    limit: usize,
}

impl<T> Page<T> {
    /// The page of what a list brought.
    pub fn of<C: Serialize + DeserializeOwned>(listed: Listed<T, C>) -> Self {
        Self { data: listed.rows, next: listed.next.as_ref().map(Range::cursor) }
    }
}

impl<C: Serialize + DeserializeOwned> Range<C> {
    pub fn new(limit: Option<u32>, after: Option<&str>) -> Result<Self, Problem> {
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Problem::parameter("limit", format!("give 1 to {MAX_LIMIT}")));
        }
        let read = |cursor: &str| {
            let json = URL_SAFE_NO_PAD.decode(cursor).ok()?;
            serde_json::from_slice(&json).ok()
        };
        let unreadable = || Problem::parameter("after", "give the `next` of this very list");
        let after = after.map(|cursor| read(cursor).ok_or_else(unreadable)).transpose()?;
        Ok(Self { after, limit: limit as usize })
    }

    /// One more than the page holds: whether it comes says whether there is a next page.
    pub fn fetch(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX) + 1
    }

    /// The page of what was fetched.
    pub fn page<T>(&self, mut fetched: Vec<T>, known_by: impl FnOnce(&T) -> C) -> Page<T> {
        let more = fetched.len() > self.limit;
        fetched.truncate(self.limit);
        let last = fetched.last().filter(|_| more).map(known_by);
        Page { data: fetched, next: last.as_ref().map(Self::cursor) }
    }

    /// How many the page holds.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// What is given as `after` to go on behind `last`.
    pub fn cursor(last: &C) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(last).expect("cursors are texts and numbers"))
    }
}

impl<C: Serialize + DeserializeOwned + PartialOrd> Range<C> {
    /// The page of a list that is always read whole, since it is short, and sorted by its cursor.
    pub fn cut<T>(&self, mut all: Vec<T>, known_by: impl Fn(&T) -> C) -> Page<T> {
        if let Some(after) = &self.after {
            all.retain(|item| known_by(item) > *after);
        }
        self.page(all, known_by)
    }
}

/// The `ETag` of a version.
pub(super) fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// A thing with its version.
#[derive(Debug)]
pub(super) struct Versioned<T>(pub T, pub i64);

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.0).into_response();
        let etag = HeaderValue::try_from(etag(self.1)).expect("digits in quotes");
        response.headers_mut().insert(header::ETAG, etag);
        response
    }
}

/// A new thing, where it is found, and its version.
#[derive(Debug)]
pub(super) struct Created<T>(pub String, pub Versioned<T>);

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let mut response = self.1.into_response();
        *response.status_mut() = StatusCode::CREATED;
        // Names and ids only have characters that an address may have.
        if let Ok(location) = HeaderValue::try_from(self.0) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

//! On which interaction somebody is while looking at a task or changing it.
//!
//! The address and the header say the same thing; whoever gives both must mean one.

use axum::{
    extract::FromRequestParts,
    http::{HeaderName, request::Parts},
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    api::{
        input::Query,
        problem::{Code, Problem},
    },
    db::Tx,
    interactions::{self, Interaction, store},
};

const HEADER: HeaderName = HeaderName::from_static("frontdesk-interaction");

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct OnQuery {
    /// The number of the interaction somebody is on.
    interaction: Option<String>,
}

/// The interaction somebody is on, by its number as it was given.
#[derive(Debug)]
pub(super) struct On(Option<String>);

impl<S: Sync> FromRequestParts<S> for On {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(query) = Query::<OnQuery>::from_request_parts(parts, state).await?;
        let header = parts.headers.get(HEADER);
        let header = header.map(|number| number.to_str().unwrap_or_default().to_owned());
        match (query.interaction, header) {
            (Some(one), Some(other)) if one != other => {
                let detail = "the address names one interaction and the header \
                    Frontdesk-Interaction another; leave one of them out";
                Err(Problem::new(Code::InvalidHeader, detail))
            }
            (one, other) => Ok(Self(one.or(other))),
        }
    }
}

impl On {
    /// Finds it; one that does not exist is a mistake of the caller's.
    pub async fn find(&self, tx: &mut Tx) -> Result<Option<Interaction>, Problem> {
        let Some(number) = &self.0 else { return Ok(None) };
        let found = match interactions::parse_number(number) {
            Some(seq) => store::get(tx, seq).await?,
            None => None,
        };
        let missing = "there is no interaction with this number; /v1/interactions lists them";
        found.map(Some).ok_or_else(|| Problem::parameter("interaction", missing))
    }
}

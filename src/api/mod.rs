//! The API.

use axum::{Router, routing::get};

use crate::{clock::Clock, db::Store, ingest::Ingest, vault::Vault};

/// The routes of the API.
pub fn router(_store: Store, _vault: Vault, _ingest: Ingest, _clock: Clock) -> Router {
    Router::new().route("/livez", get(|| async { "ok" }))
}

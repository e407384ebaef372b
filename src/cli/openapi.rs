//! `frontdesk openapi`: the document that describes the API.

use clap::Args;

use super::{Exit, terminal::print};
use crate::app;

/// Print the OpenAPI document of the API.
#[derive(Debug, Args)]
pub(super) struct OpenApi {}

impl OpenApi {
    pub fn run(&self) -> anyhow::Result<Exit> {
        print(serde_json::to_string_pretty(&app::document())?)?;
        Ok(Exit::Done)
    }
}

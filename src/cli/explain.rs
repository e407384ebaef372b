//! `frontdesk explain`: how something came to be, from bytes to agent.

use anyhow::Context;
use clap::Args;
use frontdesk_adapters::Timestamp;

use super::{
    Exit, fault, open_existing,
    terminal::{BOLD, DIM, print, styled},
};
use crate::{
    config::Config,
    desk::explain::{Explanation, Story, explain},
};

/// Say how something came to be, from bytes to agent: each step, rule and reason.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  frontdesk explain IMS0000001
  frontdesk explain 0198c6a2-7b1e-7000-8000-000000000001 --json")]
pub(super) struct Explain {
    /// An interaction's number, or the id of a message, event, request, interaction or work item.
    id: String,
    /// One JSON object a story.
    #[arg(long)]
    json: bool,
}

impl Explain {
    pub async fn run(&self, config: &Config) -> anyhow::Result<Exit> {
        let store = open_existing(config).await?;
        let mut tx = store.begin_read().await?;
        let Explanation { stories, left_out } = explain(&mut tx, &self.id).await?;
        tx.rollback().await?;
        store.close().await;
        if stories.is_empty() {
            let missing = format!("there is nothing with the id `{}`", self.id);
            return Err(fault(Exit::NotFound, missing));
        }
        for story in &stories {
            if self.json {
                print(serde_json::to_string(story)?)?;
            } else {
                show(story)?;
            }
        }
        if left_out > 0 {
            anstream::eprintln!(
                "{left_out} earlier messages and events are left out; by its id each is explained"
            );
        }
        Ok(Exit::Done)
    }
}

fn show(story: &Story) -> anyhow::Result<()> {
    print(styled(BOLD, &story.title))?;
    for step in &story.steps {
        let at = Timestamp::from_millis(step.at).context("a stored time is no time")?;
        print(format!("  {}  {:<11}  {}", styled(DIM, at), step.step, step.what))?;
        print(format!("  {:24}  {:<11}  {}", "", "", styled(DIM, step.why())))?;
    }
    Ok(print("")?)
}

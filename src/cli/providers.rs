//! `frontdesk providers`: what each one receives and how it is verified.

use clap::Args;
use comfy_table::Table;
use frontdesk_adapters::providers;
use serde_json::json;

use super::{Exit, terminal::print};

/// A line shows no more fields than this.
const MOST_FIELDS: usize = 12;

/// Every provider: what it receives, how it is verified, its account.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  frontdesk providers
  frontdesk providers --json")]
pub(super) struct Providers {
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Providers {
    pub fn run(&self) -> anyhow::Result<Exit> {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(["provider", "receives", "verified by", "account"]);
        for adapter in providers::ALL {
            let fields = adapter.account.iter();
            if self.json {
                let fields: Vec<_> = fields
                    .map(|field| {
                        json!({"name": field.name, "secret": field.secret, "required": field.required, "help": field.help})
                    })
                    .collect();
                let line = json!({
                    "provider": adapter.provider,
                    "aliases": adapter.aliases,
                    "title": adapter.title,
                    "medium": adapter.medium,
                    "receives": adapter.receives,
                    "signed": adapter.verifier.signs(),
                    "verification": adapter.verifier.describe(),
                    "account": fields,
                });
                print(line)?;
            } else {
                let mut fields: Vec<_> = fields
                    .map(|field| format!("{}{}", field.name, if field.required { "" } else { "?" }))
                    .collect();
                if fields.len() > MOST_FIELDS {
                    let more = fields.split_off(MOST_FIELDS).len();
                    fields.push(format!("and {more} more (--json)"));
                }
                let verified = adapter.verifier.describe();
                table.add_row([adapter.provider, adapter.receives, &verified, &fields.join(", ")]);
            }
        }
        if !self.json {
            print(table)?;
        }
        Ok(Exit::Done)
    }
}

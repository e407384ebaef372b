//! `frontdesk send`: one signed, made-up request to a running gateway.

use clap::Args;
use frontdesk_adapters::{Sample, fixture};

use super::{
    Exit, fault, http, open_existing,
    terminal::{GREEN, RED, print, styled},
};
use crate::{
    app, channels,
    clock::{self, Clock},
    config::Config,
};

/// Send a running gateway one signed, made-up message.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  frontdesk send --channel support-sms --text 'Is anybody there?'
  frontdesk send --channel support-sms --from +15550100003 --text Hi --to http://127.0.0.1:8080")]
pub(super) struct Send {
    /// The channel.
    #[arg(long)]
    channel: String,
    /// What the customer says.
    #[arg(long)]
    text: String,
    /// The customer's address, as the provider writes it; by itself somebody fictional.
    #[arg(long)]
    from: Option<String>,
    /// The gateway; by itself the configured one on this machine.
    #[arg(long, value_name = "URL")]
    to: Option<String>,
}

impl Send {
    pub async fn run(&self, config: &Config) -> anyhow::Result<Exit> {
        let store = open_existing(config).await?;
        let vault = app::open_vault(config)?;
        let mut tx = store.begin_read().await?;
        let channel = channels::get(&mut tx, &vault, &self.channel).await?;
        tx.rollback().await?;
        store.close().await;
        let Some(channel) = channel else {
            let message =
                format!("there is no channel `{}`; `frontdesk apply` makes one", self.channel);
            return Err(fault(Exit::NotFound, message));
        };
        let gateway = self.to.clone().unwrap_or_else(|| format!("http://{}", config.http.listen));
        // Signatures are made over the address the provider has, which is the public one.
        let public_url = config.http.public_url.as_deref().unwrap_or(&gateway);
        let now = Clock::system().now();
        let request = (channel.adapter.sample)(&Sample {
            url: &format!("{}/webhooks/{}", public_url.trim_end_matches('/'), channel.id),
            address: &channel.address,
            account: &channel.account,
            from: self.from.as_deref(),
            text: &self.text,
            id: &clock::new_id().simple().to_string(),
            now,
        });
        let request = fixture::signed(request, channel.adapter, &channel.account, now)?;
        let heard = http::send(&http::client()?, &gateway, &request).await?;
        let accepted = (200..300).contains(&heard.status);
        let style = if accepted { GREEN } else { RED };
        print(format!("{} {}", styled(style, heard.status), heard.body).trim_end())?;
        Ok(if accepted { Exit::Done } else { Exit::Failed })
    }
}

//! `frontdesk serve`: the gateway itself.

use anyhow::Context;
use clap::Args;
use tokio::{net::TcpListener, signal::unix};

use super::Exit;
use crate::{app::App, clock::Clock, config::Loaded};

/// Run the gateway.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  frontdesk serve
  FRONTDESK__DATABASE__URL=postgres://… FRONTDESK__HTTP__PUBLIC_URL=https://desk.example frontdesk serve")]
pub(super) struct Serve {}

impl Serve {
    pub fn run(&self, loaded: &Loaded) -> anyhow::Result<Exit> {
        super::block_on(async {
            let config = &loaded.config;
            let listener = TcpListener::bind(config.http.listen)
                .await
                .with_context(|| format!("cannot listen on {}", config.http.listen))?;
            let app = App::build(config, Clock::system()).await?;
            tracing::info!(
                http.listen = %config.http.listen,
                http.public_url = %config.public_url(),
                database.engine = app.store.engine(),
                "frontdesk is ready"
            );
            app.run(listener, interrupted()).await?;
            Ok(Exit::Done)
        })
    }
}

/// Waits for SIGTERM or SIGINT; a second one ends the process at once.
pub(super) async fn interrupted() {
    let signals = unix::signal(unix::SignalKind::terminate())
        .and_then(|terminate| Ok((terminate, unix::signal(unix::SignalKind::interrupt())?)));
    let Ok((mut terminate, mut interrupt)) = signals else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: finishing what is under way");
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::process::exit(i32::from(Exit::Interrupted as u8));
    });
}

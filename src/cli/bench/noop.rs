//! The endpoint that does nothing: it reads the body and answers 200.
//!
//! It runs in a process of its own on the same HTTP server as the gateway, and so shows what the
//! server and the load generator alone allow on this machine.

use std::net::SocketAddr;

use anyhow::Context;
use axum::{Router, body::Bytes, routing::post};
use tokio::net::TcpListener;

pub(super) async fn serve(address: SocketAddr) -> anyhow::Result<()> {
    let router = Router::new().route("/webhooks/{channel}", post(async |body: Bytes| drop(body)));
    let listener = TcpListener::bind(address).await.context("no port to listen on")?;
    axum::serve(listener, router).await.context("the endpoint failed")
}

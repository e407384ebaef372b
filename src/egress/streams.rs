//! Streams to brokers, whose protocols are not HTTP, under the same rules as calls.

use std::{io, sync::Arc};

use reqwest::Url;
use rustls_platform_verifier::ConfigVerifierExt;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, pki_types::ServerName},
};

use super::{CONNECT, Egress, EgressError};

/// Bytes in both directions, in the clear or by TLS.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for S {}

impl Egress {
    /// Connects to the host of `url`, at `port` unless it names another: in the clear where its
    /// scheme is `plain`, which reaches allowed networks only, and by TLS otherwise.
    pub async fn open(
        &self,
        url: &str,
        plain: &str,
        port: u16,
    ) -> Result<Box<dyn Stream>, EgressError> {
        let url = Url::parse(url).map_err(|_| EgressError::Url)?;
        let host = url.host_str().ok_or(EgressError::Url)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let (plain, port) = (url.scheme() == plain, url.port().unwrap_or(port));
        let found = self.addresses(host, port, plain).await?;
        let stream = in_time(TcpStream::connect(&found[..])).await?;
        stream.set_nodelay(true).map_err(EgressError::Unreachable)?;
        if plain {
            return Ok(Box::new(stream));
        }
        let config = ClientConfig::with_platform_verifier().map_err(io::Error::other);
        let config = Arc::new(config.map_err(EgressError::Unreachable)?);
        let name = ServerName::try_from(host.to_owned()).map_err(|_| EgressError::Url)?;
        Ok(Box::new(in_time(TlsConnector::from(config).connect(name, stream)).await?))
    }
}

async fn in_time<T>(connecting: impl Future<Output = io::Result<T>>) -> Result<T, EgressError> {
    let connected = timeout(CONNECT, connecting).await.map_err(|_| EgressError::Timeout)?;
    connected.map_err(EgressError::Unreachable)
}

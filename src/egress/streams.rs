//! Streams to brokers, whose protocols are not HTTP, under the same rules as calls.

use std::{io, sync::Arc};

use reqwest::Url;
use rustls_platform_verifier::{ConfigVerifierExt, Verifier};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        self, ClientConfig, DigitallySignedStruct, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        pki_types::{CertificateDer, ServerName, UnixTime},
    },
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

/// TLS for a client that is given the addresses of `host` and would take their numbers for names: the
/// certificate must be `host`'s all the same.
pub fn tls_of(host: &str) -> Result<ClientConfig, EgressError> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| EgressError::Url)?;
    let builder = ClientConfig::builder();
    let verifier = Verifier::new(Arc::clone(builder.crypto_provider()))
        .map_err(|error| EgressError::Unreachable(io::Error::other(error)))?;
    let named = Named { name, verifier: Arc::new(verifier) };
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(named));
    Ok(builder.with_no_client_auth())
}

/// Checks certificates as `verifier` does, against a name of its own.
#[derive(Debug)]
pub(super) struct Named {
    pub name: ServerName<'static>,
    pub verifier: Arc<dyn ServerCertVerifier>,
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _address: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Self { name, verifier } = self;
        verifier.verify_server_cert(end_entity, intermediates, name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

async fn in_time<T>(connecting: impl Future<Output = io::Result<T>>) -> Result<T, EgressError> {
    let connected = timeout(CONNECT, connecting).await.map_err(|_| EgressError::Timeout)?;
    connected.map_err(EgressError::Unreachable)
}

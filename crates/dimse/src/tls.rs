//! DICOM over TLS (PS3.15 §B.12, the profile of BCP 195): TLS 1.2 and 1.3 with forward secrecy, nothing older; with an
//! authority to check against, both sides must show a certificate.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

/// The PEM files of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Our certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities that peers' certificates must come from. Without them callers need no certificate, and nobody can
    /// be called.
    pub authorities: Option<PathBuf>,
}

/// The files cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {} for TLS: {reason}", .file.display())]
pub struct TlsError {
    /// Which file.
    pub file: PathBuf,
    /// Why not.
    pub reason: String,
}

/// How a node takes part in TLS, for both roles.
#[derive(Clone)]
pub struct Tls {
    server: Arc<ServerConfig>,
    client: Option<Arc<ClientConfig>>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tls").field("can_call", &self.client.is_some()).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`] names the file that cannot be used.
    pub fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        let chain = certificates(&files.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unusable(&files.key, error))?;
        let provider = Arc::new(ring::default_provider());
        let roots = files.authorities.as_deref().map(authorities).transpose()?.map(Arc::new);
        let server = server_config(&provider, roots.clone(), &chain, &key);
        let client = roots.map(|roots| client_config(&provider, roots, &chain, &key)).transpose();
        let both = server.and_then(|server| Ok((server, client?)));
        let (server, client) = both.map_err(|reason| unusable(&files.certificate, reason))?;
        Ok(Self { server: Arc::new(server), client: client.map(Arc::new) })
    }

    /// Whether peers can be called, which takes an authority to check them against.
    #[must_use]
    pub fn can_call(&self) -> bool {
        self.client.is_some()
    }

    /// Shakes hands with a caller.
    pub(crate) async fn accept(&self, stream: TcpStream) -> std::io::Result<server::TlsStream<TcpStream>> {
        TlsAcceptor::from(Arc::clone(&self.server)).accept(stream).await
    }

    /// Shakes hands with a peer, whose certificate must be for that host.
    pub(crate) async fn connect(&self, host: &str, stream: TcpStream) -> std::io::Result<client::TlsStream<TcpStream>> {
        let client = self.client.as_ref().ok_or_else(|| std::io::Error::other("no certificate authority is set"))?;
        let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
        TlsConnector::from(Arc::clone(client)).connect(name, stream).await
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(chain) if chain.is_empty() => Err(unusable(file, "it holds no certificate")),
        read => read.map_err(|error| unusable(file, error)),
    }
}

fn authorities(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| unusable(file, error))?;
    }
    Ok(roots)
}

fn server_config(
    provider: &Arc<CryptoProvider>,
    roots: Option<Arc<RootCertStore>>,
    chain: &[CertificateDer<'static>],
    key: &PrivateKeyDer<'static>,
) -> Result<ServerConfig, String> {
    let builder = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match roots {
        None => builder.with_no_client_auth(),
        Some(roots) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider)).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| error.to_string())?)
        }
    };
    builder.with_single_cert(chain.to_vec(), key.clone_key()).map_err(|error| error.to_string())
}

fn client_config(
    provider: &Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    chain: &[CertificateDer<'static>],
    key: &PrivateKeyDer<'static>,
) -> Result<ClientConfig, String> {
    ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain.to_vec(), key.clone_key())
        .map_err(|error| error.to_string())
}

fn unusable(file: &Path, reason: impl std::fmt::Display) -> TlsError {
    TlsError { file: file.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_that_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("node.crt");
        let files = TlsFiles { certificate: file.clone(), key: folder.path().join("node.key"), authorities: None };
        assert_eq!(Tls::load(&files).unwrap_err().file, file);
        std::fs::write(&file, "no PEM").unwrap();
        assert!(Tls::load(&files).unwrap_err().to_string().contains("it holds no certificate"));
    }
}

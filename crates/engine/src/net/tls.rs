//! TLS towards a SIP server: whom to believe, and whether the certificate is that of the domain meant. A TURN server is
//! believed by the same roots, with the usual rules for names.
//!
//! Invariant: a server is believed only when its certificate leads to one of the roots, is in force, and names the
//! domain the account is at (RFC 5922). There is no way to accept anything else. Roots are the platform's, or those
//! of the account's own CA file, which then stand alone: a private exchange needs no public authority.

use std::{
    io,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor,
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};
use tern_sip::wire::{Host, Uri};
use tokio_rustls::TlsConnector;
use webpki::EndEntityCert;

/// Most a CA file may hold, bytes.
const LONGEST_CA_FILE: u64 = 1024 * 1024;

/// Why no TLS client could be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustError {
    /// The account's CA file.
    #[error("{}: {reason}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// The platform has no roots that can be read.
    #[error("no root certificates: {0}")]
    NoRoots(String),
}

/// A TLS client that believes the roots in `ca_file`, or the platform's. Reads files: not for an async thread.
pub(crate) fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, TrustError> {
    let roots = roots(ca_file)?;
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(SipServer { roots, provider: provider.clone() });
    // Both of rustls' versions, 1.2 and 1.3, go with its own provider.
    let versions = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TrustError::NoRoots(error.to_string()))?;
    let config = versions.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// What a client of another protocol believes, with names as everywhere but in SIP (RFC 9525). Reads files: not for an
/// async thread.
pub(crate) fn client(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, TrustError> {
    let versions = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| TrustError::NoRoots(error.to_string()))?;
    Ok(Arc::new(versions.with_root_certificates(roots(ca_file)?).with_no_client_auth()))
}

/// The name to ask a server for: a domain, or an address where that is all there is.
pub(crate) fn server_name(name: &str) -> Option<ServerName<'static>> {
    let bare = name.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    ServerName::try_from(bare.to_owned()).ok()
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, TrustError> {
    match ca_file {
        Some(file) => from_file(file)
            .map_err(|reason| TrustError::File { file: file.to_owned(), reason: reason.to_string() }),
        None => platform(),
    }
}

fn platform() -> Result<RootCertStore, TrustError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (good, bad) = roots.add_parsable_certificates(found.certs);
    tracing::debug!(good, bad, "the platform's root certificates");
    if roots.is_empty() {
        let reason = found.errors.first().map_or_else(|| "none installed".to_owned(), ToString::to_string);
        return Err(TrustError::NoRoots(reason));
    }
    Ok(roots)
}

fn from_file(file: &Path) -> io::Result<RootCertStore> {
    let bytes = {
        use io::Read;
        let mut bytes = Vec::new();
        std::fs::File::open(file)?.take(LONGEST_CA_FILE).read_to_end(&mut bytes)?;
        bytes
    };
    let invalid = |text: &str| io::Error::new(io::ErrorKind::InvalidData, text.to_owned());
    let mut certificates = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| invalid(&error.to_string()))?;
    if certificates.is_empty() {
        // Not PEM: then the one certificate itself.
        certificates.push(CertificateDer::from(bytes));
    }
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(|_| invalid("no certificate"))?;
    }
    Ok(roots)
}

/// Believes SIP servers.
#[derive(Debug)]
struct SipServer {
    roots: RootCertStore,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for SipServer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let algorithms = self.provider.signature_verification_algorithms.all;
        let parsed = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, intermediates, now, algorithms)?;
        let certificate =
            EndEntityCert::try_from(end_entity).map_err(|_| Error::from(CertificateError::BadEncoding))?;
        if names(&certificate, server_name) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::NotValidForName.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether the certificate names this server.
fn names(certificate: &EndEntityCert<'_>, server: &ServerName<'_>) -> bool {
    let domain = match server {
        ServerName::DnsName(name) => name.as_ref(),
        // RFC 5922 knows domains only; an address must stand there as such (RFC 5280 section 4.2.1.6).
        _ => return certificate.verify_is_valid_for_subject_name(server).is_ok(),
    };
    // RFC 5922 section 7.1: a `sip:` URI without a user is the identity; DNS names count only where there is none.
    let identities: Vec<String> = certificate.valid_uri_names().filter_map(sip_identity).collect();
    if identities.is_empty() {
        certificate.valid_dns_names().any(|name| same_domain(name, domain))
    } else {
        identities.iter().any(|name| same_domain(name, domain))
    }
}

/// The domain a URI in a certificate stands for (RFC 5922 section 7.1).
fn sip_identity(uri: &str) -> Option<String> {
    let is_sip = uri.split_once(':').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("sip"));
    match Uri::parse(uri) {
        Ok(Uri::Sip(sip)) if is_sip && sip.user.is_none() => match sip.host {
            Host::Name(name) => Some(name),
            Host::Ip(_) => None,
        },
        _ => None,
    }
}

/// RFC 5922 section 7.2: whole names, letters of either case, and no wildcard of any form.
fn same_domain(presented: &str, domain: &str) -> bool {
    presented.trim_end_matches('.').eq_ignore_ascii_case(domain.trim_end_matches('.'))
        && !presented.contains('*')
        && presented.parse::<IpAddr>().is_err()
}

#[cfg(test)]
pub(crate) mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType, date_time_ymd, string::Ia5String,
    };
    use rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer};

    use super::*;

    /// An authority with a file others can be told to believe.
    pub(crate) struct Authority {
        issuer: Issuer<'static, KeyPair>,
        pem: String,
    }

    impl Authority {
        pub(crate) fn new() -> Self {
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let key = KeyPair::generate().unwrap();
            let pem = params.self_signed(&key).unwrap().pem();
            Self { issuer: Issuer::new(params, key), pem }
        }

        /// What the authority says in a file of its own.
        pub(crate) fn file(&self, name: &str) -> PathBuf {
            let path = std::env::temp_dir().join(format!("tern-ca-{}-{name}.pem", std::process::id()));
            std::fs::write(&path, &self.pem).unwrap();
            path
        }

        /// A server's certificate for these names; `sip:` makes a URI of one.
        pub(crate) fn certify(&self, names: &[&str], ends: i32) -> Arc<ServerConfig> {
            let mut params = CertificateParams::default();
            params.not_after = date_time_ymd(ends, 1, 1);
            params.subject_alt_names = alternative_names(names);
            let key = KeyPair::generate().unwrap();
            let certificate = params.signed_by(&key, &self.issuer).unwrap();
            let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(
                    vec![certificate.der().clone()],
                    PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
                );
            Arc::new(config.unwrap())
        }
    }

    fn alternative_names(names: &[&str]) -> Vec<SanType> {
        let kind = |name: &&str| match name.parse() {
            Ok(ip) => SanType::IpAddress(ip),
            Err(_) if name.contains(':') => SanType::URI(ia5(name)),
            Err(_) => SanType::DnsName(ia5(name)),
        };
        names.iter().map(kind).collect()
    }

    fn ia5(text: &str) -> Ia5String {
        Ia5String::try_from(text).unwrap()
    }

    /// A certificate with `names`, asked for `server`.
    fn check(names: &[&str], server: &str, expect: Result<(), CertificateError>) {
        let authority = Authority::new();
        let mut params = CertificateParams::default();
        params.subject_alt_names = alternative_names(names);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &authority.issuer).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
        let verifier = SipServer { roots, provider: Arc::new(ring::default_provider()) };
        let found = verifier
            .verify_server_cert(certificate.der(), &[], &server_name(server).unwrap(), &[], UnixTime::now())
            .map(|_| ())
            .map_err(|error| match error {
                Error::InvalidCertificate(error) => error,
                other => panic!("{other}"),
            });
        assert_eq!(found, expect, "{names:?} for {server}");
    }

    #[test]
    fn a_certificate_is_for_the_domains_it_names_whole() {
        let wrong = || Err(CertificateError::NotValidForName);
        check(&["example.com"], "example.com", Ok(()));
        check(&["other.example", "EXAMPLE.com"], "example.COM.", Ok(()));
        check(&["sip:example.com"], "example.com", Ok(()));
        check(&["SIP:example.com:5061;transport=tls"], "example.com", Ok(()));
        check(&["192.0.2.1"], "192.0.2.1", Ok(()));
        check(&["2001:db8::1"], "[2001:db8::1]", Ok(()));
        check(&["example.com"], "sip.example.com", wrong());
        check(&["sip.example.com"], "example.com", wrong());
        // No wildcards for SIP, however usual they are elsewhere.
        check(&["*.example.com"], "sip.example.com", wrong());
        // A URI decides alone, and one with a user names a person.
        check(&["sip:other.example", "example.com"], "example.com", wrong());
        check(&["sip:alice@example.com", "example.com"], "example.com", Ok(()));
        check(&["sip:alice@example.com"], "example.com", wrong());
        check(&["https://example.com"], "example.com", wrong());
        check(&["example.com"], "192.0.2.1", wrong());
        check(&[], "example.com", wrong());
    }

    #[test]
    fn a_ca_file_is_pem_or_der_and_nothing_else() {
        let authority = Authority::new();
        assert!(connector(Some(&authority.file("good"))).is_ok());
        let der = CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap();
        let path = authority.file("other");
        std::fs::write(&path, &der).unwrap();
        assert!(connector(Some(&path)).is_ok());
        for bad in [&b""[..], b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"hello"] {
            std::fs::write(&path, bad).unwrap();
            assert!(matches!(connector(Some(&path)), Err(TrustError::File { .. })));
        }
        assert!(connector(Some(Path::new("/nowhere/ca.pem"))).is_err());
    }
}

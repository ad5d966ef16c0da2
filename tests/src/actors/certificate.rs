//! Certificates for one test: an authority of our own and what it has signed.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::Result;

/// A certificate authority that nobody knows unless told.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A server's certificate and its key.
#[derive(Debug)]
pub struct Certificate {
    chain: String,
    key: String,
}

impl Authority {
    /// Makes one.
    pub fn new() -> Result<Self> {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, "Authority of a test");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(Self { issuer: CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)? })
    }

    /// Signs a certificate for a DNS name.
    pub fn sign(&self, name: &str) -> Result<Certificate> {
        let key = KeyPair::generate()?;
        let mut parameters = CertificateParams::new([name.to_owned()])?;
        parameters.distinguished_name.push(DnType::CommonName, name);
        let certificate = parameters.signed_by(&key, &self.issuer)?;
        Ok(Certificate { chain: certificate.pem(), key: key.serialize_pem() })
    }

    /// Its own certificate, for whoever is to trust it.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }
}

impl Certificate {
    pub(super) fn chain(&self) -> &str {
        &self.chain
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }
}

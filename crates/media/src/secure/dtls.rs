//! The handshake that agrees on the keys of a call (RFC 5763, RFC 5764).
//!
//! The library does DTLS; here it becomes a handshake with one peer, whose certificate has to be the one that
//! signalling named. It speaks DTLS 1.2 with certificates of either kind: many phones and switches still have RSA.

use super::{Keys, Suite};
use bytes::BytesMut;
use rtc_dtls::{
    cipher_suite::CipherSuiteId,
    config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig},
    endpoint::{Endpoint, EndpointEvent},
    extension::extension_use_srtp::SrtpProtectionProfile,
};
use rtc_shared::{TransportProtocol, error::Error};
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use subtle::ConstantTimeEq;

/// RFC 5764 4.2.
const LABEL: &str = "EXTRACTOR-dtls_srtp";
/// How long the other side may take before the call counts as one that cannot be encrypted.
const PATIENCE: Duration = Duration::from_secs(30);
/// Before the handshake's first repetition: a lost packet must not cost the whole second that RFC 6347 4.2.4.1 begins
/// with, for somebody waits to be heard. It doubles up to the last one; the library allows seven.
const FIRST_REPEAT: Duration = Duration::from_millis(400);
const LAST_REPEAT: Duration = Duration::from_millis(3200);
/// The library's own timer, which knows no doubling: the least there may be between two repetitions.
const TICK: Duration = Duration::from_millis(100);
/// A handshake's datagrams, within what every path carries.
const MTU: usize = 1200;
/// The library tells peers apart by their addresses; here is one peer, wherever its packets come from.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// A self-signed certificate with its key, made for one run of the program.
#[derive(Clone)]
pub struct Certificate(Arc<rtc_dtls::crypto::Certificate>);

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate")
    }
}

/// The random numbers or the key of the machine are not to be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no certificate can be made: {0}")]
pub struct NoCertificate(String);

impl Certificate {
    /// Makes one. Its name says nothing of who uses it (RFC 5763 8).
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate() -> Result<Certificate, NoCertificate> {
        let provider = rtc_crypto::default_provider().map_err(|e| NoCertificate(e.to_string()))?;
        rtc_dtls::crypto::Certificate::generate_self_signed(["tern".to_owned()], provider.crypto())
            .map(|certificate| Certificate(Arc::new(certificate)))
            .map_err(|e| NoCertificate(e.to_string()))
    }

    /// Its SHA-256, for the description.
    pub fn fingerprint(&self) -> Fingerprint {
        let der = self.0.certificate.first().map(|der| der.as_ref()).unwrap_or_default();
        Fingerprint { hash: Hash::Sha256, value: Hash::Sha256.of(der) }
    }
}

/// Who begins the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The DTLS client.
    Active,
    /// The DTLS server.
    Passive,
}

/// The hash of a [`Fingerprint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hash {
    /// `sha-256`
    Sha256,
    /// `sha-384`
    Sha384,
    /// `sha-512`
    Sha512,
}

impl Hash {
    /// Reads the name descriptions use (RFC 8122 5).
    pub fn from_name(name: &str) -> Option<Hash> {
        match name.to_ascii_lowercase().as_str() {
            "sha-256" => Some(Hash::Sha256),
            "sha-384" => Some(Hash::Sha384),
            "sha-512" => Some(Hash::Sha512),
            _ => None,
        }
    }

    fn of(self, der: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha256 => Sha256::digest(der).to_vec(),
            Hash::Sha384 => Sha384::digest(der).to_vec(),
            Hash::Sha512 => Sha512::digest(der).to_vec(),
        }
    }
}

/// What a certificate is known by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// The hash.
    pub hash: Hash,
    /// Of the certificate in DER.
    pub value: Vec<u8>,
}

impl Fingerprint {
    fn matches(&self, der: &[u8]) -> bool {
        self.hash.of(der).ct_eq(&self.value).into()
    }
}

/// Why there are no keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The other side's certificate is not the one that signalling named: somebody may sit between.
    #[error("the certificate is not the one that was announced")]
    WrongCertificate,
    /// The two sides have nothing in common, or one gave up.
    #[error("the handshake failed")]
    HandshakeFailed,
    /// No answer to the handshake.
    #[error("no answer to the handshake")]
    NoAnswer,
}

/// What came of it.
pub(super) enum Outcome {
    Keys { send: Keys, receive: Keys },
    Failed(Trouble),
}

/// One handshake.
pub(super) struct Handshake {
    endpoint: Endpoint,
    role: Role,
    stage: Stage,
    /// Set by the library's check of the certificate.
    wrong: Arc<Mutex<bool>>,
    outgoing: VecDeque<Vec<u8>>,
    /// What was sent last, to be sent again when nothing comes.
    flight: Vec<Vec<u8>>,
    sent_at: Instant,
    /// How often the present flight was repeated.
    repeats: u32,
    give_up: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    /// The last flight may still have to be repeated for the other side.
    Done,
    Failed,
}

impl Handshake {
    pub(super) fn new(
        now: Instant,
        certificate: &Certificate,
        role: Role,
        fingerprints: &[Fingerprint],
    ) -> Result<Handshake, Trouble> {
        let wrong = Arc::new(Mutex::new(false));
        let config = configure(certificate, role, fingerprints.to_vec(), wrong.clone()).map_err(|error| {
            tracing::error!(%error, "no handshake can be made");
            Trouble::HandshakeFailed
        })?;
        let config = Arc::new(config);
        let server = (role == Role::Passive).then(|| config.clone());
        let mut endpoint = Endpoint::new(PEER, TransportProtocol::UDP, server);
        if role == Role::Active {
            endpoint.connect(now, PEER, config, None).map_err(|_| Trouble::HandshakeFailed)?;
        }
        let mut handshake = Handshake {
            endpoint,
            role,
            stage: Stage::Running,
            wrong,
            outgoing: VecDeque::new(),
            flight: Vec::new(),
            sent_at: now,
            repeats: 0,
            give_up: now.checked_add(PATIENCE).unwrap_or(now),
        };
        handshake.next_flight(now);
        Ok(handshake)
    }

    /// Who began.
    pub(super) fn role(&self) -> Role {
        self.role
    }

    /// Takes a datagram of the other side.
    pub(super) fn receive(&mut self, now: Instant, datagram: &[u8]) -> Option<Outcome> {
        if self.stage == Stage::Failed {
            return None;
        }
        let read = self.endpoint.read(now, PEER, None, BytesMut::from(datagram));
        if self.next_flight(now) {
            self.repeats = 0;
        }
        match read {
            Ok(events) => {
                let done = events.iter().any(|event| matches!(event, EndpointEvent::HandshakeComplete));
                (done && self.stage == Stage::Running).then(|| self.complete())
            }
            Err(_) if self.stage == Stage::Done => None,
            Err(error) => {
                let wrong = *self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
                match error {
                    _ if wrong => Some(self.fail(Trouble::WrongCertificate)),
                    Error::ErrAlertFatalOrClose => Some(self.fail(Trouble::HandshakeFailed)),
                    // What anybody may send says nothing about the other side; whoever is silent from here on is
                    // given up in time.
                    _ => {
                        tracing::debug!(%error, "a datagram of the handshake is of no use");
                        None
                    }
                }
            }
        }
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.outgoing.pop_front()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.stage {
            Stage::Running => Some(self.repeat_at().map_or(self.give_up, |at| at.min(self.give_up))),
            Stage::Done | Stage::Failed => None,
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Option<Outcome> {
        if self.stage != Stage::Running {
            return None;
        }
        if now >= self.give_up {
            return Some(self.fail(Trouble::NoAnswer));
        }
        if self.repeat_at().is_some_and(|at| at <= now) {
            self.repeats = self.repeats.saturating_add(1);
            if self.endpoint.handle_timeout(PEER, now).is_err() {
                return Some(self.fail(Trouble::NoAnswer));
            }
            if !self.next_flight(now) {
                // Half a flight, or an old one, makes the library forget its timer.
                self.outgoing = self.flight.iter().cloned().collect();
                self.sent_at = now;
            }
        }
        None
    }

    fn repeat_at(&self) -> Option<Instant> {
        let doubled = FIRST_REPEAT.saturating_mul(1u32.checked_shl(self.repeats).unwrap_or(u32::MAX));
        (!self.flight.is_empty()).then(|| self.sent_at.checked_add(doubled.min(LAST_REPEAT))).flatten()
    }

    /// Takes what the library has to send, if it has.
    fn next_flight(&mut self, now: Instant) -> bool {
        let flight: Vec<Vec<u8>> =
            std::iter::from_fn(|| self.endpoint.poll_transmit()).map(|d| d.message.to_vec()).collect();
        if flight.is_empty() {
            return false;
        }
        self.outgoing.extend(flight.iter().cloned());
        (self.flight, self.sent_at) = (flight, now);
        true
    }

    fn fail(&mut self, trouble: Trouble) -> Outcome {
        self.stage = Stage::Failed;
        Outcome::Failed(trouble)
    }

    fn complete(&mut self) -> Outcome {
        match self.keys() {
            Some((send, receive)) => {
                self.stage = Stage::Done;
                Outcome::Keys { send, receive }
            }
            None => self.fail(Trouble::HandshakeFailed),
        }
    }

    /// RFC 5764 4.2: the client's key, the server's, the client's salt, the server's.
    fn keys(&self) -> Option<(Keys, Keys)> {
        let state = self.endpoint.get_connection_state(PEER)?;
        let suite = match state.srtp_protection_profile() {
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => Suite::AeadAes128Gcm,
            SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm => Suite::AeadAes256Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => Suite::AesCm128HmacSha1_80,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_32 => Suite::AesCm128HmacSha1_32,
            _ => return None,
        };
        let material =
            state.export_keying_material(LABEL, &[], suite.keying_length().checked_mul(2)?).ok()?;
        let (keys, salts) = material.as_ref().split_at_checked(suite.key_length().checked_mul(2)?)?;
        let (client, server) = keys.split_at_checked(suite.key_length())?;
        let (client_salt, server_salt) = salts.split_at_checked(suite.salt_length())?;
        let join = |key: &[u8], salt: &[u8]| {
            let master = zeroize::Zeroizing::new([key, salt].concat());
            Keys::new(suite, &master, &[])
        };
        let (client, server) = (join(client, client_salt)?, join(server, server_salt)?);
        Some(if self.role == Role::Active { (client, server) } else { (server, client) })
    }
}

fn configure(
    certificate: &Certificate,
    role: Role,
    fingerprints: Vec<Fingerprint>,
    wrong: Arc<Mutex<bool>>,
) -> Result<HandshakeConfig, String> {
    let provider = rtc_crypto::default_provider().map_err(|e| e.to_string())?;
    let verify = move |chain: &[Vec<u8>], _: &[rustls::pki_types::CertificateDer<'static>]| {
        // RFC 5763 5: the certificate must be one of those named.
        let known = chain.first().is_some_and(|der| fingerprints.iter().any(|f| f.matches(der)));
        if known {
            return Ok(());
        }
        *wrong.lock().unwrap_or_else(PoisonError::into_inner) = true;
        Err(Error::Other("fingerprint".into()))
    };
    ConfigBuilder::default()
        .with_crypto_provider(provider)
        .with_certificates(vec![certificate.0.as_ref().clone()])
        .with_cipher_suites(vec![
            CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256,
            CipherSuiteId::Tls_Ecdhe_Rsa_With_Aes_128_Gcm_Sha256,
            CipherSuiteId::Tls_Ecdhe_Ecdsa_With_ChaCha20_Poly1305_Sha256,
            CipherSuiteId::Tls_Ecdhe_Rsa_With_ChaCha20_Poly1305_Sha256,
        ])
        .with_srtp_protection_profiles(vec![
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
            SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
        ])
        .with_client_auth(ClientAuthType::RequireAnyClientCert)
        .with_extended_master_secret(ExtendedMasterSecretType::Request)
        .with_flight_interval(TICK)
        // No authority vouches for certificates of a call: their fingerprints do.
        .with_insecure_skip_verify(true)
        .with_verify_peer_certificate(Some(Arc::new(verify)))
        .with_mtu(MTU)
        .build(role == Role::Active, Some(PEER))
        .map_err(|e| e.to_string())
}

//! A call's encryption: what is offered and answered for it, and what is really on.
//!
//! *Preferred* offers keys beside a plain profile (RFC 8643): who understands them answers with keys, who does not
//! answers a plain call, and nobody has to be asked twice. A server that takes encrypted profiles alone refuses that
//! offer, so it is made again with one: the second try is never weaker than the first. *Required* offers encrypted
//! profiles only, and takes nothing else.
//!
//! Keys in a description (SDES) are worth what its way is. Where anybody between here and the server can read them,
//! they are still better than nothing and so used by *preferred*, after DTLS; but *required* does without them there,
//! unless SDES was asked for by name. The view says whether they travelled in the open.

use rand::RngCore;
use tern_media::secure::{
    Certificate, Fingerprint, Hash, Keys, Role, SecurityPlan, SecurityState, Suite, Trouble,
};
use tern_sip::offer_answer::{
    self, AgreedSecurity, Crypto, Disagreement, DtlsCapability, DtlsRole, Profile, SecurityCapabilities,
    Wanted,
};

use crate::{
    api::{
        AccountId, CallId, CallSecurityView, EndedBy, ErrorCode, ErrorView, MediaKeying, MediaOptions,
        MediaSecurity, SecurityProtocol,
    },
    core::State,
};

/// All that is offered beside a plain profile where the request has to fit a datagram: longer ones go over TCP (RFC
/// 3261 section 18.1.1), which not every server has. Everybody who has SRTP has this suite (RFC 4568 section 6.2.1).
const IN_THE_OPEN: Suite = Suite::AesCm128HmacSha1_80;

/// What a call has for its encryption.
#[derive(Debug, Default)]
pub(super) struct Encryption {
    /// Ours, from the first description to the last: a key that stays goes on counting.
    ours: SecurityCapabilities,
    /// The profiles to offer with, the next one last.
    profiles: Vec<Profile>,
    /// Whether only the server can read what is said to it.
    is_private: bool,
    /// How the keys were agreed.
    protocol: SecurityProtocol,
    /// What the sound's thread does.
    state: SecurityState,
}

impl Encryption {
    fn new(
        media: &MediaOptions,
        is_private: bool,
        certificate: Option<&Certificate>,
        random: &mut impl RngCore,
    ) -> Self {
        let wanted = match media.security {
            MediaSecurity::Off => Wanted::Off,
            MediaSecurity::Preferred => Wanted::Preferred,
            MediaSecurity::Required => Wanted::Required,
        };
        let by_description = match media.keying {
            MediaKeying::Sdes => true,
            MediaKeying::Dtls => false,
            MediaKeying::Auto => is_private || wanted != Wanted::Required,
        };
        let mut key = |(tag, suite): (u32, Suite)| {
            let mut key = vec![0; suite.keying_length()];
            random.fill_bytes(&mut key);
            Crypto { tag, suite: suite.name().to_owned(), key, mki: Vec::new() }
        };
        let sdes = match wanted != Wanted::Off && by_description {
            true => (1..).zip(Suite::ALL).map(&mut key).collect(),
            false => Vec::new(),
        };
        let dtls = certificate.filter(|_| wanted != Wanted::Off && media.keying != MediaKeying::Sdes);
        let dtls = dtls.map(|certificate| DtlsCapability {
            fingerprint: described(&certificate.fingerprint()),
            role: None,
        });
        let profiles = match (wanted, sdes.is_empty(), dtls.is_some()) {
            (Wanted::Off, ..) => vec![Profile::Avp],
            (Wanted::Preferred, false, _) => vec![Profile::Savp, Profile::Avp],
            (Wanted::Preferred, true, _) => vec![Profile::DtlsSavp, Profile::Avp],
            (Wanted::Required, false, true) => vec![Profile::DtlsSavp, Profile::Savp],
            (Wanted::Required, false, false) => vec![Profile::Savp],
            (Wanted::Required, true, _) => vec![Profile::DtlsSavp],
        };
        let profile = profiles.last().copied().unwrap_or_default();
        let ours = SecurityCapabilities { wanted, profile, sdes, dtls, dtls_first: !is_private };
        Self { ours, profiles, is_private, ..Self::default() }
    }

    /// For an answer, which may choose any suite.
    pub(super) fn for_answer(&self) -> SecurityCapabilities {
        self.ours.clone()
    }

    /// For an offer.
    pub(super) fn for_offer(&self) -> SecurityCapabilities {
        let mut ours = self.ours.clone();
        if !self.is_private {
            ours.sdes.retain(|line| line.suite == IN_THE_OPEN.name());
            if ours.profile == Profile::Avp && !ours.sdes.is_empty() {
                ours.dtls = None;
            }
        }
        ours
    }

    /// Goes on to the next profile, where there is one.
    pub(super) fn try_next(&mut self) -> bool {
        self.profiles.pop();
        match self.profiles.last() {
            Some(next) => {
                self.ours.profile = *next;
                true
            }
            None => false,
        }
    }

    pub(super) fn is_required(&self) -> bool {
        self.ours.wanted == Wanted::Required
    }

    /// The other side's offer was taken: later ones of ours have its profile.
    pub(super) fn follow(&mut self, offer: &tern_sip::wire::sdp::SessionDescription) {
        self.ours.profile = Profile::of(offer).unwrap_or_default();
        if self.is_required() && self.ours.profile == Profile::Avp {
            self.ours.profile = if self.ours.sdes.is_empty() { Profile::DtlsSavp } else { Profile::Savp };
        }
    }

    /// Keeps what was agreed, and says what follows for the sound. `None`: there is no such suite, or nothing was
    /// agreed on where something had to be.
    pub(super) fn agree(
        &mut self,
        agreed: &AgreedSecurity,
        certificate: Option<&Certificate>,
    ) -> Option<SecurityPlan> {
        let keys = |line: &Crypto| Keys::new(Suite::from_name(&line.suite)?, &line.key, &line.mki);
        let (protocol, plan) = match agreed {
            AgreedSecurity::None if self.is_required() => return None,
            AgreedSecurity::None => (SecurityProtocol::None, SecurityPlan::None),
            AgreedSecurity::Sdes { send, receive } => {
                (SecurityProtocol::Sdes, SecurityPlan::Sdes { send: keys(send)?, receive: keys(receive)? })
            }
            AgreedSecurity::Dtls { role, fingerprints } => {
                if let Some(dtls) = &mut self.ours.dtls {
                    dtls.role = Some(*role);
                }
                let role = match role {
                    DtlsRole::Active => Role::Active,
                    DtlsRole::Passive => Role::Passive,
                };
                let fingerprints = fingerprints.iter().filter_map(read).collect();
                let plan = SecurityPlan::Dtls { certificate: certificate?.clone(), role, fingerprints };
                (SecurityProtocol::Dtls, plan)
            }
        };
        self.protocol = protocol;
        Some(plan)
    }

    /// What to tell a person when no agreement was reached.
    pub(super) fn trouble(&self, why: Disagreement) -> ErrorView {
        match why {
            Disagreement::InTheClear | Disagreement::NoCommonSuite => {}
            // Who does not know the profile refuses the stream.
            Disagreement::NoAudio | Disagreement::UnknownTransport if self.is_required() => {}
            _ => return ErrorView::new(ErrorCode::NoCommonCodec),
        }
        ErrorView::with_detail(ErrorCode::CallNotEncryptable, why.to_string())
    }

    /// As it really is.
    pub(super) fn view(&self) -> CallSecurityView {
        match (self.protocol, self.state) {
            (protocol, SecurityState::On(suite)) if protocol != SecurityProtocol::None => CallSecurityView {
                protocol,
                suite: Some(suite.name().to_owned()),
                // A fingerprint that somebody reads is of no use to him.
                keys_protected: protocol == SecurityProtocol::Dtls || self.is_private,
            },
            _ => CallSecurityView::default(),
        }
    }
}

impl State {
    /// Fresh keys for a call of this account.
    pub(super) fn encryption(&mut self, account: &AccountId) -> Encryption {
        let media = self.media_of(account);
        if media.security != MediaSecurity::Off
            && media.keying != MediaKeying::Sdes
            && self.certificate.is_none()
        {
            self.certificate = Certificate::generate()
                .map_err(|error| tracing::error!(%error, "calls can't be encrypted by DTLS"))
                .ok();
        }
        let is_private =
            self.accounts.get_mut(account).and_then(|a| a.line.up()).is_some_and(|up| up.is_private);
        Encryption::new(&media, is_private, self.certificate.as_ref(), &mut self.random)
    }

    /// What the sound's thread says of the keys.
    pub(super) fn security_moved(&mut self, id: &CallId, state: SecurityState) {
        let Some(call) = self.calls.get_mut(id) else { return };
        call.encryption.state = state;
        if let SecurityState::Failed(trouble) = state {
            // Preferred, too: who has agreed on keys and has none is no longer who was agreed with.
            let error = ErrorView::with_detail(ErrorCode::CallKeysFailed, reason(trouble));
            return self.hang_up(id, EndedBy::Local, Some(error));
        }
        self.call_changed(id);
    }
}

fn reason(trouble: Trouble) -> String {
    trouble.to_string()
}

fn described(fingerprint: &Fingerprint) -> offer_answer::Fingerprint {
    let hash = match fingerprint.hash {
        Hash::Sha256 => "sha-256",
        Hash::Sha384 => "sha-384",
        Hash::Sha512 => "sha-512",
    };
    offer_answer::Fingerprint { hash: hash.into(), value: fingerprint.value.clone() }
}

fn read(fingerprint: &offer_answer::Fingerprint) -> Option<Fingerprint> {
    Some(Fingerprint { hash: Hash::from_name(&fingerprint.hash)?, value: fingerprint.value.clone() })
}

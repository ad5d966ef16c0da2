//! The ways a call's sound may take: what the other side is told of our addresses, and which servers are asked.
//!
//! Invariant: the credentials of checks change exactly when the checks must begin anew (RFC 8445 section 9): with
//! other sockets of ours, or when the other side has changed its own.

use std::net::IpAddr;

use tern_media::{
    PacketKind,
    path::{Candidate, CandidateKind, IceConfig, IceCredentials},
};
use tern_sip::{
    offer_answer::{self, Agreed, IceDescription, TransportCapabilities},
    wire::sdp::SessionDescription,
};

use super::Call;
use crate::{
    api::{AccountId, CallId, ErrorCode, ErrorView, MediaOptions, TurnServer},
    core::{Addresses, Effect, Reach, SecretKind, State},
};

/// Our part in a call's ways.
#[derive(Debug, Default)]
pub(super) struct Ways {
    addresses: Addresses,
    ice: Option<IceCredentials>,
}

impl Ways {
    /// What a description says of our addresses besides the one of RTP.
    pub(super) fn transport(&self) -> TransportCapabilities {
        let ice = self.ice.as_ref().map(|credentials| IceDescription {
            fragment: credentials.fragment.clone(),
            password: credentials.password.clone(),
            lite: false,
            candidates: self.addresses.candidates.iter().map(told).collect(),
        });
        TransportCapabilities { rtcp: self.addresses.rtcp, rtcp_mux: true, ice }
    }

    /// Sockets are open: checks, where they are wanted, begin with these.
    pub(super) fn opened(&mut self, addresses: Addresses, checks: bool, random: &mut impl rand::Rng) {
        self.addresses = addresses;
        self.ice = checks.then(|| IceCredentials::random(random));
    }

    /// The other side offers anew; one that changed its credentials wants ours changed too (RFC 8839 section 4.4.1.1.1).
    pub(super) fn offered(
        &mut self,
        before: Option<&Agreed>,
        offer: &SessionDescription,
        random: &mut impl rand::Rng,
    ) {
        let known = before.and_then(|agreed| agreed.transport.ice.as_ref());
        let fragment = offer.audio().and_then(|media| offer.attribute_of(media, "ice-ufrag"));
        if let (Some(known), Some(fragment), Some(_)) = (known, fragment, &self.ice)
            && known.remote.fragment != fragment
        {
            self.ice = Some(IceCredentials::random(random));
        }
    }
}

/// What both sides said about checks, as the path wants to know it.
pub(super) fn checks(agreed: &Agreed) -> Option<IceConfig> {
    let ice = agreed.transport.ice.as_ref()?;
    let (fragment, password) = ice.local.clone();
    Some(IceConfig {
        local: IceCredentials { fragment, password },
        remote: IceCredentials {
            fragment: ice.remote.fragment.clone(),
            password: ice.remote.password.clone(),
        },
        controlling: ice.controlling,
        candidates: ice.remote.candidates.iter().map(heard).collect(),
    })
}

impl State {
    /// Opens a call's sockets, or moves it to others.
    pub(super) fn open_media(&mut self, id: &CallId, ip: IpAddr) {
        let Some(account) = self.calls.get(id).map(|call| call.account.clone()) else { return };
        let reach = self.reach(&account);
        self.effect(Effect::OpenMedia(id.clone(), ip, Box::new(reach)));
    }

    /// Sockets are open here.
    pub(super) fn media_opened(&mut self, id: &CallId, addresses: Addresses) {
        let checks = self.media_of_call(id).is_some_and(|media| media.ice);
        if let Some(call) = self.calls.get_mut(id) {
            call.ways.opened(addresses, checks, &mut self.random);
        }
    }

    /// Whether checks reach the other side.
    pub(super) fn way_found(&mut self, id: &CallId, found: bool) {
        let Some(call) = self.calls.get_mut(id) else { return };
        let missing = call.trouble.as_ref().is_some_and(|trouble| trouble.code == ErrorCode::NoWayForSound);
        match (found, missing) {
            (true, true) => call.trouble = None,
            (false, false) => call.trouble = Some(ErrorView::new(ErrorCode::NoWayForSound)),
            _ => return,
        }
        self.call_changed(id);
    }

    /// Takes the TURN password out of an account's options into the keyring; an empty one leaves the one there.
    pub(crate) fn keep_turn_password(&mut self, id: &AccountId, media: &mut MediaOptions) {
        let Some(turn) = &mut media.turn_server else { return };
        let given = tern_provider::Secret::new(std::mem::take(&mut turn.password.0));
        let Some(account) = self.accounts.get_mut(id) else { return };
        if given.reveal().is_empty() {
            return;
        }
        account.turn_password = Some(given.clone());
        if !account.profile.sandbox {
            let key = account.secret_key(SecretKind::TurnPassword);
            self.effect(Effect::SetSecret(key, given));
        }
    }

    fn reach(&self, account: &AccountId) -> Reach {
        let media = self.media_of(account);
        let kept = self.accounts.get(account).and_then(|account| account.turn_password.as_ref());
        let turn = media.turn_server.map(|turn| match (turn.password.0.is_empty(), kept) {
            (true, Some(kept)) => {
                TurnServer { password: crate::api::Secret(kept.reveal().to_owned()), ..turn }
            }
            _ => turn,
        });
        Reach {
            ports: self.settings.media_ports,
            checks: media.ice,
            stun: media.stun_server,
            // Only checks can tell whether a relay is needed.
            turn: turn.filter(|_| media.ice),
        }
    }
}

impl Call {
    /// What a description says of where this call's sound is received.
    pub(super) fn transport(&self) -> TransportCapabilities {
        self.ways.transport()
    }
}

fn told(candidate: &Candidate) -> offer_answer::Candidate {
    offer_answer::Candidate {
        foundation: candidate.foundation.clone(),
        component: match candidate.component {
            PacketKind::Rtp => 1,
            PacketKind::Rtcp => 2,
        },
        priority: candidate.priority,
        address: candidate.address,
        kind: match candidate.kind {
            CandidateKind::Host => offer_answer::CandidateKind::Host,
            CandidateKind::PeerReflexive => offer_answer::CandidateKind::PeerReflexive,
            CandidateKind::ServerReflexive => offer_answer::CandidateKind::ServerReflexive,
            CandidateKind::Relayed => offer_answer::CandidateKind::Relayed,
        },
        related: candidate.related,
    }
}

fn heard(candidate: &offer_answer::Candidate) -> Candidate {
    Candidate {
        component: if candidate.component == 1 { PacketKind::Rtp } else { PacketKind::Rtcp },
        foundation: candidate.foundation.clone(),
        priority: candidate.priority,
        address: candidate.address,
        kind: match candidate.kind {
            offer_answer::CandidateKind::Host => CandidateKind::Host,
            offer_answer::CandidateKind::PeerReflexive => CandidateKind::PeerReflexive,
            offer_answer::CandidateKind::ServerReflexive => CandidateKind::ServerReflexive,
            offer_answer::CandidateKind::Relayed => CandidateKind::Relayed,
        },
        related: candidate.related,
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use rand::{SeedableRng, rngs::StdRng};
    use tern_sip::offer_answer::SessionVersion;

    use super::*;
    use crate::agreement;

    fn side(ways: &Ways, port: u16) -> offer_answer::AudioCapabilities {
        let rtp = SocketAddr::from(([192, 0, 2, 7], port));
        let session = SessionVersion { id: 1, version: 1 };
        offer_answer::AudioCapabilities {
            transport: ways.transport(),
            ..agreement::capabilities(rtp, session, &MediaOptions::default())
        }
    }

    fn ways(port: u16, random: &mut StdRng) -> Ways {
        let address = SocketAddr::from(([192, 0, 2, 7], port));
        let candidate = Candidate {
            component: PacketKind::Rtp,
            foundation: "10".into(),
            priority: 7,
            address,
            kind: CandidateKind::Host,
            related: None,
        };
        let mut ways = Ways::default();
        ways.opened(Addresses { rtcp: None, candidates: vec![candidate] }, true, random);
        ways
    }

    #[test]
    fn two_of_us_check_and_begin_anew_when_one_does() {
        let mut random = StdRng::seed_from_u64(8839);
        let (mut ours, mut theirs) = (ways(4000, &mut random), ways(5000, &mut random));
        let offer = offer_answer::offer(&side(&theirs, 5000));
        let (_, first) = offer_answer::answer(&offer, &side(&ours, 4000)).unwrap();
        let config = checks(&first).unwrap();
        assert_eq!(Some(&config.local), ours.ice.as_ref());
        assert_eq!(Some(&config.remote), theirs.ice.as_ref());
        assert_eq!(config.candidates, theirs.addresses.candidates);
        let before = ours.ice.clone();
        ours.offered(Some(&first), &offer, &mut random);
        assert_eq!(ours.ice, before, "a hold is no reason to look for the way again");
        let addresses = theirs.addresses.clone();
        theirs.opened(addresses, true, &mut random);
        let again = offer_answer::offer(&side(&theirs, 5000));
        ours.offered(Some(&first), &again, &mut random);
        assert_ne!(ours.ice, before, "RFC 8445 section 9");
    }
}

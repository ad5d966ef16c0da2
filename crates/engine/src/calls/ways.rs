//! The ways a call's sound may take: what the other side is told of our addresses, and which servers are asked.
//!
//! Invariant: the credentials of checks change exactly when the checks must begin anew (RFC 8445 section 9): with
//! other sockets of ours, or when the other side has changed its own.

use std::{net::IpAddr, path::PathBuf};

use tern_media::{
    PacketKind,
    path::{Candidate, CandidateKind, IceConfig, IceCredentials},
};
use tern_sip::{
    offer_answer::{self, Agreed, IceDescription, IceFragment, TransportCapabilities},
    wire::sdp::SessionDescription,
};

use super::{Call, Phase, restarting::Restarting};
use crate::{
    api::{AccountId, CallId, ErrorCode, ErrorView, MediaOptions, TurnServer},
    core::{Addresses, Effect, Reach, SecretKind, State},
};

/// Our only section, as later messages call it, unless the other side has given it a name.
const MID: &str = "0";
/// Candidates kept that the other side told beside its descriptions; more are of no use to anybody's checks.
const MOST_TOLD: usize = 64;

/// Our part in a call's ways, and what the other side said of its own beside its descriptions.
#[derive(Debug, Default)]
pub(super) struct Ways {
    addresses: Addresses,
    ice: Option<IceCredentials>,
    /// What both call the section: it keeps its name (RFC 5888 section 9.1).
    mid: Option<String>,
    /// What of the addresses the other side knows: how many candidates, and whether these are all.
    told: (usize, bool),
    /// The other side's, with the fragment they belong to (RFC 8840 section 4.3.3).
    came: Option<(String, Vec<offer_answer::Candidate>)>,
    /// Counts our own new credentials: an offer that has others is not what is wanted now.
    pub(super) renewal: u32,
    /// The credentials before an offer of new ones, which is not answered yet.
    before: Option<IceCredentials>,
    /// What is done when the way dies.
    pub(super) restarting: Restarting,
}

impl Ways {
    /// What a description that is about to be sent says of our addresses besides the one of RTP.
    pub(super) fn transport(&mut self) -> TransportCapabilities {
        self.told = (self.addresses.candidates.len(), self.addresses.complete);
        let ice = self.ice.as_ref().map(|credentials| IceDescription {
            fragment: credentials.fragment.clone(),
            password: credentials.password.clone(),
            lite: false,
            trickle: Some(self.mid.clone().unwrap_or_else(|| MID.to_owned())),
            complete: self.addresses.complete,
            candidates: self.addresses.candidates.iter().map(told).collect(),
        });
        TransportCapabilities { rtcp: self.addresses.rtcp, rtcp_mux: true, ice }
    }

    /// Sockets are open: checks, where they are wanted, begin with these.
    pub(super) fn opened(&mut self, addresses: Addresses, checks: bool, random: &mut impl rand::Rng) {
        self.addresses = addresses;
        self.told = (0, false);
        self.ice = checks.then(|| IceCredentials::random(random));
        self.before = None;
        self.renewal = self.renewal.wrapping_add(1);
    }

    /// The same sockets looked at again; false where these are others.
    pub(super) fn look_again(&mut self, addresses: Addresses) -> bool {
        let hosts = |addresses: &Addresses| -> Vec<_> {
            let own = addresses.candidates.iter().filter(|c| c.kind == CandidateKind::Host);
            own.map(|candidate| (candidate.component, candidate.address)).collect()
        };
        let same = hosts(&addresses) == hosts(&self.addresses);
        if same {
            self.addresses = addresses;
        }
        same
    }

    /// The checks are to begin anew with the sockets there are.
    pub(super) fn renew(&mut self, random: &mut impl rand::Rng) {
        if let Some(ice) = &mut self.ice {
            let before = std::mem::replace(ice, IceCredentials::random(random));
            self.before.get_or_insert(before);
            self.renewal = self.renewal.wrapping_add(1);
        }
    }

    /// An offer of ours led to this, or to nothing: then all is as it was (RFC 3264 section 8).
    pub(super) fn settle(&mut self, agreed: Option<&Agreed>) {
        let before = self.before.take();
        let agreed = agreed.and_then(|agreed| agreed.transport.ice.as_ref()).map(|ice| {
            let (fragment, password) = ice.local.clone();
            IceCredentials { fragment, password }
        });
        if self.ice.is_some() {
            self.ice = agreed.or(before).or(self.ice.take());
        }
    }

    /// Whether our descriptions ask for checks.
    pub(super) fn are_checked(&self) -> bool {
        self.ice.is_some()
    }

    /// Servers told more. What was told before keeps its place (RFC 8840 section 4.3.3).
    fn found(&mut self, addresses: Addresses) {
        self.addresses.complete = addresses.complete;
        for candidate in addresses.candidates {
            let same = |known: &Candidate| {
                (known.component, known.kind, known.address)
                    == (candidate.component, candidate.kind, candidate.address)
            };
            if !self.addresses.candidates.iter().any(same) {
                self.addresses.candidates.push(candidate);
            }
        }
    }

    /// What the other side is still to be told, where it takes that.
    fn untold(&self, agreed: &Agreed) -> Option<IceFragment> {
        let ice = agreed.transport.ice.as_ref()?;
        let mid = ice.trickle.clone()?;
        let (fragment, password) = ice.local.clone();
        let known = self.ice.as_ref().is_some_and(|ours| ours.fragment == fragment);
        let now = (self.addresses.candidates.len(), self.addresses.complete);
        if !known || self.told == now {
            return None;
        }
        let mux = agreed.transport.rtcp_mux;
        let useful = |candidate: &&Candidate| !mux || candidate.component == PacketKind::Rtp;
        let candidates = self.addresses.candidates.iter().filter(useful).map(told).collect();
        Some(IceFragment { fragment, password, mid, candidates, complete: self.addresses.complete })
    }

    /// The other side told more.
    fn came(&mut self, told: IceFragment) {
        let known = match &mut self.came {
            Some((fragment, known)) if *fragment == told.fragment => known,
            came => &mut came.insert((told.fragment, Vec::new())).1,
        };
        for candidate in told.candidates {
            if known.len() < MOST_TOLD && !known.contains(&candidate) {
                known.push(candidate);
            }
        }
    }

    /// What both sides said about checks, as the path wants to know it.
    pub(super) fn checks(&mut self, agreed: &Agreed) -> Option<IceConfig> {
        let ice = agreed.transport.ice.as_ref()?;
        if let Some(mid) = &ice.trickle {
            self.mid = Some(mid.clone());
        }
        let (fragment, password) = ice.local.clone();
        let came = self.came.as_ref().filter(|(fragment, _)| *fragment == ice.remote.fragment);
        let came = came.iter().flat_map(|(_, candidates)| candidates);
        Some(IceConfig {
            local: IceCredentials { fragment, password },
            remote: IceCredentials {
                fragment: ice.remote.fragment.clone(),
                password: ice.remote.password.clone(),
            },
            controlling: ice.controlling,
            candidates: ice.remote.candidates.iter().chain(came).map(heard).collect(),
        })
    }

    /// The other side offers anew; one that changed its credentials wants ours changed too (RFC 8839 section 4.4.1.1.1).
    /// Whether it did.
    pub(super) fn offered(
        &mut self,
        before: Option<&Agreed>,
        offer: &SessionDescription,
        random: &mut impl rand::Rng,
    ) -> bool {
        let known = before.and_then(|agreed| agreed.transport.ice.as_ref());
        let fragment = offer.audio().and_then(|media| offer.attribute_of(media, "ice-ufrag"));
        if let (Some(known), Some(fragment), Some(_)) = (known, fragment, &self.ice)
            && known.remote.fragment != fragment
        {
            self.ice = Some(IceCredentials::random(random));
            self.before = None;
            return true;
        }
        false
    }
}

impl State {
    /// Opens a call's sockets, or moves it to others.
    pub(super) fn open_media(&mut self, id: &CallId, ip: IpAddr) {
        let Some(account) = self.calls.get(id).map(|call| call.account.clone()) else { return };
        // RFC 8838 section 3: an offer tells of nothing yet only to who is known to take what follows.
        let at_once = self.calls.get(id).is_some_and(|call| match call.phase {
            Phase::Answering => call.offer.as_ref().is_some_and(offer_answer::trickles),
            Phase::Connected => call.agreed.as_ref().is_some_and(told_later),
            _ => false,
        });
        let towards = self.calls.get(id).and_then(|call| call.elsewhere(ip));
        let reach = Reach { at_once, towards, ..self.reach(&account) };
        self.effect(Effect::OpenMedia(id.clone(), ip, Box::new(reach)));
    }

    /// Sockets are open here.
    pub(super) fn media_opened(&mut self, id: &CallId, addresses: Addresses) {
        let checks = self.media_of_call(id).is_some_and(|media| media.ice);
        if let Some(call) = self.calls.get_mut(id) {
            call.ways.opened(addresses, checks, &mut self.random);
        }
    }

    /// Servers told of further addresses.
    pub(super) fn addresses_found(&mut self, id: &CallId, addresses: Addresses) {
        if let Some(call) = self.calls.get_mut(id) {
            call.ways.found(addresses);
            self.tell_candidates(id);
        }
    }

    /// Tells the other side what was found since the last description, once there is a dialog to tell it in.
    pub(super) fn tell_candidates(&mut self, id: &CallId) {
        let now = self.now.instant;
        let Some(call) = self.calls.get(id).filter(|call| call.phase == Phase::Connected) else { return };
        let Some(found) = call.agreed.as_ref().and_then(|agreed| call.ways.untold(agreed)) else { return };
        let mut told = false;
        self.with_sip(id, |endpoint, sip| told = endpoint.trickle(now, sip, &found).is_ok());
        if let Some(call) = self.calls.get_mut(id).filter(|_| told) {
            call.ways.told = (call.ways.addresses.candidates.len(), call.ways.addresses.complete);
        }
    }

    /// The other side told of further addresses of its own.
    pub(crate) fn candidates_came(&mut self, id: &CallId, body: &[u8]) {
        let Some(call) = self.calls.get_mut(id) else { return };
        let mid = call.offer.as_ref().and_then(|offer| offer.audio()?.attribute("mid")).unwrap_or_default();
        let Some(told) = IceFragment::parse(body, mid) else {
            return tracing::debug!("candidates that can't be read");
        };
        call.ways.came(told);
        if let Some(agreed) = call.agreed.clone().filter(|_| call.sounding) {
            self.run_media(id, &agreed);
        }
    }

    /// Whether checks reach the other side.
    pub(super) fn way_found(&mut self, id: &CallId, found: bool) {
        let now = self.now.instant;
        let Some(call) = self.calls.get_mut(id) else { return };
        if found {
            call.ways.restarting.found(now);
        }
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
            ca_file: self.accounts.get(account).and_then(|a| a.profile.ca_file.as_ref()).map(PathBuf::from),
            towards: None,
            at_once: false,
        }
    }
}

impl Call {
    /// What a description says of where this call's sound is received.
    pub(super) fn transport(&mut self) -> TransportCapabilities {
        self.ways.transport()
    }
}

/// Whether both sides tell and take further addresses.
fn told_later(agreed: &Agreed) -> bool {
    agreed.transport.ice.as_ref().is_some_and(|ice| ice.trickle.is_some())
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

    fn side(ways: &mut Ways, port: u16) -> offer_answer::AudioCapabilities {
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
        ways.opened(Addresses { candidates: vec![candidate], ..Addresses::default() }, true, random);
        ways
    }

    #[test]
    fn two_of_us_check_and_begin_anew_when_one_does() {
        let mut random = StdRng::seed_from_u64(8839);
        let (mut ours, mut theirs) = (ways(4000, &mut random), ways(5000, &mut random));
        let offer = offer_answer::offer(&side(&mut theirs, 5000));
        let (_, first) = offer_answer::answer(&offer, &side(&mut ours, 4000)).unwrap();
        let config = ours.checks(&first).unwrap();
        assert_eq!(Some(&config.local), ours.ice.as_ref());
        assert_eq!(Some(&config.remote), theirs.ice.as_ref());
        assert_eq!(config.candidates, theirs.addresses.candidates);
        let before = ours.ice.clone();
        ours.offered(Some(&first), &offer, &mut random);
        assert_eq!(ours.ice, before, "a hold is no reason to look for the way again");
        let addresses = theirs.addresses.clone();
        theirs.opened(addresses, true, &mut random);
        let again = offer_answer::offer(&side(&mut theirs, 5000));
        ours.offered(Some(&first), &again, &mut random);
        assert_ne!(ours.ice, before, "RFC 8445 section 9");
    }

    #[test]
    fn what_is_found_later_is_told_behind_what_was_told_and_once() {
        let mut random = StdRng::seed_from_u64(8840);
        let (mut ours, mut theirs) = (ways(4000, &mut random), ways(5000, &mut random));
        let offer = offer_answer::offer(&side(&mut theirs, 5000));
        let (answer, at_us) = offer_answer::answer(&offer, &side(&mut ours, 4000)).unwrap();
        let at_them = offer_answer::agree(&offer, &answer).unwrap();
        assert_eq!(ours.untold(&at_us), None);
        let first = ours.addresses.candidates.clone();
        let seen = Candidate { kind: CandidateKind::ServerReflexive, priority: 6, ..first[0].clone() };
        let reports = Candidate { component: PacketKind::Rtcp, ..seen.clone() };
        // Servers' answers stand before what was known in no order of ours.
        let candidates = vec![reports, seen.clone(), first[0].clone()];
        ours.found(Addresses { rtcp: None, candidates, complete: true });
        let told = ours.untold(&at_us).unwrap();
        assert_eq!(told.mid, "0");
        assert!(
            told.complete && told.candidates.len() == 2,
            "one port needs no candidates of the other: {told:?}"
        );
        assert_eq!(
            told.candidates[0],
            super::told(&first[0]),
            "RFC 8840 section 4.3.3: in the order told before"
        );
        let before = theirs.checks(&at_them).unwrap();
        theirs.came(told.clone());
        theirs.came(told);
        let after = theirs.checks(&at_them).unwrap();
        assert_eq!(after.candidates.last().map(|c| c.kind), Some(CandidateKind::ServerReflexive));
        assert_eq!((before.candidates.len(), before.local, before.remote), (1, after.local, after.remote));
        // Another generation's are of no use to this one.
        theirs.came(IceFragment { fragment: "other".into(), ..ours.untold(&at_us).unwrap() });
        assert_eq!(theirs.checks(&at_them).unwrap().candidates.len(), 1);
        // A description tells all of it.
        let _ = ours.transport();
        assert_eq!(ours.untold(&at_us), None);
    }
}

//! What is offered, taken and refused of encryption.

use tern_media::secure::{SecurityPlan, SecurityState, Suite, Trouble};
use tern_sip::offer_answer::{AudioCapabilities, Crypto, Profile, SecurityCapabilities, Wanted};

use super::*;
use crate::api::{MediaKeying, MediaSecurity, SecurityProtocol};

fn two(security: MediaSecurity, keying: MediaKeying) -> Two {
    let mut two = Two::new();
    two.bench.state.config.media.security = Some(security);
    two.bench.state.config.media.keying = Some(keying);
    two
}

/// The other side, with keys by SDES.
fn theirs(wanted: Wanted, octet: u8) -> AudioCapabilities {
    let line = |(tag, suite): (u32, Suite)| Crypto {
        tag,
        suite: suite.name().into(),
        key: vec![octet; suite.keying_length()],
        mki: Vec::new(),
    };
    let sdes = (1..).zip([Suite::AesCm128HmacSha1_80]).map(line).collect();
    let profile = if wanted == Wanted::Required { Profile::Savp } else { Profile::Avp };
    let security = SecurityCapabilities { wanted, profile, sdes, dtls: None, dtls_first: false };
    AudioCapabilities { security, ..capabilities(4000) }
}

impl Two {
    /// The offers of the calls that came to the other side, and the calls.
    fn offered_calls(&self) -> Vec<(tern_sip::CallId, SessionDescription)> {
        let offers = self.heard.iter().filter_map(|e| match e {
            Event::IncomingCall { call, offer, .. } => Some((*call, offer.clone()?)),
            _ => None,
        });
        offers.collect()
    }

    fn accept_with(&mut self, call: tern_sip::CallId, answer: SessionDescription) {
        self.peer.accept(self.bench.now.instant, call, answer).unwrap();
        self.settle();
    }

    fn refuse(&mut self, call: tern_sip::CallId) {
        self.peer.reject(self.bench.now.instant, call, SipReply::new(488)).unwrap();
        self.settle();
    }
}

fn protocol(offer: &SessionDescription) -> &str {
    &offer.audio().unwrap().protocol
}

fn suite_of(plan: &MediaPlan) -> Option<Suite> {
    match &plan.security {
        SecurityPlan::Sdes { send, receive } => {
            assert_eq!(send.suite(), receive.suite());
            Some(send.suite())
        }
        _ => None,
    }
}

#[test]
fn preferred_offers_keys_beside_a_plain_profile_and_shows_what_is_on() {
    let mut two = two(MediaSecurity::Preferred, MediaKeying::Auto);
    let (call, there) = two.ring_them();
    let (_, offer) = two.offered_calls().remove(0);
    let audio = offer.audio().unwrap();
    // RFC 8643 section 3.1
    assert_eq!(audio.protocol, "RTP/AVP");
    assert!(audio.attribute("crypto").is_some());
    assert_eq!(audio.attributes.iter().filter(|a| a.name == "crypto" || a.name == "fingerprint").count(), 1);
    let (answer, _) = offer_answer::answer(&offer, &theirs(Wanted::Preferred, 3)).unwrap();
    two.accept_with(there, answer);
    let plan = two.plans().remove(0);
    assert_eq!(suite_of(&plan), Some(Suite::AesCm128HmacSha1_80));
    assert_eq!(two.view(&call).security.protocol, SecurityProtocol::None, "not before it is on");
    let on = SecurityState::On(Suite::AesCm128HmacSha1_80);
    two.bench.give(Input::Media(call.clone(), MediaReport::Security(on)));
    let shown = two.view(&call).security;
    assert_eq!(shown.protocol, SecurityProtocol::Sdes);
    assert_eq!(shown.suite.as_deref(), Some("AES_CM_128_HMAC_SHA1_80"));
    assert!(!shown.keys_protected, "the keys went over UDP");
}

#[test]
fn preferred_with_somebody_who_has_no_keys_is_a_plain_call() {
    let mut two = two(MediaSecurity::Preferred, MediaKeying::Auto);
    let (call, there) = two.ring_them();
    let (_, offer) = two.offered_calls().remove(0);
    let (answer, _) = offer_answer::answer(&offer, &capabilities(4000)).unwrap();
    two.accept_with(there, answer);
    assert_eq!(two.plans().remove(0).security, SecurityPlan::None);
    assert_eq!(two.view(&call).security.protocol, SecurityProtocol::None);
}

#[test]
fn who_takes_encrypted_profiles_alone_is_offered_one() {
    let mut two = two(MediaSecurity::Preferred, MediaKeying::Sdes);
    let (call, there) = two.ring_them();
    two.refuse(there);
    let calls = two.offered_calls();
    assert_eq!(calls.len(), 2);
    assert_eq!((protocol(&calls[0].1), protocol(&calls[1].1)), ("RTP/AVP", "RTP/SAVP"));
    assert_eq!(two.view(&call).state, CallState::Dialing, "still the same call");
    let (answer, _) = offer_answer::answer(&calls[1].1, &theirs(Wanted::Required, 3)).unwrap();
    two.accept_with(calls[1].0, answer);
    assert!(suite_of(&two.plans().remove(0)).is_some());
    assert_eq!(two.view(&call).state, CallState::Connected);
}

#[test]
fn required_is_never_offered_in_the_clear() {
    let mut two = two(MediaSecurity::Required, MediaKeying::Sdes);
    let (call, there) = two.ring_them();
    two.refuse(there);
    // In the other family, where we have no address.
    two.bench.give(Input::Media(call, MediaReport::Unreachable));
    two.settle();
    let calls = two.offered_calls();
    assert_eq!(calls.iter().map(|(_, offer)| protocol(offer)).collect::<Vec<_>>(), ["RTP/SAVP"]);
    let error = two.last().end.clone().unwrap().error.unwrap();
    assert_eq!(error.code, ErrorCode::CallNotEncryptable);
    assert!(two.plans().is_empty());
}

#[test]
fn required_over_an_open_way_agrees_by_handshake_unless_told_otherwise() {
    let mut two = two(MediaSecurity::Required, MediaKeying::Auto);
    two.ring_them();
    let (_, offer) = two.offered_calls().remove(0);
    assert_eq!(protocol(&offer), "UDP/TLS/RTP/SAVP");
    assert_eq!(offer.audio().unwrap().attribute("crypto"), None, "anybody could read it");
}

#[test]
fn an_answer_in_the_clear_ends_a_call_that_must_be_encrypted() {
    let mut two = two(MediaSecurity::Required, MediaKeying::Sdes);
    let (_, there) = two.ring_them();
    let (_, offer) = two.offered_calls().remove(0);
    let mut pretended = offer.clone();
    pretended.media[0].protocol = "RTP/AVP".into();
    let (mut answer, _) = offer_answer::answer(&pretended, &capabilities(4000)).unwrap();
    answer.media[0].protocol = "RTP/SAVP".into();
    two.accept_with(there, answer);
    let error = two.last().end.clone().unwrap().error.unwrap();
    assert_eq!(error.code, ErrorCode::CallNotEncryptable);
    assert!(two.plans().is_empty(), "no sound was ever set up");
}

#[test]
fn a_plain_offer_is_refused_where_encryption_is_required() {
    let mut two = two(MediaSecurity::Required, MediaKeying::Sdes);
    two.ring_us();
    let code = two.heard.iter().find_map(|e| match e {
        Event::Call { state: SipState::Ended(ending), .. } => ending.code,
        _ => None,
    });
    assert_eq!(code, Some(488));
    assert!(two.tones().is_empty(), "it did not ring");
}

#[test]
fn an_encrypted_offer_is_answered_with_a_key_that_stays() {
    let mut two = two(MediaSecurity::Preferred, MediaKeying::Sdes);
    let (call, _) = two.ring_us_with(offer_answer::offer(&theirs(Wanted::Required, 5)));
    two.bench.command(Command::AnswerCall { call: call.clone() });
    two.open_media(&call);
    two.settle();
    let first = two.plans().remove(0);
    assert!(suite_of(&first).is_some());
    // Hold: offered with the other side's profile, and nothing new to count from.
    two.command(Command::HoldCall { call: call.clone(), held: true }).unwrap();
    let at = two.heard.iter().position(|e| matches!(e, Event::Reoffer { .. })).unwrap();
    let Event::Reoffer { call: there, offer } = two.heard.remove(at) else { unreachable!() };
    let offer = offer.unwrap();
    assert_eq!(protocol(&offer), "RTP/SAVP");
    let (answer, _) = offer_answer::answer(&offer, &theirs(Wanted::Required, 5)).unwrap();
    two.peer.answer_reoffer(two.bench.now.instant, there, answer).unwrap();
    two.settle();
    assert_eq!(two.plans().last().unwrap().security, first.security);
}

#[test]
fn a_call_whose_keys_fail_is_ended_and_says_why() {
    let mut two = two(MediaSecurity::Preferred, MediaKeying::Auto);
    let (call, there) = two.ring_them();
    two.accept_there(there);
    two.plans();
    let failed = SecurityState::Failed(Trouble::WrongCertificate);
    two.bench.give(Input::Media(call.clone(), MediaReport::Security(failed)));
    two.settle();
    two.close_media(&call);
    let error = two.last().end.clone().unwrap().error.unwrap();
    assert_eq!(error.code, ErrorCode::CallKeysFailed);
    assert_eq!(error.detail.as_deref(), Some("the certificate is not the one that was announced"));
}

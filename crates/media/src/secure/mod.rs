//! Encrypted sound: SRTP (RFC 3711, RFC 6188, RFC 7714), its keys from a description (RFC 4568) or from a handshake
//! (RFC 5764).
//!
//! Invariant: where keys were agreed on, nothing goes out in the clear and nothing in the clear comes in, not before
//! the keys are there and not when they never come. Where packets go and come from is the path's business.

mod cipher;
mod dtls;
mod keys;
mod srtp;
mod suite;
mod window;

pub use dtls::{Certificate, Fingerprint, Hash, NoCertificate, Role, Trouble};
pub use keys::Keys;
pub use srtp::{Rejected, Srtp, Unprotected};
pub use suite::Suite;

use crate::PacketKind;
use dtls::{Handshake, Outcome};
use std::{collections::VecDeque, time::Instant};

/// What was agreed on.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum SecurityPlan {
    /// Nothing: packets are as they are.
    #[default]
    None,
    /// Keys from the descriptions.
    Sdes {
        /// What this side encrypts with.
        send: Keys,
        /// What the other side does.
        receive: Keys,
    },
    /// Keys from a handshake over the path of RTP.
    Dtls {
        /// This side's.
        certificate: Certificate,
        /// Who begins.
        role: Role,
        /// The other side's certificate is one of these.
        fingerprints: Vec<Fingerprint>,
    },
}

/// What is really done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SecurityState {
    /// Nothing is encrypted.
    #[default]
    Clear,
    /// The handshake goes on; nothing is sent, nothing taken.
    Waiting,
    /// SRTP.
    On(Suite),
    /// There will be no keys; nothing is sent, nothing taken.
    Failed(Trouble),
}

/// A call's encryption, for RTP and RTCP.
pub struct Secure {
    plan: SecurityPlan,
    inner: Inner,
    /// The handshake of the roles that were agreed on last, while what an earlier one gave still serves.
    renewal: Option<Box<Handshake>>,
    changes: VecDeque<SecurityState>,
}

enum Inner {
    Clear,
    Srtp(Box<Srtp>),
    Shaking(Box<Handshake>),
    /// The handshake stays to repeat its last flight.
    Shaken(Box<Handshake>, Box<Srtp>),
    Failed(Trouble),
}

impl std::fmt::Debug for Secure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Secure").field(&self.state()).finish()
    }
}

impl Secure {
    /// Begins as agreed; a handshake begins at once where this side is the active one.
    pub fn new(now: Instant, plan: SecurityPlan) -> Secure {
        let mut secure = Secure { inner: begin(now, &plan), plan, renewal: None, changes: VecDeque::new() };
        if secure.state() != SecurityState::Clear {
            secure.changes.push_back(secure.state());
        }
        secure
    }

    /// Goes on as agreed anew: what stays the same goes on without a gap, and without using an index twice.
    pub fn update(&mut self, now: Instant, plan: SecurityPlan) {
        if self.plan == plan {
            return;
        }
        let before = self.state();
        match (&mut self.inner, &plan) {
            (Inner::Srtp(srtp), SecurityPlan::Sdes { send, receive }) => {
                if srtp.update(send.clone(), receive.clone()).is_none() {
                    self.inner = Inner::Failed(Trouble::HandshakeFailed);
                }
            }
            // Roles that change mean a new association (RFC 8842 section 3.1); phones say so in a hold and keep the one
            // there is. Whoever means it gets one, and until it stands nobody is cut off.
            (Inner::Shaken(handshake, _), SecurityPlan::Dtls { certificate, role, fingerprints })
                if keeps_identities(&self.plan, certificate, fingerprints) =>
            {
                self.renewal = (handshake.role() != *role)
                    .then(|| Handshake::new(now, certificate, *role, fingerprints).ok().map(Box::new))
                    .flatten();
            }
            (inner, plan) => {
                self.renewal = None;
                *inner = begin(now, plan);
            }
        }
        self.plan = plan;
        if self.state() != before {
            self.changed();
        }
    }

    /// What is really done.
    pub fn state(&self) -> SecurityState {
        match &self.inner {
            Inner::Clear => SecurityState::Clear,
            Inner::Srtp(srtp) | Inner::Shaken(_, srtp) => SecurityState::On(srtp.suite()),
            Inner::Shaking(_) => SecurityState::Waiting,
            Inner::Failed(trouble) => SecurityState::Failed(*trouble),
        }
    }

    /// Whether a packet that [`Self::unprotect`] takes is proven to be the other side's.
    pub fn is_authenticating(&self) -> bool {
        matches!(self.inner, Inner::Srtp(_) | Inner::Shaken(..))
    }

    /// Makes a packet ready to be sent.
    ///
    /// # Errors
    /// It must not be sent.
    pub fn protect(&mut self, kind: PacketKind, packet: &mut Vec<u8>) -> Result<(), Unprotected> {
        match (&mut self.inner, kind) {
            (Inner::Clear, _) => Ok(()),
            (Inner::Srtp(srtp) | Inner::Shaken(_, srtp), PacketKind::Rtp) => srtp.protect_rtp(packet),
            (Inner::Srtp(srtp) | Inner::Shaken(_, srtp), PacketKind::Rtcp) => srtp.protect_rtcp(packet),
            (Inner::Shaking(_), _) => Err(Unprotected::NoKeys),
            (Inner::Failed(_), _) => Err(Unprotected::Failed),
        }
    }

    /// Makes a packet that came readable.
    ///
    /// # Errors
    /// It must not be taken; what is left of it is of no use.
    pub fn unprotect(&mut self, kind: PacketKind, packet: &mut Vec<u8>) -> Result<(), Rejected> {
        match (&mut self.inner, kind) {
            (Inner::Clear, _) => Ok(()),
            (Inner::Srtp(srtp) | Inner::Shaken(_, srtp), PacketKind::Rtp) => srtp.unprotect_rtp(packet),
            (Inner::Srtp(srtp) | Inner::Shaken(_, srtp), PacketKind::Rtcp) => srtp.unprotect_rtcp(packet),
            (Inner::Shaking(_) | Inner::Failed(_), _) => Err(Rejected::NoKeys),
        }
    }

    /// Takes a datagram of the handshake (first octet 20 to 63, RFC 7983).
    pub fn receive_dtls(&mut self, now: Instant, datagram: &[u8]) {
        if let Some(renewal) = &mut self.renewal {
            let outcome = renewal.receive(now, datagram);
            return self.renew(outcome);
        }
        let outcome = match &mut self.inner {
            Inner::Shaking(handshake) | Inner::Shaken(handshake, _) => handshake.receive(now, datagram),
            _ => None,
        };
        self.settle(outcome);
    }

    /// A datagram of the handshake to send to where RTP goes. To be asked after each call that has the time.
    pub fn poll_dtls(&mut self) -> Option<Vec<u8>> {
        if let Some(datagram) = self.renewal.as_mut().and_then(|renewal| renewal.poll_transmit()) {
            return Some(datagram);
        }
        match &mut self.inner {
            Inner::Shaking(handshake) | Inner::Shaken(handshake, _) => handshake.poll_transmit(),
            _ => None,
        }
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let inner = match &self.inner {
            Inner::Shaking(handshake) => handshake.poll_timeout(),
            _ => None,
        };
        let renewal = self.renewal.as_ref().and_then(|renewal| renewal.poll_timeout());
        inner.into_iter().chain(renewal).min()
    }

    /// Repeats what was lost, or gives up.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some(renewal) = &mut self.renewal {
            let outcome = renewal.handle_timeout(now);
            self.renew(outcome);
        }
        let outcome = match &mut self.inner {
            Inner::Shaking(handshake) => handshake.handle_timeout(now),
            _ => None,
        };
        self.settle(outcome);
    }

    /// A change of [`Self::state`], from one in the clear on.
    pub fn poll_change(&mut self) -> Option<SecurityState> {
        self.changes.pop_front()
    }

    fn settle(&mut self, outcome: Option<Outcome>) {
        let Some(outcome) = outcome else { return };
        let inner = std::mem::replace(&mut self.inner, Inner::Failed(Trouble::HandshakeFailed));
        if let (Outcome::Keys { send, receive }, Inner::Shaking(handshake)) = (&outcome, inner)
            && let Some(srtp) = Srtp::new(send.clone(), receive.clone())
        {
            self.inner = Inner::Shaken(handshake, Box::new(srtp));
        } else if let Outcome::Failed(trouble) = outcome {
            self.inner = Inner::Failed(trouble);
        }
        self.changed();
    }

    /// A second handshake came to an end; one that failed leaves everything as it is.
    fn renew(&mut self, outcome: Option<Outcome>) {
        let Some(outcome) = outcome else { return };
        let before = self.state();
        if let (Outcome::Keys { send, receive }, Some(renewal)) = (outcome, self.renewal.take())
            && let Some(srtp) = Srtp::new(send, receive)
        {
            self.inner = Inner::Shaken(renewal, Box::new(srtp));
        }
        if self.state() != before {
            self.changed();
        }
    }

    fn changed(&mut self) {
        // Bounded by the calls that lead here: nobody reads more than the last one.
        self.changes.clear();
        self.changes.push_back(self.state());
    }
}

/// Whether both sides' certificates are those of before.
fn keeps_identities(before: &SecurityPlan, ours: &Certificate, theirs: &[Fingerprint]) -> bool {
    matches!(before, SecurityPlan::Dtls { certificate, fingerprints, .. }
        if certificate == ours && fingerprints == theirs)
}

fn begin(now: Instant, plan: &SecurityPlan) -> Inner {
    match plan {
        SecurityPlan::None => Inner::Clear,
        SecurityPlan::Sdes { send, receive } => match Srtp::new(send.clone(), receive.clone()) {
            Some(srtp) => Inner::Srtp(Box::new(srtp)),
            None => Inner::Failed(Trouble::HandshakeFailed),
        },
        SecurityPlan::Dtls { certificate, role, fingerprints } => {
            match Handshake::new(now, certificate, *role, fingerprints) {
                Ok(handshake) => Inner::Shaking(Box::new(handshake)),
                Err(trouble) => Inner::Failed(trouble),
            }
        }
    }
}

#[cfg(test)]
mod tests;

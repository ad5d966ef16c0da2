//! Two sides of a call on virtual time, with a network that loses.

use super::*;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::time::Duration;

fn rtp(sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 0x00];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0; 4]);
    packet.extend([0, 0, 0, 7]);
    packet.extend([1; 160]);
    packet
}

fn keys(octet: u8) -> Keys {
    Keys::new(Suite::AeadAes128Gcm, &[octet; 28], &[]).unwrap()
}

struct Sides {
    now: Instant,
    active: Secure,
    passive: Secure,
    random: StdRng,
    loss: f64,
}

impl Sides {
    fn new(active: SecurityPlan, passive: SecurityPlan) -> Sides {
        let now = Instant::now();
        let (active, passive) = (Secure::new(now, active), Secure::new(now, passive));
        Sides { now, active, passive, random: StdRng::seed_from_u64(3), loss: 0.0 }
    }

    /// Lets both speak for a while, 5 ms a step.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            for active in [true, false] {
                let (from, to) = match active {
                    true => (&mut self.active, &mut self.passive),
                    false => (&mut self.passive, &mut self.active),
                };
                if from.poll_timeout().is_some_and(|at| at <= self.now) {
                    from.handle_timeout(self.now);
                }
                while let Some(datagram) = from.poll_dtls() {
                    // RFC 7983: what tells it from RTP.
                    assert!((20..64).contains(&datagram[0]) && datagram.len() <= 1500);
                    if !self.random.random_bool(self.loss) {
                        to.receive_dtls(self.now, &datagram);
                    }
                }
            }
            self.now += Duration::from_millis(5);
        }
    }

    fn states(&self) -> [SecurityState; 2] {
        [self.active.state(), self.passive.state()]
    }
}

fn plan(certificate: &Certificate, role: Role, other: &Certificate) -> SecurityPlan {
    SecurityPlan::Dtls { certificate: certificate.clone(), role, fingerprints: vec![other.fingerprint()] }
}

fn certificates() -> (Certificate, Certificate) {
    (Certificate::generate().unwrap(), Certificate::generate().unwrap())
}

fn handshake() -> Sides {
    let (a, b) = certificates();
    Sides::new(plan(&a, Role::Active, &b), plan(&b, Role::Passive, &a))
}

#[test]
fn a_handshake_gives_both_sides_the_keys() {
    let mut sides = handshake();
    let mut packet = rtp(1);
    assert_eq!(sides.active.protect(PacketKind::Rtp, &mut packet), Err(Unprotected::NoKeys));
    assert_eq!(sides.passive.unprotect(PacketKind::Rtp, &mut packet), Err(Rejected::NoKeys));
    assert_eq!(sides.states(), [SecurityState::Waiting; 2]);
    sides.run(Duration::from_millis(100));
    assert_eq!(sides.states(), [SecurityState::On(Suite::AeadAes128Gcm); 2]);
    assert_eq!(sides.active.poll_change(), Some(SecurityState::On(Suite::AeadAes128Gcm)));
    sides.active.protect(PacketKind::Rtp, &mut packet).unwrap();
    sides.passive.unprotect(PacketKind::Rtp, &mut packet).unwrap();
    assert_eq!(packet, rtp(1));
    sides.passive.protect(PacketKind::Rtp, &mut packet).unwrap();
    sides.active.unprotect(PacketKind::Rtp, &mut packet).unwrap();
    assert_eq!(packet, rtp(1));
}

#[test]
fn lost_flights_are_repeated() {
    for seed in 0..20 {
        let mut sides = handshake();
        (sides.loss, sides.random) = (0.2, StdRng::seed_from_u64(seed));
        sides.run(Duration::from_secs(25));
        assert_eq!(sides.states(), [SecurityState::On(Suite::AeadAes128Gcm); 2], "seed {seed}");
    }
}

#[test]
fn another_certificate_than_announced_is_refused_on_either_side() {
    let (a, b) = certificates();
    let wrong = SecurityState::Failed(Trouble::WrongCertificate);
    let mut sides = Sides::new(plan(&a, Role::Active, &a), plan(&b, Role::Passive, &a));
    sides.run(Duration::from_secs(5));
    assert_eq!(sides.active.state(), wrong);
    assert!(!sides.passive.is_authenticating());
    let mut sides = Sides::new(plan(&a, Role::Active, &b), plan(&b, Role::Passive, &b));
    sides.run(Duration::from_secs(5));
    assert_eq!(sides.passive.state(), wrong);
    let mut packet = rtp(1);
    assert_eq!(sides.passive.protect(PacketKind::Rtp, &mut packet), Err(Unprotected::Failed));
    assert_eq!(sides.passive.unprotect(PacketKind::Rtp, &mut packet), Err(Rejected::NoKeys));
}

#[test]
fn who_never_answers_is_given_up() {
    let mut sides = handshake();
    sides.loss = 1.0;
    sides.run(Duration::from_secs(35));
    assert_eq!(sides.states(), [SecurityState::Failed(Trouble::NoAnswer); 2]);
    assert_eq!(sides.active.poll_timeout(), None);
}

#[test]
fn garbage_does_not_end_a_handshake() {
    let mut sides = handshake();
    let mut random = StdRng::seed_from_u64(1);
    for _ in 0..500 {
        let mut garbage: Vec<u8> = (0..random.random_range(0..80)).map(|_| random.random()).collect();
        if let Some(first) = garbage.first_mut() {
            *first = random.random_range(20..64);
        }
        sides.active.receive_dtls(sides.now, &garbage);
        sides.passive.receive_dtls(sides.now, &garbage);
    }
    sides.run(Duration::from_secs(3));
    assert_eq!(sides.states(), [SecurityState::On(Suite::AeadAes128Gcm); 2]);
}

#[test]
fn an_offer_that_changes_nothing_goes_on_with_the_same_keys() {
    let (a, b) = certificates();
    let mut sides = Sides::new(plan(&a, Role::Active, &b), plan(&b, Role::Passive, &a));
    sides.run(Duration::from_millis(100));
    sides.active.update(sides.now, plan(&a, Role::Active, &b));
    assert!(sides.active.is_authenticating());
    // Another certificate is another handshake.
    sides.active.update(sides.now, plan(&a, Role::Active, &a));
    assert_eq!(sides.active.state(), SecurityState::Waiting);
}

/// Linphone says in a hold that it begins, and keeps the association that it did not begin.
#[test]
fn who_changes_the_roles_and_does_nothing_more_is_still_heard() {
    let (a, b) = certificates();
    let mut sides = Sides::new(plan(&a, Role::Active, &b), plan(&b, Role::Passive, &a));
    sides.run(Duration::from_millis(100));
    sides.active.update(sides.now, plan(&a, Role::Passive, &b));
    // As long as a handshake is waited for, and longer.
    sides.run(Duration::from_secs(60));
    assert_eq!(sides.states(), [SecurityState::On(Suite::AeadAes128Gcm); 2]);
    let mut packet = rtp(1);
    sides.passive.protect(PacketKind::Rtp, &mut packet).unwrap();
    sides.active.unprotect(PacketKind::Rtp, &mut packet).unwrap();
    assert_eq!(packet, rtp(1));
}

/// RFC 8842 section 3.1: other roles, another association.
#[test]
fn who_changes_the_roles_and_means_it_gets_other_keys() {
    let (a, b) = certificates();
    let mut sides = Sides::new(plan(&a, Role::Active, &b), plan(&b, Role::Passive, &a));
    sides.run(Duration::from_millis(100));
    let mut old = rtp(1);
    sides.passive.protect(PacketKind::Rtp, &mut old).unwrap();
    sides.active.update(sides.now, plan(&a, Role::Passive, &b));
    sides.passive.update(sides.now, plan(&b, Role::Active, &a));
    sides.run(Duration::from_millis(100));
    assert_eq!(sides.states(), [SecurityState::On(Suite::AeadAes128Gcm); 2]);
    for packet in [1, 2] {
        let mut sealed = rtp(packet);
        sides.passive.protect(PacketKind::Rtp, &mut sealed).unwrap();
        sides.active.unprotect(PacketKind::Rtp, &mut sealed).unwrap();
        assert_eq!(sealed, rtp(packet));
    }
    assert!(sides.active.unprotect(PacketKind::Rtp, &mut old).is_err(), "the old keys are gone");
}

#[test]
fn keys_of_a_description_are_on_at_once_and_may_change() {
    let sdes = |send, receive| SecurityPlan::Sdes { send: keys(send), receive: keys(receive) };
    let mut sides = Sides::new(sdes(1, 2), sdes(2, 1));
    let exchange = |sides: &mut Sides, sequence| {
        let mut packet = rtp(sequence);
        sides.active.protect(PacketKind::Rtp, &mut packet).unwrap();
        sides.passive.unprotect(PacketKind::Rtp, &mut packet)
    };
    assert_eq!(exchange(&mut sides, 1), Ok(()));
    sides.passive.update(sides.now, sdes(2, 3));
    assert_eq!(exchange(&mut sides, 2), Err(Rejected::Forged));
    sides.active.update(sides.now, sdes(3, 2));
    assert_eq!(exchange(&mut sides, 3), Ok(()));
    // A plain agreement is obeyed, too: whether it may come to that is decided where it is agreed.
    sides.active.update(sides.now, SecurityPlan::None);
    assert_eq!(sides.active.poll_change(), Some(SecurityState::Clear));
    let mut packet = rtp(4);
    sides.active.protect(PacketKind::Rtp, &mut packet).unwrap();
    assert_eq!(packet, rtp(4));
    assert!(sides.passive.unprotect(PacketKind::Rtp, &mut packet).is_err());
}

//! Hold and resume by the direction of the audio (RFC 3264 8.4).

use crate::wire::sdp::{Attribute, Direction, SessionDescription};

/// The same description with the audio in another direction: ours, to put the other side on hold or take it back.
pub fn with_direction(description: &SessionDescription, direction: Direction) -> SessionDescription {
    let mut changed = description.clone();
    changed.attributes.retain(|a| !is_direction(a));
    for media in changed.media.iter_mut().filter(|m| m.kind == "audio" && m.port != 0) {
        media.attributes.retain(|a| !is_direction(a));
        media.attributes.push(Attribute::flag(direction.as_str()));
    }
    changed
}

/// What to offer for hold or resume (RFC 3264 8.4): who holds still sends, unless the other side holds too and would
/// hear nothing. Resuming says what this side wants; a side that still holds answers with less.
pub fn wanted_direction(hold: bool, held_by_them: bool) -> Direction {
    match (hold, held_by_them) {
        (false, _) => Direction::SendRecv,
        (true, false) => Direction::SendOnly,
        (true, true) => Direction::Inactive,
    }
}

/// Whether a description of the other side puts this one on hold: it wants to hear nothing (RFC 3264 8.4), be it by a
/// direction or, as RFC 2543 did, by the address 0.0.0.0.
pub fn holds(theirs: &SessionDescription) -> bool {
    theirs.audio().is_some_and(|media| {
        let nowhere = theirs.connection_of(media).is_some_and(|ip| ip.is_unspecified());
        nowhere || !theirs.direction_of(media).reversed().sends()
    })
}

fn is_direction(attribute: &Attribute) -> bool {
    [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive]
        .iter()
        .any(|direction| attribute.name == direction.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::{
        answer, offer,
        tests::{capabilities, pcmu},
    };
    use super::*;
    use crate::wire::sdp::Connection;

    #[test]
    fn hold_is_recognised_and_said() {
        let ours = offer(&capabilities(4000, vec![pcmu()]));
        let said = |direction| with_direction(&ours, direction);
        assert_eq!(with_direction(&said(Direction::SendOnly), Direction::SendRecv), ours);
        for (direction, held) in [
            (Direction::SendRecv, false),
            (Direction::RecvOnly, false),
            (Direction::SendOnly, true),
            (Direction::Inactive, true),
        ] {
            assert_eq!(holds(&said(direction)), held, "{direction:?}");
        }
        let mut old = ours.clone();
        old.connection = Some(Connection::Ip("0.0.0.0".parse().unwrap()));
        assert!(holds(&old));
        // RFC 3264 8.4: held on both sides, nobody sends; the one who resumes first still hears nothing.
        let both = wanted_direction(true, true);
        assert_eq!((both, wanted_direction(true, false)), (Direction::Inactive, Direction::SendOnly));
        let mut held = capabilities(5000, vec![pcmu()]);
        held.direction = wanted_direction(true, true);
        let (_, agreed) = answer(&said(Direction::SendRecv), &held).unwrap();
        assert_eq!(agreed.direction, Direction::Inactive);
    }
}

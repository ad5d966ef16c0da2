//! What a stream of bytes from a TURN server is made of: STUN messages and ChannelData (RFC 8656 section 3.1, 12.5).
//!
//! Invariant: a frame is handed on whole and without the padding behind it, and no more than one unfinished frame waits.

/// STUN's header (RFC 8489 section 5), and ChannelData's (RFC 8656 section 12.4).
const STUN_HEADER: usize = 20;
const CHANNEL_HEADER: usize = 4;
const COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];

/// Bytes that are no frame's: where the next one begins nobody knows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// Frames on their way.
#[derive(Debug, Default)]
pub(super) struct Frames {
    waiting: Vec<u8>,
}

impl Frames {
    /// Takes what came and hands on each frame that is whole now.
    pub(super) fn take(&mut self, bytes: &[u8], mut frame: impl FnMut(Vec<u8>)) -> Result<(), Broken> {
        self.waiting.extend_from_slice(bytes);
        let mut rest = self.waiting.as_slice();
        while let Some((length, padded)) = lengths(rest)? {
            let (Some(whole), Some(behind)) = (rest.get(..length), rest.get(padded..)) else { break };
            frame(whole.to_vec());
            rest = behind;
        }
        self.waiting = rest.to_vec();
        Ok(())
    }
}

/// RFC 8656 section 12.5: over a stream ChannelData fills up to four bytes; STUN is of such a length.
pub(super) fn padded(mut frame: Vec<u8>) -> Vec<u8> {
    frame.resize(frame.len().next_multiple_of(4), 0);
    frame
}

/// The length of the frame that begins here, and that with its padding; `None` before its header is there.
fn lengths(bytes: &[u8]) -> Result<Option<(usize, usize)>, Broken> {
    let Some([first, _, high, low]) = bytes.first_chunk::<4>() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    match first >> 4 {
        0..=3 => match bytes.get(4..8) {
            Some(cookie) if cookie == COOKIE && length % 4 == 0 => {
                let length = STUN_HEADER.saturating_add(length);
                Ok(Some((length, length)))
            }
            Some(_) => Err(Broken),
            None => Ok(None),
        },
        // RFC 8656 section 12: channels are 0x4000 to 0x4FFF.
        4 => {
            let length = CHANNEL_HEADER.saturating_add(length);
            Ok(Some((length, length.next_multiple_of(4))))
        }
        _ => Err(Broken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stun(length: u8) -> Vec<u8> {
        let mut bytes = vec![1, 1, 0, length];
        bytes.extend_from_slice(&COOKIE);
        bytes.resize(20 + usize::from(length), 7);
        bytes
    }

    fn channel(length: u8) -> Vec<u8> {
        let mut bytes = vec![0x40, 0, 0, length];
        bytes.resize(4 + usize::from(length), 9);
        bytes
    }

    #[test]
    fn frames_come_whole_however_the_stream_is_cut() {
        let all = [stun(0), channel(5), channel(8), stun(12), channel(0), channel(1), stun(4)];
        let sent: Vec<u8> = all.iter().flat_map(|frame| padded(frame.clone())).collect();
        // RFC 8656 section 12.5: 5 bytes of data take 12, 8 take 12, 1 takes 8.
        assert_eq!(sent.len(), 20 + 12 + 12 + 32 + 4 + 8 + 24);
        for size in 1..=sent.len() {
            let (mut frames, mut came) = (Frames::default(), Vec::new());
            for part in sent.chunks(size) {
                assert_eq!(frames.take(part, |frame| came.push(frame)), Ok(()));
            }
            assert_eq!(came, all, "in parts of {size}");
            assert!(frames.waiting.is_empty());
        }
    }

    #[test]
    fn what_is_no_frame_ends_it() {
        let mut odd = stun(0);
        odd[3] = 3;
        let mut cookie = stun(0);
        cookie[5] = 0;
        for bad in [vec![0x80, 0, 0, 0], vec![0xFF; 9], odd, cookie, b"SSH-2.0-OpenSSH".to_vec()] {
            let mut came = 0;
            // Whatever stood before it is not lost.
            let bytes = [padded(channel(3)), bad].concat();
            assert_eq!(Frames::default().take(&bytes, |_| came += 1), Err(Broken));
            assert_eq!(came, 1);
        }
    }
}

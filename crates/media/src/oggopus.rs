//! Opus in Ogg files (RFC 7845): our recordings, and what others made.
//!
//! A recording holds two mono streams in one (channel mapping family 1, no coupled streams): a stereo coder would
//! share what two voices have in common, and one side would be heard on the other's channel. Each page holds a
//! second at most, so a file that is cut anywhere plays up to that second.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::time::Duration;

use ogg::{PacketReader, PacketWriteEndInfo, PacketWriter};
use opusic_c::{Application, Bitrate, Channels, Decoder, Encoder, ErrorCode, SampleRate, utils};

use crate::DEVICE_RATE;

/// Samples of a packet: 20 ms.
const FRAME: usize = 960;
/// Packets of a page: a second.
const PAGE: u32 = 50;
/// Bits a second of each channel: together 48 kbit/s.
const BITRATE: u32 = 24_000;
/// Longest packet of one stream (RFC 6716 section 3.2).
const MAX_PACKET: usize = 1_275;
/// Longest audio in one packet, samples: 120 ms (RFC 6716 section 3.2.5).
const MAX_SAMPLES: usize = 5_760;
/// Streams of one file that are played; more than eight channels are no call.
const MAX_STREAMS: u8 = 8;
/// Where the last page of a file is looked for: no page is longer.
const LONGEST_PAGE: u64 = 27 + 255 + 255 * 255;
const HEAD: &[u8; 8] = b"OpusHead";
const TAGS: &[u8; 8] = b"OpusTags";

/// Writes two channels.
pub(crate) struct OggOpusSink<W: Write> {
    pages: PacketWriter<'static, W>,
    serial: u32,
    sides: [Side; 2],
    skip: u64,
    /// Samples of each side that were given.
    given: u64,
    /// Samples of each side that are in packets.
    coded: u64,
    packets: u32,
}

struct Side {
    encoder: Encoder,
    waiting: Vec<f32>,
}

impl<W: Write> OggOpusSink<W> {
    /// Writes the head of a file. `serial` tells this stream from others, should files be joined.
    pub(crate) fn new(to: W, serial: u32) -> io::Result<Self> {
        let mut sides = [Side::new()?, Side::new()?];
        let [left, _] = &mut sides;
        let skip = left.encoder.get_look_ahead().map_err(failed)?;
        let mut sink = Self {
            pages: PacketWriter::new(to),
            serial,
            sides,
            skip: u64::from(skip),
            given: 0,
            coded: 0,
            packets: 0,
        };
        // RFC 7845 section 5.1: version, channels, pre-skip, rate, gain, family; two streams, none of them coupled.
        let mut head = HEAD.to_vec();
        head.extend([1, 2]);
        head.extend(u16::try_from(skip).unwrap_or(u16::MAX).to_le_bytes());
        head.extend(DEVICE_RATE.to_le_bytes());
        head.extend([0, 0, 1, 2, 0, 0, 1]);
        sink.pages.write_packet(head, serial, PacketWriteEndInfo::EndPage, 0)?;
        // Section 5.2: who wrote it, and no comments.
        let mut tags = TAGS.to_vec();
        tags.extend(4_u32.to_le_bytes());
        tags.extend(b"Tern");
        tags.extend(0_u32.to_le_bytes());
        sink.pages.write_packet(tags, serial, PacketWriteEndInfo::EndPage, 0)?;
        sink.pages.inner_mut().flush()?;
        Ok(sink)
    }

    /// Appends pairs of samples, left and right.
    pub(crate) fn write(&mut self, pairs: &[[f32; 2]]) -> io::Result<()> {
        let [left, right] = &mut self.sides;
        left.waiting.extend(pairs.iter().map(|[left, _]| left));
        right.waiting.extend(pairs.iter().map(|[_, right]| right));
        self.given += pairs.len() as u64;
        while self.sides.iter().all(|side| side.waiting.len() >= FRAME) {
            self.packets += 1;
            let page = self.packets.is_multiple_of(PAGE);
            self.packet(
                if page { PacketWriteEndInfo::EndPage } else { PacketWriteEndInfo::NormalPacket },
                None,
            )?;
            if page {
                self.pages.inner_mut().flush()?;
            }
        }
        Ok(())
    }

    /// Completes the file.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        // The coder holds back what the head tells players to skip: it comes out behind the last sample.
        let end = self.given + self.skip;
        loop {
            let last = self.coded + FRAME as u64 >= end;
            self.sides.iter_mut().for_each(|side| side.waiting.resize(FRAME, 0.0));
            if last {
                // RFC 7845 section 4: the last page's position says where the sound ends within its last packet.
                self.packet(PacketWriteEndInfo::EndStream, Some(end))?;
                return self.pages.inner_mut().flush();
            }
            self.packet(PacketWriteEndInfo::NormalPacket, None)?;
        }
    }

    fn packet(&mut self, end: PacketWriteEndInfo, position: Option<u64>) -> io::Result<()> {
        let [left, right] = &mut self.sides;
        let mut packet = delimited(&left.encode()?);
        packet.extend(right.encode()?);
        self.coded += FRAME as u64;
        self.pages.write_packet(packet, self.serial, end, position.unwrap_or(self.coded))
    }
}

impl Side {
    fn new() -> io::Result<Self> {
        let mut encoder =
            Encoder::new(Channels::Mono, SampleRate::Hz48000, Application::Audio).map_err(failed)?;
        encoder.set_bitrate(Bitrate::Value(BITRATE)).map_err(failed)?;
        Ok(Self { encoder, waiting: Vec::new() })
    }

    fn encode(&mut self) -> io::Result<Vec<u8>> {
        let mut packet = vec![0; MAX_PACKET];
        let frame = self.waiting.get(..FRAME).unwrap_or_default();
        let length = self.encoder.encode_float_to_slice(frame, &mut packet).map_err(failed)?;
        self.waiting.drain(..FRAME.min(self.waiting.len()));
        packet.truncate(length);
        Ok(packet)
    }
}

impl<W: Write> fmt::Debug for OggOpusSink<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OggOpusSink").field("given", &self.given).finish_non_exhaustive()
    }
}

/// Reads a file as mono: the mean of its streams, each mixed down.
pub(crate) struct OggOpusSource<R: Read + Seek> {
    pages: PacketReader<R>,
    serial: u32,
    streams: Vec<Decoder>,
    gain: f32,
    skip: u64,
    length: Duration,
    /// Samples given, counting those that are skipped.
    position: u64,
    end: Option<u64>,
    piece: Vec<f32>,
    sum: Vec<f32>,
}

impl<R: Read + Seek> OggOpusSource<R> {
    /// Reads the head; the error says what is wrong with the file.
    pub(crate) fn open(mut from: R) -> Result<Self, String> {
        let wrong = |error: &dyn fmt::Display| error.to_string();
        let end = last_position(&mut from).map_err(|error| wrong(&error))?;
        from.seek(SeekFrom::Start(0)).map_err(|error| wrong(&error))?;
        let mut pages = PacketReader::new(from);
        let first = pages.read_packet().map_err(|error| wrong(&error))?.ok_or("it is empty")?;
        let head = Head::parse(&first.data).ok_or("it holds no Opus")?;
        let streams = (0..head.streams)
            .map(|_| Decoder::new(Channels::Mono, SampleRate::Hz48000))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| error.message().to_owned())?;
        let samples = end.map_or(0, |end| end.saturating_sub(head.skip));
        Ok(Self {
            pages,
            serial: first.stream_serial(),
            streams,
            gain: head.gain / f32::from(head.streams),
            skip: head.skip,
            length: Duration::from_millis(samples.saturating_mul(1_000) / u64::from(DEVICE_RATE)),
            position: 0,
            end,
            piece: Vec::new(),
            sum: Vec::new(),
        })
    }

    /// How long its last page says it is.
    pub(crate) fn length(&self) -> Duration {
        self.length
    }

    /// Appends at least `count` samples unless the file ends before; false once it has ended. A file that is cut
    /// short ends with its last whole page.
    pub(crate) fn read(&mut self, count: usize, out: &mut Vec<f32>) -> bool {
        let goal = out.len() + count;
        while out.len() < goal {
            let packet = match self.pages.read_packet() {
                Ok(Some(packet)) if packet.stream_serial() == self.serial => packet,
                // Another stream beside or behind it is none of ours.
                Ok(Some(_)) => continue,
                Ok(None) | Err(_) => return false,
            };
            if packet.data.starts_with(TAGS) || !self.decode(&packet.data) {
                continue;
            }
            let before = self.position;
            self.position += self.sum.len() as u64;
            let from = usize::try_from(self.skip.saturating_sub(before)).unwrap_or(usize::MAX);
            let beyond = self.end.map_or(0, |end| self.position.saturating_sub(end));
            let to = self.sum.len().saturating_sub(usize::try_from(beyond).unwrap_or(usize::MAX));
            out.extend(self.sum.get(from..to).unwrap_or_default().iter().map(|s| s.clamp(-1.0, 1.0)));
        }
        true
    }

    /// The mean of all streams of a packet; false when it is none.
    fn decode(&mut self, packet: &[u8]) -> bool {
        self.sum.clear();
        let mut rest = packet;
        let last = self.streams.len().saturating_sub(1);
        for (i, decoder) in self.streams.iter_mut().enumerate() {
            let split;
            let own = if i == last {
                rest
            } else {
                let Some((own, behind)) = undelimited(rest) else { return false };
                split = own;
                rest = behind;
                split.as_slice()
            };
            let samples = utils::get_nb_samples(own, SampleRate::Hz48000).unwrap_or(0);
            if own.is_empty() || samples == 0 || samples > MAX_SAMPLES {
                return false;
            }
            self.piece.resize(samples, 0.0);
            let Ok(made) = decoder.decode_float_to_slice(own, &mut self.piece, false) else { return false };
            self.piece.truncate(made);
            self.sum.resize(self.sum.len().max(made), 0.0);
            self.sum.iter_mut().zip(&self.piece).for_each(|(sum, s)| *sum += s * self.gain);
        }
        true
    }
}

impl<R: Read + Seek> fmt::Debug for OggOpusSource<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OggOpusSource").field("position", &self.position).finish_non_exhaustive()
    }
}

/// What an `OpusHead` says that matters here.
struct Head {
    streams: u8,
    skip: u64,
    gain: f32,
}

impl Head {
    /// RFC 7845 section 5.1.
    fn parse(packet: &[u8]) -> Option<Self> {
        let rest = packet.strip_prefix(HEAD)?;
        let [version, channels, skip_low, skip_high, _, _, _, _, gain_low, gain_high, family, mapping @ ..] =
            rest
        else {
            return None;
        };
        // A reader of version 1 takes all of its major version.
        if version >> 4 != 0 || *channels == 0 {
            return None;
        }
        let streams = match (family, mapping) {
            (0, _) if *channels <= 2 => 1,
            (1 | 255, [streams, coupled, ..]) if *streams > 0 && coupled <= streams => *streams,
            _ => return None,
        };
        let gain = f32::from(i16::from_le_bytes([*gain_low, *gain_high])) / 256.0;
        (streams <= MAX_STREAMS).then(|| Self {
            streams,
            skip: u64::from(u16::from_le_bytes([*skip_low, *skip_high])),
            gain: 10_f32.powf(gain / 20.0),
        })
    }
}

/// The position that the last whole page of a file tells.
fn last_position(file: &mut (impl Read + Seek)) -> io::Result<Option<u64>> {
    let length = file.seek(SeekFrom::End(0))?;
    // Two pages' worth: the last one may be cut short.
    let start = length.saturating_sub(2 * LONGEST_PAGE);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.take(2 * LONGEST_PAGE).read_to_end(&mut tail)?;
    let position = |at: usize| {
        let header = tail.get(at..)?.first_chunk::<27>()?;
        let [b'O', b'g', b'g', b'S', 0, _, position @ ..] = header else { return None };
        let segments = usize::from(*header.last()?);
        let lacing = tail.get(at + 27..at + 27 + segments)?;
        let body: usize = lacing.iter().map(|length| usize::from(*length)).sum();
        tail.get(at + 27 + segments..at + 27 + segments + body)?;
        let position = u64::from_le_bytes(*position.first_chunk::<8>()?);
        // RFC 3533 section 6: no packet ends on such a page.
        (position != u64::MAX).then_some(position)
    };
    Ok((0..tail.len()).rev().find_map(position))
}

/// A packet with its own length in it (RFC 6716 appendix B). Ours hold one frame each (code 0).
fn delimited(packet: &[u8]) -> Vec<u8> {
    let (toc, frame) = packet.split_at(packet.len().min(1));
    let mut out = toc.to_vec();
    write_length(frame.len(), &mut out);
    out.extend_from_slice(frame);
    out
}

/// The first packet of several in one, as it stands alone, and what is behind it (RFC 6716 appendix B). Packets of
/// code 3 have a frame count of their own and are met in no file of two channels we know of; they are not read.
fn undelimited(packet: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (toc, rest) = packet.split_first()?;
    let mut own = vec![*toc];
    let (body, rest) = match toc & 3 {
        0 => {
            let (length, rest) = read_length(rest)?;
            rest.split_at_checked(length)?
        }
        1 => {
            let (length, rest) = read_length(rest)?;
            rest.split_at_checked(2 * length)?
        }
        2 => {
            let (first, rest) = read_length(rest)?;
            let (second, rest) = read_length(rest)?;
            write_length(first, &mut own);
            rest.split_at_checked(first + second)?
        }
        _ => return None,
    };
    own.extend_from_slice(body);
    Some((own, rest))
}

/// RFC 6716 section 3.2.1.
fn read_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    if *first < 252 {
        return Some((usize::from(*first), rest));
    }
    let (second, rest) = rest.split_first()?;
    Some((usize::from(*second) * 4 + usize::from(*first), rest))
}

fn write_length(length: usize, out: &mut Vec<u8>) {
    let length = length.min(MAX_PACKET);
    if length < 252 {
        out.push(length as u8);
    } else {
        let first = 252 + (length & 3);
        out.extend([first as u8, ((length - first) / 4) as u8]);
    }
}

fn failed(error: ErrorCode) -> io::Error {
    io::Error::other(error.message())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn tone(hz: f32, i: usize) -> f32 {
        0.4 * (i as f32 * hz * std::f32::consts::TAU / 48_000.0).sin()
    }

    fn file(seconds: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut sink = OggOpusSink::new(&mut bytes, 7).unwrap();
        let pairs: Vec<[f32; 2]> =
            (0..seconds * 48_000).map(|i| [tone(500.0, i), tone(1_300.0, i)]).collect();
        pairs.chunks(1_000).for_each(|lot| sink.write(lot).unwrap());
        sink.finish().unwrap();
        bytes
    }

    fn read(bytes: &[u8]) -> Vec<f32> {
        let mut source = OggOpusSource::open(Cursor::new(bytes)).unwrap();
        let mut out = Vec::new();
        while source.read(700, &mut out) {}
        out
    }

    /// Share of a frequency's amplitude.
    fn strength(samples: &[f32], hz: f32) -> f32 {
        let (mut re, mut im) = (0.0, 0.0);
        for (i, sample) in samples.iter().enumerate() {
            let angle = i as f32 * hz * std::f32::consts::TAU / 48_000.0;
            re += sample * angle.cos();
            im += sample * angle.sin();
        }
        2.0 * (re * re + im * im).sqrt() / samples.len() as f32
    }

    #[test]
    fn both_sides_are_read_back_sample_for_sample_in_time() {
        let bytes = file(3);
        let source = OggOpusSource::open(Cursor::new(&bytes)).unwrap();
        assert_eq!(source.length(), Duration::from_secs(3));
        let heard = read(&bytes);
        assert_eq!(heard.len(), 3 * 48_000);
        let middle = &heard[48_000..96_000];
        assert!((strength(middle, 500.0) - 0.2).abs() < 0.02, "the mean of the two");
        assert!((strength(middle, 1_300.0) - 0.2).abs() < 0.02);
    }

    #[test]
    fn one_side_is_not_heard_on_the_others_channel() {
        let bytes = file(2);
        let mut pages = PacketReader::new(Cursor::new(&bytes));
        let mut sides = [(); 2].map(|()| Decoder::new(Channels::Mono, SampleRate::Hz48000).unwrap());
        let mut heard = [Vec::new(), Vec::new()];
        while let Ok(Some(packet)) = pages.read_packet() {
            let Some((left, right)) = undelimited(&packet.data).filter(|_| packet.data[0] != b'O') else {
                continue;
            };
            for (side, (decoder, bytes)) in sides.iter_mut().zip([&left[..], right]).enumerate() {
                let mut piece = [0.0; FRAME];
                decoder.decode_float_to_slice(bytes, &mut piece, false).unwrap();
                heard[side].extend_from_slice(&piece);
            }
        }
        let [left, right] = heard.map(|side| side[24_000..72_000].to_vec());
        assert!(strength(&left, 500.0) > 0.3 && strength(&left, 1_300.0) < 0.004);
        assert!(strength(&right, 1_300.0) > 0.3 && strength(&right, 500.0) < 0.004);
    }

    #[test]
    fn a_file_cut_anywhere_plays_to_its_last_whole_second() {
        let bytes = file(5);
        for cut in (0..bytes.len()).step_by(487).chain([bytes.len() - 1]) {
            let part = &bytes[..cut];
            let Ok(mut source) = OggOpusSource::open(Cursor::new(part)) else {
                assert!(cut < 200, "{cut}: only a file without its head is none");
                continue;
            };
            let mut out = Vec::new();
            while source.read(960, &mut out) {}
            let whole = cut * 5 / bytes.len();
            assert!(out.len() + 48_000 + 960 >= whole * 48_000, "{cut}: {}", out.len());
            assert_eq!(source.length().as_millis(), out.len() as u128 / 48, "{cut}");
        }
    }

    #[test]
    fn garbage_is_no_file_and_never_a_panic() {
        let good = file(1);
        let mut state = 9_u32;
        let mut random = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 8
        };
        for _ in 0..300 {
            let mut bad = good.clone();
            for _ in 0..1 + random() % 20 {
                let at = random() as usize % bad.len();
                bad[at] = random() as u8;
            }
            if let Ok(mut source) = OggOpusSource::open(Cursor::new(&bad)) {
                let mut out = Vec::new();
                while source.read(960, &mut out) && out.len() < 1_000_000 {}
            }
        }
        assert!(OggOpusSource::open(Cursor::new(b"OggS")).is_err());
        for packet in [&[][..], &[0], &[2, 255], &[2, 1, 252], &[1, 200, 1], &[3, 1, 1]] {
            assert!(undelimited(packet).is_none());
        }
    }

    #[test]
    fn lengths_are_written_as_the_rfc_has_them() {
        for length in [0, 1, 251, 252, 255, 256, 1_000, 1_275] {
            let mut out = Vec::new();
            write_length(length, &mut out);
            assert_eq!(read_length(&out), Some((length, &[][..])));
            assert_eq!(out.len(), if length < 252 { 1 } else { 2 });
        }
    }
}

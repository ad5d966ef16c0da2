//! The thread that owns a call's sockets together with its media session.

use std::{
    io,
    sync::mpsc as commands,
    time::{Duration, Instant},
};

use tern_media::{Digit, PacketKind, Session, SessionEvent, StreamEvent, StreamStats, rtp};
use tokio::sync::mpsc;

use super::{Say, figures, peer::Peer, sockets::Sockets};
use crate::{
    api::{CallId, ErrorCode, ErrorView},
    core::{Input, MediaPlan, MediaReport},
    ports::Audio,
};

/// How long a digit sounds.
const DIGIT: Duration = Duration::from_millis(160);
/// Datagrams taken at a time before the sound is looked after again.
const BURST: u32 = 64;

pub(super) struct Sounding {
    pub(super) call: CallId,
    pub(super) sockets: Sockets,
    pub(super) said: commands::Receiver<Say>,
    pub(super) inputs: mpsc::Sender<Input>,
}

impl Sounding {
    pub(super) fn run(mut self, mut plan: Box<MediaPlan>, audio: &dyn Audio) {
        let opened = audio.open(plan.microphone.as_deref(), plan.speaker.as_deref());
        if let Some(code) = opened.trouble {
            self.tell(MediaReport::Trouble(ErrorView::new(code)));
        }
        let mut session = match Session::open(plan.stream.clone(), &opened.source, &opened.sink) {
            Ok(session) => session,
            Err(error) => {
                tracing::error!(%error, "a call's sound can't be set up");
                self.tell(MediaReport::Trouble(ErrorView::new(ErrorCode::NoCommonCodec)));
                self.tell_last(StreamStats::default());
                return;
            }
        };
        session.set_sending(plan.sending);
        session.set_muted(plan.muted);
        let mut peer = Peer::new(&plan);
        let mut buffer = [0; 2048];
        let mut next_figures = Instant::now();
        loop {
            loop {
                match self.said.try_recv() {
                    Ok(Say::Mute(muted)) => session.set_muted(muted),
                    Ok(Say::Digit(digit)) => {
                        if let Some(digit) = Digit::from_char(digit)
                            && let Err(error) = session.send_dtmf(digit, DIGIT)
                        {
                            tracing::info!(%error, "a digit was not sent");
                        }
                    }
                    Ok(Say::Sockets(sockets)) => {
                        self.sockets = *sockets;
                        // Where its packets come from is to be heard anew.
                        peer = Peer::new(&plan);
                    }
                    Ok(Say::Plan(new)) => {
                        if differs(&plan, &new) {
                            match Session::open(new.stream.clone(), &opened.source, &opened.sink) {
                                Ok(fresh) => session = fresh,
                                Err(error) => tracing::error!(%error, "a call's sound can't be changed"),
                            }
                            session.set_muted(new.muted);
                        }
                        session.set_sending(new.sending);
                        if (new.remote, new.remote_rtcp) != (plan.remote, plan.remote_rtcp) {
                            peer = Peer::new(&new);
                        }
                        plan = new;
                    }
                    Err(commands::TryRecvError::Empty) => break,
                    Err(commands::TryRecvError::Disconnected) => {
                        let now = Instant::now();
                        session.close(now);
                        session.tick(now);
                        self.send(&mut session, &peer);
                        self.tell_last(session.stats());
                        return;
                    }
                }
            }
            let now = Instant::now();
            let wake = session.tick(now);
            self.send(&mut session, &peer);
            while let Some(event) = session.poll_event() {
                self.report(event);
            }
            if now >= next_figures {
                self.tell(MediaReport::Stats(figures(&session.stats())));
                next_figures = now.checked_add(Duration::from_secs(1)).unwrap_or(now);
            }
            self.sockets.wait(wake);
            self.receive(&mut session, &mut peer, &mut buffer);
        }
    }

    /// Takes what has come.
    fn receive(&self, session: &mut Session, peer: &mut Peer, buffer: &mut [u8]) {
        for _ in 0..BURST {
            let Ok((length, from)) = self.sockets.rtcp.recv_from(buffer) else { break };
            if let Some(datagram) = buffer.get(..length).filter(|_| peer.takes_rtcp(from)) {
                session.receive(Instant::now(), datagram);
            }
        }
        for _ in 0..BURST {
            match self.sockets.rtp.recv_from(buffer) {
                Ok((length, from)) => {
                    let now = Instant::now();
                    if let Some(datagram) = buffer.get(..length)
                        && let Ok((header, _)) = rtp::parse(datagram)
                        && peer.takes(now, from, &header)
                    {
                        session.receive(now, datagram);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // A refused packet of ours is told on the next read; the other side may just not be ready.
                Err(_) => {}
            }
        }
    }

    fn send(&self, session: &mut Session, peer: &Peer) {
        while let Some(packet) = session.poll_packet() {
            let (socket, remote) = match packet.kind {
                PacketKind::Rtp => (&self.sockets.rtp, peer.rtp()),
                PacketKind::Rtcp => (&self.sockets.rtcp, peer.rtcp()),
            };
            if let Some(remote) = remote {
                // What the network refuses is loss like any other.
                let _ = socket.send_to(&packet.bytes, remote);
            }
        }
    }

    fn report(&self, event: SessionEvent) {
        match event {
            SessionEvent::Stream(StreamEvent::MediaStarted) => self.tell(MediaReport::Started),
            SessionEvent::Stream(StreamEvent::DtmfReceived { digit, .. }) => {
                self.tell(MediaReport::Digit(digit.as_char()));
            }
            SessionEvent::Stream(_) => {}
            SessionEvent::SourceFinished => self.tell(MediaReport::SourceFinished),
            SessionEvent::CaptureFailed(error) => {
                self.tell(MediaReport::Trouble(trouble(&error, ErrorCode::NoMicrophone)));
            }
            SessionEvent::PlaybackFailed(error) => {
                self.tell(MediaReport::Trouble(trouble(&error, ErrorCode::NoSpeaker)));
            }
        }
    }

    fn tell(&self, report: MediaReport) {
        let _ = self.inputs.try_send(Input::Media(self.call.clone(), report));
    }

    fn tell_last(&self, stats: StreamStats) {
        // The sound is over: now there is time to wait. An engine that has ended needs no figures.
        let _ =
            self.inputs.blocking_send(Input::Media(self.call.clone(), MediaReport::Closed(figures(&stats))));
    }
}

fn trouble(error: &tern_media::AudioError, missing: ErrorCode) -> ErrorView {
    let code = match error {
        tern_media::AudioError::NoDevice(_) | tern_media::AudioError::NoDeviceSupport => missing,
        _ => ErrorCode::AudioDeviceFailed,
    };
    ErrorView::with_detail(code, error.to_string())
}

/// Whether the sound itself is to be made anew, and not only sent elsewhere. The seed always differs.
fn differs(old: &MediaPlan, new: &MediaPlan) -> bool {
    let (a, b) = (&old.stream, &new.stream);
    a.send != b.send
        || a.receive != b.receive
        || a.send_events != b.send_events
        || a.receive_events != b.receive_events
        || a.packet_ms != b.packet_ms
}

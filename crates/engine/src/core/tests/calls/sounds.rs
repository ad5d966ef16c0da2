//! What is heard besides the other side: rings, tones of busy and failed calls, recordings that are played, the sound check.

use super::*;

#[test]
fn a_ring_sounds_where_the_settings_say_and_follows_them() {
    let mut two = Two::new();
    let ringer = Some("bell".to_owned());
    let settings = Settings { ringer, ring_everywhere: false, ..two.bench.state.settings().clone() };
    two.command(Command::ChangeSettings { settings: settings.clone() }).unwrap();
    two.ring_us();
    let mut places = || {
        two.bench.take(|e| match e {
            Effect::Tone(tone) => Ok(tone.map(|(tone, place, _)| (tone, place))),
            other => Err(other),
        })
    };
    assert_eq!(places(), [Some((RingTone::Ring, RingPlace::Device("bell".into())))]);
    let settings = Settings { ring_everywhere: true, ..settings };
    two.command(Command::ChangeSettings { settings }).unwrap();
    let places = two.bench.take(|e| match e {
        Effect::Tone(tone) => Ok(tone.map(|(tone, place, _)| (tone, place))),
        other => Err(other),
    });
    assert_eq!(places, [Some((RingTone::Ring, RingPlace::Everywhere))]);
}

#[test]
fn missing_sound_does_not_end_a_call() {
    let mut two = Two::new();
    let (call, theirs) = two.ring_them();
    two.accept_there(theirs);
    let error = crate::api::ErrorView::new(ErrorCode::NoMicrophone);
    two.bench.give(Input::Media(call, MediaReport::Trouble(error.clone())));
    two.settle();
    assert_eq!((two.last().state, two.last().audio_trouble.clone()), (CallState::Connected, Some(error)));
}

#[test]
fn digits_and_mute_reach_the_sound() {
    let mut two = Two::new();
    let (call, theirs) = two.ring_them();
    let early = two.bench.command(Command::SendDigit { call: call.clone(), digit: '5' });
    assert!(two.bench.reply_to(early).unwrap().is_err());
    two.accept_there(theirs);
    two.bench.command(Command::SendDigit { call: call.clone(), digit: '#' });
    let wrong = two.bench.command(Command::SendDigit { call: call.clone(), digit: 'x' });
    assert!(two.bench.reply_to(wrong).unwrap().is_err());
    two.bench.command(Command::MuteCall { call, muted: true });
    two.settle();
    let done = two.bench.take(|e| match e {
        Effect::Digit(_, digit) => Ok(format!("digit {digit}")),
        Effect::Mute(_, muted) => Ok(format!("muted {muted}")),
        other => Err(other),
    });
    assert_eq!(done, ["digit #", "muted true"]);
    assert!(two.last().muted);
}

#[test]
fn a_recording_is_shown_while_it_goes_on_and_its_failure_told() {
    let mut two = Two::new();
    let (call, _) = two.talking();
    let record = |on| Command::RecordCall { call: CallId(1), on, path: Some("/r/x.opus".into()) };
    assert_eq!(two.command(record(true)), Ok(Reply::Done {}));
    two.command(record(true)).unwrap();
    let asked = two.bench.take(|e| match e {
        Effect::Record { call, format, tone, .. } => Ok((call, format, tone)),
        other => Err(other),
    });
    assert_eq!(asked, [(call.clone(), tern_media::RecordFormat::Opus, true)], "asked for once");
    assert_eq!(two.view(&call).recording, None, "not before there is a file");
    two.bench.give(Input::Media(call.clone(), MediaReport::RecordingStarted("/r/x.opus".into())));
    assert_eq!(two.view(&call).recording.unwrap().path, "/r/x.opus");
    let full = ErrorView::new(ErrorCode::RecordingFailed);
    two.bench.give(Input::Media(call.clone(), MediaReport::RecordingFailed(full.clone())));
    let view = two.view(&call);
    assert_eq!((view.recording, view.state), (None, CallState::Connected), "the call goes on");
    let told = two.bench.events().into_iter().any(
        |e| matches!(e, EventKind::NoticeRaised { notice: Notice::Trouble { error, .. } } if error == full),
    );
    assert!(told);
    let unnamed = Command::RecordCall { call: call.clone(), on: true, path: None };
    assert_eq!(two.command(unnamed), Err(ErrorCode::RecordingFailed), "no folder is known");
}

#[test]
fn what_is_played_is_shown_until_its_end() {
    let mut two = Two::new();
    two.command(Command::PlayFile { path: "/r/x.wav".into() }).unwrap();
    assert!(two.bench.effects.iter().any(|e| matches!(e, Effect::Play(path) if path.ends_with("x.wav"))));
    let view = crate::api::PlayingView { path: "/r/x.wav".into(), position_ms: 0, length_ms: 9 };
    two.bench.give(Input::Played(Ok(Some(view.clone()))));
    two.bench.give(Input::Played(Ok(None)));
    let told = two.bench.events().into_iter().filter_map(|e| match e {
        EventKind::PlayingChanged { playing } => Some(playing),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [Some(view), None]);
    two.command(Command::StopPlaying {}).unwrap();
    assert!(two.bench.effects.iter().any(|e| matches!(e, Effect::StopPlaying)));
}

/// How a call that the other side refuses with `code` is heard to end.
fn refused(code: u16) -> Two {
    let mut two = Two::new();
    let (call, theirs) = two.ring_them();
    assert_eq!(two.tones(), [Some(RingTone::Ringback)]);
    two.peer.reject(two.bench.now.instant, theirs, SipReply::new(code)).unwrap();
    two.settle();
    two.close_media(&call);
    two
}

#[test]
fn a_refusal_is_heard_for_three_seconds_as_busy_or_as_failed() {
    for (code, tone) in [
        (486, RingTone::Busy),
        (600, RingTone::Busy),
        (603, RingTone::Busy),
        (404, RingTone::Congestion),
        (480, RingTone::Congestion),
        (503, RingTone::Congestion),
    ] {
        let mut two = refused(code);
        assert_eq!(two.tones(), [Some(tone)], "{code}");
        two.wait(Duration::from_millis(2_900));
        assert_eq!(two.tones(), [], "{code}");
        two.wait(Duration::from_millis(200));
        assert_eq!(two.tones(), [None], "{code}");
    }
}

#[test]
fn tones_are_those_of_the_country_of_the_accounts_numbers() {
    use tern_media::NationalTones::{Europe, NorthAmerica, UnitedKingdom};
    for (country, whose) in [("US", NorthAmerica), ("GB", UnitedKingdom), ("DE", Europe)] {
        let mut two = Two::new();
        let account = two.bench.state.accounts.get_mut(&DIRECT).unwrap();
        account.numbers = vec![tern_provider::types::Number { country: country.into(), ..super::number() }];
        let (call, theirs) = two.ring_them();
        two.peer.reject(two.bench.now.instant, theirs, SipReply::new(486)).unwrap();
        two.settle();
        two.close_media(&call);
        let heard = two.bench.take(|e| match e {
            Effect::Tone(tone) => Ok(tone.map(|(tone, _, whose)| (tone, whose))),
            other => Err(other),
        });
        assert_eq!(heard, [Some((RingTone::Ringback, whose)), Some((RingTone::Busy, whose))], "{country}");
    }
}

#[test]
fn what_tells_of_an_end_gives_way_to_the_next_call() {
    let mut two = refused(486);
    assert_eq!(two.tones(), [Some(RingTone::Busy)]);
    let target = String::from("sip:bob@127.0.0.1:5070");
    two.bench.command(Command::PlaceCall { account: DIRECT, target, show: None });
    assert_eq!(two.tones(), [None]);
    two.wait(Duration::from_millis(500));
    assert_eq!(two.tones(), []);
}

#[test]
fn who_hangs_up_or_gives_up_hears_nothing() {
    let mut two = Two::new();
    let (call, _) = two.ring_them();
    two.bench.command(Command::HangUpCall { call: call.clone() });
    two.settle();
    two.close_media(&call);
    assert_eq!(two.tones(), [Some(RingTone::Ringback), None]);
    let mut two = Two::new();
    let (call, theirs) = two.talking();
    two.tones();
    two.peer.hang_up(two.bench.now.instant, theirs).unwrap();
    two.settle();
    two.close_media(&call);
    assert_eq!(two.tones(), [], "the other side took its leave");
}

#[test]
fn the_sound_is_checked_until_a_call_comes_or_two_minutes_have_gone() {
    let mut two = Two::new();
    let checks = |two: &mut Two| {
        two.bench.take(|e| match e {
            Effect::CheckSound(on) => Ok(on),
            other => Err(other),
        })
    };
    let ends = |two: &mut Two| {
        let events = two.bench.events();
        events.iter().filter(|e| matches!(e, EventKind::SoundChecked { check: None })).count()
    };
    two.command(Command::TestMicrophone { on: true }).unwrap();
    assert_eq!(checks(&mut two), [true]);
    let levels = crate::api::SoundCheckView { level_in: 0.5, level_out: 0.25, trouble: None };
    two.bench.give(Input::Checked(levels.clone()));
    assert!(two.bench.events().contains(&EventKind::SoundChecked { check: Some(levels.clone()) }));
    two.bench.wait(Duration::from_secs(119));
    assert!(checks(&mut two).is_empty());
    assert_eq!(ends(&mut two), 0);
    two.bench.wait(Duration::from_secs(2));
    assert_eq!((checks(&mut two), ends(&mut two)), (vec![false], 1));
    two.bench.give(Input::Checked(levels));
    assert_eq!(two.bench.events(), [], "what was under way is no news");

    two.command(Command::TestMicrophone { on: true }).unwrap();
    assert_eq!(checks(&mut two), [true]);
    let target = String::from("sip:bob@127.0.0.1:5070");
    two.bench.command(Command::PlaceCall { account: DIRECT, target, show: None });
    assert_eq!((checks(&mut two), ends(&mut two)), (vec![false], 1));
    assert_eq!(two.command(Command::TestMicrophone { on: true }), Err(ErrorCode::SoundInUse));
    two.command(Command::TestMicrophone { on: false }).unwrap();
    assert!(checks(&mut two).is_empty());
}

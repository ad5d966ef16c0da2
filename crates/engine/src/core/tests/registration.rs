//! Accounts and their registration, against a registrar of a few lines.

use std::net::SocketAddr;

use tern_sip::{
    Listener, Transport as SipTransport,
    wire::{HeaderAccess as _, Message as SipMessage, Method, Request, Response, parse_datagram},
};

use super::*;
use crate::{
    api::{
        ErrorCode, MediaOptions, MediaSecurity, NewAccount, RegistrationState, Secret as ApiSecret, Transport,
    },
    ports::SecretsError,
};

fn local() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 40_000))
}

fn registrar() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 5060))
}

fn plain() -> Loaded {
    let profile = Profile { provider_url: None, ..profile(false) };
    loaded(LoadedAccount { numbers: Vec::new(), cursor: None, ..left_account(profile) })
}

fn secret(bench: &mut Bench, result: Result<Option<Secret>, SecretsError>) {
    bench.give(Input::Secret(ACCOUNT, SecretKind::SipPassword, result));
}

/// Opens the socket that was asked for last.
fn open(bench: &mut Bench) -> u32 {
    let lines = bench.take(|e| match e {
        Effect::OpenLine { line, attempt, .. } => Ok((line, attempt)),
        other => Err(other),
    });
    let (line, attempt) = *lines.last().expect("no socket was asked for");
    let listener = Listener { transport: SipTransport::Udp, address: local() };
    bench.give(Input::Line { account: ACCOUNT, line, attempt, result: Ok(vec![listener]) });
    line
}

fn sent(bench: &mut Bench) -> Vec<Request> {
    bench
        .take(|e| match e {
            Effect::Send { bytes, .. } => Ok(bytes),
            other => Err(other),
        })
        .iter()
        .map(|bytes| match parse_datagram(bytes) {
            Ok(SipMessage::Request(request)) => request,
            other => panic!("{other:?}"),
        })
        // Voicemail is asked for beside it.
        .filter(|request| request.method != Method::SUBSCRIBE)
        .collect()
}

fn answer(bench: &mut Bench, line: u32, request: &Request, code: u16) {
    let mut response = Response::to(request, code, Some("tag"));
    if code == 401 {
        response.headers.add(
            "WWW-Authenticate",
            "Digest realm=\"sip.example\", nonce=\"abc\", algorithm=MD5, qop=\"auth\"",
        );
    } else if code == 200 {
        let contact = request.headers.first("Contact").unwrap().to_owned();
        response.headers.add("Contact", contact);
        response.headers.add("Expires", "3600");
    }
    let bytes = response.to_bytes();
    bench.give(Input::Datagram { account: ACCOUNT, line, local: local(), remote: registrar(), bytes });
}

#[test]
fn an_accounts_sound_is_changed_kept_and_shown() {
    let mut bench = Bench::new(false, plain());
    let media =
        MediaOptions { security: MediaSecurity::Required, codecs: vec!["opus".into()], ..Default::default() };
    bench.command(Command::ChangeMedia { account: ACCOUNT, media: media.clone() });
    assert_eq!(bench.account().media, media);
    let kept = bench.written();
    assert!(matches!(&kept[..], [Write::Account(profile)] if profile.media == media), "{kept:?}");
    let request = bench.request();
    bench.give(Input::Command(
        request,
        Command::ChangeMedia { account: AccountId(77), media: MediaOptions::default() },
    ));
    assert_eq!(bench.reply_to(request).unwrap().unwrap_err().code, ErrorCode::NotFound);
}

#[test]
fn the_microphone_is_worked_on_as_the_settings_say_unless_this_run_says_otherwise() {
    let mut bench = Bench::new(false, plain());
    let mut processed = |over: Option<bool>| {
        bench.state.config.media.processing = over;
        bench.effects.clear();
        let settings = Settings { noise_suppression: false, ..bench.state.settings.clone() };
        bench.command(Command::ChangeSettings { settings });
        let plan = bench.effects.iter().find_map(|effect| match effect {
            Effect::Sound(plan) => Some(plan.processing),
            _ => None,
        });
        plan.map(|processing| [processing.echo, processing.noise, processing.gain])
    };
    assert_eq!(processed(None), Some([true, false, true]));
    assert_eq!(processed(Some(false)), Some([false; 3]));
    assert_eq!(processed(Some(true)), Some([true; 3]));
}

#[test]
fn without_a_keyring_the_password_is_asked_for_and_then_used() {
    for (result, code) in [
        (Err(SecretsError::Unavailable), ErrorCode::PasswordNeeded),
        (Ok(None), ErrorCode::PasswordNeeded),
        (Err(SecretsError::Locked), ErrorCode::KeyringLocked),
    ] {
        let mut bench = Bench::new(false, plain());
        secret(&mut bench, result);
        match bench.account().registration {
            RegistrationState::PasswordNeeded { error } => assert_eq!(error.code, code),
            other => panic!("{other:?}"),
        }
        bench.command(Command::ProvidePassword { account: ACCOUNT, password: ApiSecret("pw".into()) });
        assert_eq!(bench.account().registration, RegistrationState::Registering {});
        let kept = bench.take(|e| match e {
            Effect::SetSecret(key, _) => Ok(key.name),
            other => Err(other),
        });
        assert_eq!(kept, ["abc/sip-password"]);
    }
}

#[test]
fn it_registers_with_a_digest_and_un_registers_at_the_end() {
    let mut bench = Bench::new(false, plain());
    secret(&mut bench, Ok(Some(Secret::new("pw"))));
    let line = open(&mut bench);
    let first = sent(&mut bench).remove(0);
    assert!(first.headers.first("Authorization").is_none());
    answer(&mut bench, line, &first, 401);
    let second = sent(&mut bench).remove(0);
    assert!(second.headers.first("Authorization").unwrap().contains("username=\"alice\""));
    answer(&mut bench, line, &second, 200);
    assert_eq!(bench.account().registration, RegistrationState::Registered {});
    bench.give(Input::Shutdown);
    let bye = sent(&mut bench).remove(0);
    let gone = bye.headers.first("Expires") == Some("0")
        || bye.headers.first("Contact").unwrap().contains("expires=0");
    assert!(gone);
    assert!(!bench.effects.iter().any(|e| matches!(e, Effect::Finished)));
    answer(&mut bench, line, &bye, 200);
    assert!(bench.effects.iter().any(|e| matches!(e, Effect::Finished)));
}

#[test]
fn a_wrong_password_stops_it_until_another_is_given() {
    let mut bench = Bench::new(false, plain());
    secret(&mut bench, Ok(Some(Secret::new("wrong"))));
    let line = open(&mut bench);
    for _ in 0..2 {
        let request = sent(&mut bench).remove(0);
        answer(&mut bench, line, &request, 401);
    }
    match bench.account().registration {
        RegistrationState::Stopped { error } => assert_eq!(error.code, ErrorCode::WrongPassword),
        other => panic!("{other:?}"),
    }
    bench.wait(Duration::from_secs(24 * 3600));
    assert!(sent(&mut bench).is_empty(), "not tried for ever");
    bench.command(Command::ProvidePassword { account: ACCOUNT, password: ApiSecret("right".into()) });
    open(&mut bench);
    assert_eq!(sent(&mut bench).len(), 1);
}

#[test]
fn a_name_that_is_not_found_is_tried_again() {
    let mut bench = Bench::new(false, plain());
    secret(&mut bench, Ok(Some(Secret::new("pw"))));
    let error = crate::api::ErrorView::new(ErrorCode::SipUnreachable);
    let mut tries = 0;
    for _ in 0..20 {
        let lines = bench.take(|e| match e {
            Effect::OpenLine { line, attempt, .. } => Ok((line, attempt)),
            other => Err(other),
        });
        for (line, attempt) in lines {
            tries += 1;
            bench.give(Input::Line { account: ACCOUNT, line, attempt, result: Err(error.clone()) });
            assert!(matches!(bench.account().registration, RegistrationState::Retrying { .. }));
        }
        bench.wait(Duration::from_secs(60));
    }
    assert!((5..20).contains(&tries), "{tries} in 20 minutes");
}

#[test]
fn nothing_can_be_called_before_it_is_registered() {
    let mut bench = Bench::new(false, plain());
    let request = bench.command(Command::PlaceCall { account: ACCOUNT, target: "echo".into(), show: None });
    assert_eq!(bench.reply_to(request).unwrap().unwrap_err().code, ErrorCode::NotRegistered);
}

#[test]
fn accounts_are_checked_kept_and_removed_with_their_secrets() {
    let new = |user: &str, domain: &str, proxy: Option<&str>| NewAccount {
        name: String::new(),
        user: user.into(),
        domain: domain.into(),
        password: ApiSecret("pw".into()),
        proxy: proxy.map(str::to_owned),
        transport: Transport::Udp,
        options: None,
        provider: None,
    };
    let mut bench = Bench::new(false, Loaded { next_account: 1, ..Loaded::default() });
    for bad in [
        new("", "d", None),
        new("a b", "d", None),
        new("a@b", "d", None),
        new("a", "d d", None),
        new("a", "d", Some("h:x")),
    ] {
        let request = bench.command(Command::AddAccount { account: bad });
        assert_eq!(bench.reply_to(request).unwrap().unwrap_err().code, ErrorCode::InvalidTarget);
    }
    let request = bench.command(Command::AddAccount { account: new("alice", "sip.example", None) });
    assert_eq!(bench.reply_to(request), Some(Ok(Reply::AccountAdded { account: ACCOUNT })));
    assert_eq!(bench.account().name, "alice@sip.example");
    let again = bench.command(Command::AddAccount { account: new("alice", "sip.example", Some("p")) });
    assert_eq!(bench.reply_to(again), Some(Ok(Reply::AccountAdded { account: ACCOUNT })), "the same address");
    bench.command(Command::RemoveAccount { account: ACCOUNT });
    assert!(bench.state.account_views().is_empty());
    assert_eq!(bench.written().pop(), Some(Write::RemoveAccount(ACCOUNT)));
    let deleted = bench.take(|e| match e {
        Effect::DeleteSecret(key) => Ok(key.name),
        other => Err(other),
    });
    assert_eq!(deleted.len(), 2);
}

#[test]
fn the_sandbox_stays_the_same_account_wherever_it_listens() {
    let mut bench = Bench::attached(None);
    let mut access = access();
    access.url = "http://127.0.0.1:9999".into();
    let request = bench.request();
    bench.give(Input::Attach(request, access));
    assert_eq!(bench.reply_to(request), Some(Ok(Reply::AccountAdded { account: ACCOUNT })));
    assert_eq!(bench.state.account_views().len(), 1);
    let secrets = bench.effects.iter().any(|e| matches!(e, Effect::SetSecret(..) | Effect::GetSecret(..)));
    assert!(!secrets, "its secrets are kept nowhere");
}

//! The state and its step.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::{Duration, Instant},
};

use jiff::tz::TimeZone;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use tern_media::{HoldSound, NationalTones, ProcessConfig, secure::Certificate};
use tern_provider::types::{RemoteId, VoicemailSettings};

use super::{Act, Effect, Input, Kept, Now, RequestId, SoundPlan, Write};
use crate::{
    accounts::Account,
    activity::Away,
    api::{
        self, AccountId, AccountView, CallId, CallView, Command, DevicesView, ErrorCode, ErrorView,
        EventKind, MediaOverrides, Notice, PlayingView, Reply, Settings,
    },
    calls::Call,
    line::Leaving,
    ports::{NotificationAction, OneTimeCode, RingPlace, RingTone},
    record::{Book, Loaded, RowId, ThreadRowId},
    texts::Texts,
};

/// How long un-registering and hanging up may take at the end.
const FAREWELL: Duration = Duration::from_secs(2);

/// What the core needs to know from the start.
#[derive(Debug, Clone)]
pub(crate) struct CoreConfig {
    /// `User-Agent` of SIP.
    pub(crate) user_agent: String,
    /// Stands in place of what the accounts have.
    pub(crate) media: MediaOverrides,
    /// Whether account 0 is there.
    pub(crate) direct: bool,
    /// Where recordings go when the settings name no folder.
    pub(crate) recordings: Option<PathBuf>,
    /// Whether SIP messages are shown.
    pub(crate) trace: bool,
    /// The user's time zone at the start.
    pub(crate) zone: TimeZone,
    /// Everything random follows from it.
    pub(crate) seed: [u8; 32],
}

/// Everything the engine knows while it runs.
pub(crate) struct State {
    pub(crate) config: CoreConfig,
    pub(crate) accounts: BTreeMap<AccountId, Account>,
    pub(crate) next_account: u32,
    pub(crate) calls: BTreeMap<CallId, Call>,
    pub(crate) next_call: u32,
    pub(crate) leaving: Vec<Leaving>,
    pub(crate) settings: Settings,
    /// Names by number, and who is blocked.
    pub(crate) book: Book,
    pub(crate) devices: DevicesView,
    pub(crate) texts: Texts,
    pub(crate) away: Away,
    /// Conversations whose missed calls are told of on the screen.
    pub(crate) missed: BTreeSet<ThreadRowId>,
    /// Whether the digest may be on the screen.
    pub(crate) digest: bool,
    /// When to look whether what was put aside may be told.
    pub(crate) aside: Option<Instant>,
    /// The user's time zone.
    pub(crate) zone: TimeZone,
    /// The code in the clipboard, and when it goes.
    pub(crate) copied: Option<(OneTimeCode, Option<Instant>)>,
    pub(crate) random: ChaCha20Rng,
    /// The sound file that is played.
    pub(crate) playing: Option<PlayingView>,
    /// Ours for DTLS, made with the first call that may need it.
    pub(crate) certificate: Option<Certificate>,
    /// What a person should know and may have missed because no window was there yet.
    pub(crate) notices: Vec<Notice>,
    /// When the shell asked to end; a late answer must not keep it.
    ending: Option<Instant>,
    tone: Option<(RingTone, RingPlace, NationalTones)>,
    /// What tells how the last call ended, and until when.
    pub(crate) end_tone: Option<(RingTone, NationalTones, Instant)>,
    /// While the sound is checked: until when.
    pub(crate) checking: Option<Instant>,
    pub(crate) now: Now,
    effects: Vec<Effect>,
    /// Accounts whose view changed in this step.
    changed: Vec<AccountId>,
}

impl State {
    /// The state as it was left, and what is to be done first.
    pub(crate) fn new(config: CoreConfig, loaded: Loaded, now: Now) -> (Self, Vec<Effect>) {
        let mut state = Self {
            random: ChaCha20Rng::from_seed(config.seed),
            certificate: None,
            accounts: BTreeMap::new(),
            next_account: loaded.next_account.max(1),
            calls: BTreeMap::new(),
            next_call: 1,
            leaving: Vec::new(),
            texts: Texts::new(loaded.settings.language),
            settings: loaded.settings,
            book: loaded.book,
            devices: DevicesView::default(),
            away: Away::default(),
            copied: None,
            missed: BTreeSet::new(),
            digest: false,
            aside: None,
            zone: config.zone.clone(),
            playing: None,
            notices: Vec::new(),
            ending: None,
            tone: None,
            end_tone: None,
            checking: None,
            now,
            effects: Vec::new(),
            changed: Vec::new(),
            config,
        };
        state.effect(Effect::ListDevices);
        state.plan_sound();
        if let Some(kept) = loaded.damage {
            let error = ErrorView::with_detail(ErrorCode::StorageDamaged, kept.display().to_string());
            state.notices.push(Notice::Trouble { account: None, error });
        }
        state.start_accounts(loaded.accounts);
        let effects = state.finish_step();
        (state, effects)
    }

    /// Takes one input and tells what is to be done.
    pub(crate) fn step(&mut self, now: Now, input: Input) -> Vec<Effect> {
        self.now = now;
        self.take(input);
        self.run_timers();
        self.finish_step()
    }

    /// When [`Input::Timer`] is due.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        let accounts = self.accounts.values().filter_map(Account::next_wake);
        let leaving = self.leaving.iter().filter_map(Leaving::next_wake);
        let tone = self.end_tone.map(|(.., until)| until);
        let copied = self.copied.as_ref().and_then(|(_, until)| *until);
        accounts
            .chain(leaving)
            .chain(self.ending)
            .chain(tone)
            .chain(self.checking)
            .chain(copied)
            .chain(self.aside)
            .chain(self.next_restart())
            .min()
    }

    /// The accounts as a window shows them.
    pub(crate) fn account_views(&self) -> Vec<AccountView> {
        self.accounts.values().map(Account::view).collect()
    }

    /// The calls as a window shows them.
    pub(crate) fn call_views(&self) -> Vec<CallView> {
        self.calls.values().map(Call::view).collect()
    }

    /// The devices found last.
    pub(crate) fn devices(&self) -> &DevicesView {
        &self.devices
    }

    /// The settings.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Notices raised since the start that are worth telling a window that opens later.
    pub(crate) fn notices(&self) -> &[Notice] {
        &self.notices
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(crate) fn event(&mut self, kind: EventKind) {
        self.effects.push(Effect::Event(kind));
    }

    pub(crate) fn write(&mut self, write: Write) {
        self.effects.push(Effect::Write(write));
    }

    pub(crate) fn reply(&mut self, request: RequestId, reply: Result<Reply, ErrorView>) {
        self.effects.push(Effect::Reply(request, reply));
    }

    pub(crate) fn refuse(&mut self, request: RequestId, code: ErrorCode) {
        self.reply(request, Err(ErrorView::new(code)));
    }

    /// Tells the window to look at an account again, once per step.
    pub(crate) fn account_changed(&mut self, account: &AccountId) {
        if !self.changed.contains(account) {
            self.changed.push(account.clone());
        }
    }

    pub(crate) fn activity_changed(&mut self, threads: impl IntoIterator<Item = ThreadRowId>) {
        let threads = threads.into_iter().map(ThreadRowId::outside).collect();
        self.event(EventKind::ActivityChanged { threads });
    }

    pub(crate) fn notice(&mut self, notice: Notice) {
        self.event(EventKind::NoticeRaised { notice });
    }

    /// A fresh random name, as a key for one intent.
    pub(crate) fn random_name(&mut self) -> String {
        format!("{:032x}", self.random.random::<u128>())
    }

    /// Whether the shell has asked to end.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Command(request, command) => self.command(request, command),
            Input::HandOver(request, account, act) => self.hand_over(request, &account, act),
            Input::AddressBook(request, change) => self.address_book(request, change),
            Input::Attach(request, access) => self.attach_sandbox(request, access),
            Input::Activated(action) => self.activated(action),
            Input::Shutdown => self.shutdown(),
            Input::Timer => {}
            Input::Datagram { account, line, local, remote, bytes } => {
                self.datagram(&account, line, tern_sip::Datagram { local, remote, bytes: &bytes });
            }
            Input::Line { account, line, attempt, result } => {
                self.line_opened(&account, line, attempt, result);
            }
            Input::Stream { account, line, flow, news } => self.stream_news(&account, line, flow, news),
            Input::Accepted { account, line, number, local, remote } => {
                self.accepted(&account, line, number, local, remote);
            }
            Input::Resolved { account, line, id, answer } => self.resolved(&account, line, id, answer),
            Input::SendFailed { account, line, remote } => self.send_failed(&account, line, remote),
            Input::Media(call, report) => self.media_report(&call, report),
            Input::Played(report) => self.played(report),
            Input::Checked(levels) => self.sound_checked(levels),
            Input::Provider { account, link, report } => self.provider_report(&account, link, report),
            Input::Kept(kept) => self.kept(kept),
            Input::Secret(account, kind, result) => self.secret(&account, kind, result),
            Input::Devices(found) => {
                let DevicesView { inputs, outputs, .. } = found;
                self.change_devices(|devices| DevicesView { inputs, outputs, ..devices });
            }
            Input::Network { moved, slept } => self.network_changed(&moved, slept),
            Input::Zone(zone) => self.zone = zone,
            Input::Browsed(request, opened) => self.browsed(request, opened),
        }
    }

    fn command(&mut self, request: RequestId, command: Command) {
        if self.is_ending() {
            return self.refuse(request, ErrorCode::NotFound);
        }
        match command {
            // It is open.
            Command::OpenStorage { .. } => self.reply(request, Ok(Reply::Done {})),
            Command::AddAccount { account } => self.add_account(request, account),
            Command::RemoveAccount { account } => self.remove_account(request, &account),
            Command::ProvidePassword { account, password } => {
                self.provide_password(request, &account, password)
            }
            Command::ChangeMedia { account, media } => self.change_media(request, &account, media),
            Command::Reconnect { account } => self.reconnect(request, &account),
            Command::PlaceCall { account, target, show } => {
                self.place_call(request, &account, &target, show);
            }
            Command::AnswerCall { call } => self.answer_call(Some(request), &call),
            Command::DeclineCall { call } => self.decline_call(Some(request), &call),
            Command::HangUpCall { call } => self.hang_up_call(request, &call),
            Command::MuteCall { call, muted } => self.mute_call(request, &call, muted),
            Command::HoldCall { call, held } => self.hold_call(request, &call, held),
            Command::JoinCalls {} => self.join_calls(request),
            Command::LeaveConference { call } => self.leave_conference(request, &call),
            Command::RecordCall { call, on, path } => self.record_call(request, &call, on, path),
            Command::PlayFile { path } => self.play_file(request, &path),
            Command::StopPlaying {} => self.stop_playing(request),
            Command::TestMicrophone { on } => self.check_sound(request, on),
            Command::TransferCall { call, target } => self.transfer_call(request, &call, &target),
            Command::TransferToCall { call, other } => self.transfer_to_call(request, &call, &other),
            Command::AnswerTransfer { call, accept } => self.answer_transfer(request, &call, accept),
            Command::FollowRedirect { call, target } => self.follow_redirect(request, &call, target),
            Command::SendDigit { call, digit } => self.send_digit(request, &call, digit),
            Command::AskRate { account, target, show } => {
                self.ask_rate(request, &account, &target, show.as_ref());
            }
            Command::SendMessage { account, from, to, text } => {
                self.send_message(request, &account, &from, &to, text)
            }
            Command::RetryMessage { message } => match RowId::inside(&message) {
                Some(row) => self.write(Write::FindFailed(request, row)),
                None => self.refuse(request, ErrorCode::NotFound),
            },
            Command::SaveDraft { thread, text } => match ThreadRowId::inside(&thread) {
                Some(thread) => {
                    self.write(Write::Draft(thread, text));
                    self.reply(request, Ok(Reply::Done {}));
                }
                None => self.refuse(request, ErrorCode::NotFound),
            },
            Command::MarkThreadRead { thread } => match ThreadRowId::inside(&thread) {
                Some(thread) => {
                    self.write(Write::ReadThread(thread));
                    self.close_seen(thread);
                    self.reply(request, Ok(Reply::Done {}));
                }
                None => self.refuse(request, ErrorCode::NotFound),
            },
            Command::MarkCallsRead {} => {
                self.write(Write::ReadCalls);
                self.reply(request, Ok(Reply::Done {}));
            }
            Command::CopyCode { code } => match OneTimeCode::from_window(&code.0) {
                Some(code) => {
                    self.copy_code(code);
                    self.reply(request, Ok(Reply::Done {}));
                }
                None => self.refuse(request, ErrorCode::NotFound),
            },
            Command::AddFunds { account, amount } => self.add_funds(request, &account, &amount),
            Command::OpenCheckout { account, topup } => self.open_checkout(request, &account, &topup),
            Command::SaveContact { contact, card } => self.save_contact(request, contact, card),
            Command::MarkFavourite { contact, favourite } => {
                self.write(Write::Favourite(request, contact, favourite));
            }
            Command::RemoveContact { contact } => {
                self.write(Write::RemoveContact(contact));
                self.reply(request, Ok(Reply::Done {}));
            }
            Command::ImportContacts { vcards } => self.import_contacts(request, &vcards),
            Command::BlockNumber { number, spam } => self.block(request, &number, spam),
            Command::UnblockNumber { number } => self.unblock(request, number),
            Command::DeleteThread { thread, at_provider } => {
                self.remove_thread(request, ThreadRowId::inside(&thread), at_provider);
            }
            Command::RebuildSearch {} => {
                self.write(Write::RebuildSearch);
                self.reply(request, Ok(Reply::Done {}));
            }
            Command::OrderNumbers { account, order } => self.order_numbers(request, &account, order),
            Command::RestoreNumber { account, number } => self.restore_number(request, &account, &number),
            Command::RenewNumber { account, number, on } => {
                self.change_number(request, &account, &number, |id| Act::AutoRenew(id, on));
            }
            Command::ForwardNumber { account, number, forwarding } => {
                self.forward_number(request, &account, &number, &forwarding);
            }
            Command::ChangeAnswering { account, number, on, greeting } => {
                let settings = VoicemailSettings { on, greeting: greeting.map(RemoteId) };
                self.change_number(request, &account, &number, |id| Act::Answering(id, settings));
            }
            // Their files, or servers, are read before they come here.
            Command::UploadGreeting { .. }
            | Command::HandInPaper { .. }
            | Command::AddAddressBook { .. }
            | Command::SyncAddressBooks { .. }
            | Command::RemoveAddressBook { .. } => {
                self.refuse(request, ErrorCode::Internal);
            }
            Command::AskRefund { account, refund } => self.ask_refund(request, &account, refund),
            Command::ChangeSettings { settings } => self.change_settings(request, settings),
        }
    }

    fn change_settings(&mut self, request: RequestId, settings: Settings) {
        if self.settings.language != settings.language {
            self.texts = Texts::new(settings.language);
        }
        self.settings = settings.clone();
        if self.aside.is_some() {
            // What was quiet may not be any more.
            self.aside = Some(self.now.instant);
        }
        self.plan_sound();
        self.write(Write::Settings(settings));
        self.event(EventKind::SettingsChanged {});
        self.reply(request, Ok(Reply::Done {}));
    }

    /// Has everything sound as the settings say.
    fn plan_sound(&mut self) {
        let settings = &self.settings;
        let process = |switch: bool| self.config.media.processing.unwrap_or(switch);
        let plan = SoundPlan {
            microphone: settings.microphone.clone(),
            speaker: settings.speaker.clone(),
            processing: ProcessConfig {
                echo: process(settings.echo_cancellation),
                noise: process(settings.noise_suppression),
                gain: process(settings.gain_control),
            },
            hold: match &settings.hold_music {
                api::HoldSound::Music {} => HoldSound::Music,
                api::HoldSound::Silence {} => HoldSound::Silence,
                api::HoldSound::File { path } => HoldSound::File(path.into()),
            },
        };
        self.effect(Effect::Sound(Box::new(plan)));
    }

    /// Changes what is known of the devices, and tells it if it is another than before.
    pub(crate) fn change_devices(&mut self, change: impl FnOnce(DevicesView) -> DevicesView) {
        let devices = change(self.devices.clone());
        if self.devices != devices {
            self.devices = devices;
            self.event(EventKind::DevicesChanged {});
        }
    }

    fn activated(&mut self, action: NotificationAction) {
        match action {
            NotificationAction::Answer { call } => self.answer_call(None, &call),
            NotificationAction::Decline { call } => self.decline_call(None, &call),
            NotificationAction::OpenThread { thread } => {
                self.event(EventKind::ShowRequested { thread: Some(thread) });
            }
            NotificationAction::CopyCode { code } => self.copy_code(code),
            NotificationAction::Reply { to, text } => self.reply_from_notification(&to, text.0),
            NotificationAction::OpenWindow => self.event(EventKind::ShowRequested { thread: None }),
        }
    }

    fn kept(&mut self, kept: Kept) {
        match kept {
            Kept::Applied(account, applied) => self.applied(&account, applied),
            Kept::NotApplied(account, of) => self.not_applied(&account, of),
            Kept::Queued(request, new, row, thread) => self.queued(request, new, row, thread),
            Kept::NotQueued(request) => self.refuse(request, ErrorCode::StorageFailed),
            Kept::Moved(account, row, state, thread) => self.moved(&account, row, state, thread),
            Kept::Left(account, left) => self.left_found(&account, left),
            Kept::Sent(account, row, thread) => self.sent_kept(&account, row, thread),
            Kept::FoundFailed(request, row, found) => self.retry(request, row, found),
            Kept::Called(row) => self.call_kept(row),
            Kept::Away(count) => self.away_counted(count),
            Kept::CallsRead(threads) => {
                self.close_missed(threads.iter().copied());
                self.activity_changed(threads);
            }
            Kept::ThreadRemoved(request, thread, removed) => self.thread_removed(request, thread, removed),
            Kept::Deleted(account, counts) => self.deletion_kept(account, counts),
            Kept::Changed(threads) => self.activity_changed(threads),
            Kept::ContactSaved(request, saved, book) => self.contact_saved(request, saved, book),
            Kept::Imported(request, imported, refused, book) => {
                self.contacts_imported(request, imported, refused, book);
            }
            Kept::AddressBook(request, synced, book) => self.address_book_kept(request, synced, book),
            Kept::NotSaved(request) => self.refuse(request, ErrorCode::StorageFailed),
            Kept::Book(book) => self.book_changed(book),
            Kept::Failed => {
                let error = ErrorView::new(ErrorCode::StorageFailed);
                self.notice(Notice::Trouble { account: None, error });
            }
        }
    }

    fn shutdown(&mut self) {
        if self.ending.is_none() {
            self.ending = self.now.instant.checked_add(FAREWELL);
            self.clear_clipboard();
            let ids: Vec<AccountId> = self.accounts.keys().cloned().collect();
            for id in ids {
                self.leave(&id);
            }
        }
    }

    fn run_timers(&mut self) {
        let ids: Vec<AccountId> = self.accounts.keys().cloned().collect();
        for id in ids {
            self.run_line(&id);
            self.run_feed(&id);
            self.run_history(&id);
            self.run_outbox(&id);
            self.run_wallet(&id);
            self.run_desk(&id);
            self.run_deletions(&id);
        }
        self.run_leaving();
        self.run_end_tone();
        self.run_restarts();
        self.run_clipboard();
        self.run_aside();
        if self.checking.is_some_and(|until| until <= self.now.instant || !self.calls.is_empty()) {
            self.end_check();
        }
    }

    /// Where a tone is to sound: a ring where rings do, the others where calls do.
    fn place_of(&self, tone: RingTone) -> RingPlace {
        let device = match tone {
            RingTone::Ring if self.settings.ring_everywhere => return RingPlace::Everywhere,
            RingTone::Ring => &self.settings.ringer,
            RingTone::Ringback | RingTone::Busy | RingTone::Congestion => &self.settings.speaker,
        };
        device.clone().map_or(RingPlace::Default, RingPlace::Device)
    }

    fn finish_step(&mut self) -> Vec<Effect> {
        let tone = self.wanted_tone().map(|(tone, whose)| (tone, self.place_of(tone), whose));
        if tone != self.tone {
            self.tone.clone_from(&tone);
            self.effect(Effect::Tone(tone));
        }
        for account in std::mem::take(&mut self.changed) {
            self.event(EventKind::AccountChanged { account });
        }
        let over = self.ending.is_some_and(|at| at <= self.now.instant || self.leaving.is_empty());
        if over {
            // Told once: the driver stops on it.
            self.effect(Effect::Finished);
        }
        std::mem::take(&mut self.effects)
    }
}

// What the window knows of the engine: snapshot and events folded by a pure function. Nothing here is truth; it can
// be thrown away and built again at any time, and is, when a sequence number is missing.

import type {
  AccountId,
  AccountView,
  ActivityPage,
  BlockedView,
  CallId,
  CallView,
  ContactView,
  DevicesView,
  ErrorView,
  Event,
  EventKind,
  Notice,
  PlayingView,
  Settings,
  Snapshot,
  SoundCheckView,
  StorageView,
  ThreadId,
  ThreadView,
  VoiceMessageView,
} from "../api/generated";
import { withNewestPage, withOlderPage, type Rows } from "./merge";

/** A notice that is on show. */
export interface ShownNotice {
  id: number;
  notice: Notice;
}

/** Who is known by name, and of whom nobody wants to hear. */
export interface People {
  contacts: ContactView[];
  blocked: BlockedView[];
}

/** Where the flow of events stands. */
export type Link =
  /** Waiting for a snapshot; what comes before it is kept. */
  | { state: "waiting"; early: Event[] }
  /** The next event has `seq + 1`. */
  | { state: "live"; seq: number }
  /** The engine could not be reached. */
  | { state: "broken"; error: ErrorView };

export interface Projection {
  link: Link;
  accounts: AccountView[];
  /** Calls that live, and ended ones until the window has shown why. */
  calls: CallView[];
  feed: Rows & { unread: number };
  /** The conversation that is open, if one is. */
  thread: ThreadView | null;
  people: People;
  /** Voice messages, by the account they wait for. */
  voicemails: Readonly<Record<AccountId, readonly VoiceMessageView[]>>;
  devices: DevicesView;
  settings: Settings;
  /** The sound file that is played. */
  playing: PlayingView | null;
  /** The sound check, while it goes on. */
  check: SoundCheckView | null;
  /** What keeps the history closed. */
  storage: StorageView | null;
  notices: ShownNotice[];
  /** Whether a first snapshot's notices were taken over: later snapshots repeat what was dismissed since. */
  told: boolean;
  /** The next notice's id. */
  nextNotice: number;
}

/** Everything that changes the projection. */
export type Input =
  | { type: "subscribing" }
  | { type: "subscribed"; snapshot: Snapshot }
  | { type: "unreachable"; error: ErrorView }
  | { type: "event"; event: Event }
  | { type: "refreshed"; snapshot: Snapshot }
  | { type: "devicesRead"; devices: DevicesView }
  | { type: "peopleRead"; people: People }
  | { type: "voicemailsRead"; account: AccountId; voicemails: VoiceMessageView[] }
  | { type: "newestActivityRead"; page: ActivityPage }
  | { type: "olderActivityRead"; page: ActivityPage }
  | { type: "threadRead"; thread: ThreadView }
  | { type: "olderThreadRead"; thread: ThreadView }
  | { type: "threadClosed" }
  | { type: "callForgotten"; call: CallId }
  | { type: "troubled"; account: AccountId | null; error: ErrorView }
  | { type: "noticeDismissed"; id: number };

/** What has to be read again, or happens in the window, because of an input. */
export type Effect =
  | { type: "subscribe" }
  | { type: "refresh" }
  | { type: "readDevices" }
  | { type: "readPeople" }
  | { type: "readVoicemails"; account: AccountId }
  | { type: "readActivity" }
  | { type: "readThread"; thread: ThreadId }
  | { type: "forgetLater"; call: CallView }
  | { type: "showCall" }
  | { type: "show"; thread: ThreadId | null };

export interface Step {
  state: Projection;
  effects: Effect[];
}

/** Early events beyond this are dropped; the gap they leave asks for a new snapshot. */
const MOST_EARLY = 256;
/** Older notices fall off: nobody reads a tower of banners. */
const MOST_NOTICES = 4;

/** Before the first snapshot. */
export function empty(): Projection {
  return {
    link: { state: "waiting", early: [] },
    accounts: [],
    calls: [],
    feed: { items: [], next: null, unread: 0 },
    thread: null,
    people: { contacts: [], blocked: [] },
    voicemails: {},
    devices: { inputs: [], outputs: [], microphone: null, speaker: null },
    settings: {},
    playing: null,
    check: null,
    storage: null,
    notices: [],
    told: false,
    nextNotice: 1,
  };
}

/** One input folded in. */
export function step(state: Projection, input: Input): Step {
  switch (input.type) {
    case "subscribing":
      return only({ ...state, link: { state: "waiting", early: [] } });
    case "subscribed":
      return subscribed(state, input.snapshot);
    case "unreachable":
      return only({ ...state, link: { state: "broken", error: input.error } });
    case "event":
      return received(state, input.event);
    case "refreshed": {
      // Calls and sequence stay: events that follow may be newer than this answer.
      const { accounts, settings } = input.snapshot;
      return { state: { ...state, accounts, settings }, effects: spoken(accounts, state.accounts) };
    }
    case "devicesRead":
      return only({ ...state, devices: input.devices });
    case "peopleRead":
      return only({ ...state, people: input.people });
    case "voicemailsRead":
      return only({ ...state, voicemails: { ...state.voicemails, [input.account]: input.voicemails } });
    case "newestActivityRead": {
      const feed = { ...withNewestPage(state.feed, input.page), unread: input.page.unread };
      const known = new Set(state.feed.items.map((item) => item.id));
      const rang = new Set(
        feed.items.filter((item) => item.what.type === "call" && !known.has(item.id)).map((item) => item.account),
      );
      // A message may have been known before its call was.
      return { state: { ...state, feed }, effects: spoken(state.accounts.filter((account) => rang.has(account.id))) };
    }
    case "olderActivityRead":
      return only({ ...state, feed: { ...withOlderPage(state.feed, input.page), unread: input.page.unread } });
    case "threadRead": {
      const known = state.thread?.id === input.thread.id ? state.thread : null;
      const rows = known ? withNewestPage(known, input.thread) : input.thread;
      return only({ ...state, thread: { ...input.thread, items: rows.items, next: rows.next } });
    }
    case "olderThreadRead":
      if (state.thread?.id !== input.thread.id) return only(state);
      return only({ ...state, thread: { ...state.thread, ...withOlderPage(state.thread, input.thread) } });
    case "threadClosed":
      return only({ ...state, thread: null });
    case "callForgotten":
      return only({ ...state, calls: state.calls.filter((call) => call.id !== input.call || call.state !== "ended") });
    case "troubled":
      return only(withNotice(state, { type: "trouble", account: input.account, error: input.error }));
    case "noticeDismissed":
      return only({ ...state, notices: state.notices.filter((shown) => shown.id !== input.id) });
  }
}

function only(state: Projection): Step {
  return { state, effects: [] };
}

function subscribed(state: Projection, snapshot: Snapshot): Step {
  const early = state.link.state === "waiting" ? state.link.early : [];
  // A new snapshot lists living calls only; what ended meanwhile is gone with it.
  const effects: Effect[] = state.thread ? [{ type: "readThread", thread: state.thread.id }] : [];
  if (!snapshot.storage) effects.push({ type: "readPeople" }, ...spoken(snapshot.accounts));
  if (snapshot.calls.some((call) => isTaken(call) && !state.calls.some((known) => known.id === call.id))) {
    effects.push({ type: "showCall" });
  }
  let next: Projection = {
    ...state,
    link: { state: "live", seq: snapshot.seq },
    accounts: snapshot.accounts,
    calls: snapshot.calls,
    feed: { items: snapshot.activity.items, next: snapshot.activity.next, unread: snapshot.activity.unread },
    devices: snapshot.devices,
    settings: snapshot.settings,
    playing: snapshot.playing ?? null,
    // Told ten times a second where there is one.
    check: null,
    storage: snapshot.storage ?? null,
    // Before the history is open there is nothing to tell of it.
    told: state.told || !snapshot.storage,
  };
  if (!state.told) next = (snapshot.notices ?? []).reduce(withNotice, next);
  for (const event of early) {
    const after = received(next, event);
    next = after.state;
    effects.push(...after.effects);
    if (next.link.state !== "live") break;
  }
  return { state: next, effects };
}

function received(state: Projection, event: Event): Step {
  const { link } = state;
  if (link.state === "waiting") {
    if (link.early.length >= MOST_EARLY) return only(state);
    return only({ ...state, link: { state: "waiting", early: [...link.early, event] } });
  }
  if (link.state === "broken" || event.seq <= link.seq) return only(state);
  if (event.seq !== link.seq + 1) {
    return { state: { ...state, link: { state: "waiting", early: [] } }, effects: [{ type: "subscribe" }] };
  }
  return happened({ ...state, link: { state: "live", seq: event.seq } }, event.kind);
}

function happened(state: Projection, kind: EventKind): Step {
  switch (kind.type) {
    case "storageChanged":
      return { state: { ...state, link: { state: "waiting", early: [] } }, effects: [{ type: "subscribe" }] };
    case "accountChanged":
    case "settingsChanged":
      return { state, effects: [{ type: "refresh" }] };
    case "callChanged": {
      const effects: Effect[] = kind.call.state === "ended" ? [{ type: "forgetLater", call: kind.call }] : [];
      // Answered from a notification or placed from a link, it is what a person wants to see.
      const before = state.calls.find((call) => call.id === kind.call.id);
      if (isTaken(kind.call) && !(before && isTaken(before))) effects.push({ type: "showCall" });
      return { state: { ...state, calls: withCall(state.calls, kind.call) }, effects };
    }
    case "activityChanged":
      return { state, effects: [{ type: "readActivity" }, ...rereadIfOpen(state, kind.threads)] };
    case "devicesChanged":
      return { state, effects: [{ type: "readDevices" }] };
    case "messageArrived":
      // `activityChanged` brings the row; this one is for notifications.
      return only(state);
    case "playingChanged":
      return only({ ...state, playing: kind.playing });
    case "soundChecked":
      return only({ ...state, check: kind.check });
    case "contactsChanged":
      // Whoever the open conversation is with may have another name now.
      return { state, effects: [{ type: "readPeople" }, ...rereadIfOpen(state, state.thread ? [state.thread.id] : [])] };
    case "callRang":
    case "digitCame":
      return only(state);
    case "noticeRaised":
      return only(withNotice(state, kind.notice));
    case "showRequested":
      return { state, effects: [{ type: "show", thread: kind.thread }] };
  }
}

/** A call someone here has taken on: placed, or answered. */
function isTaken(call: CallView): boolean {
  return call.state !== "ended" && !(call.direction === "incoming" && call.state === "ringing");
}

function withCall(calls: CallView[], call: CallView): CallView[] {
  const known = calls.some((other) => other.id === call.id);
  return known ? calls.map((other) => (other.id === call.id ? call : other)) : [...calls, call];
}

function rereadIfOpen(state: Projection, threads: ThreadId[]): Effect[] {
  const open = state.thread;
  return open && threads.includes(open.id) ? [{ type: "readThread", thread: open.id }] : [];
}

/** Voice messages that are to be read: of accounts whose machine tells of some, and otherwise than before. */
function spoken(accounts: readonly AccountView[], before: readonly AccountView[] = []): Effect[] {
  const counts = (account: AccountView | undefined) => JSON.stringify(account?.voicemail ?? null);
  return accounts
    .filter((account) => account.voicemail !== null)
    .filter((account) => counts(account) !== counts(before.find((other) => other.id === account.id)))
    .map((account) => ({ type: "readVoicemails", account: account.id }));
}

function withNotice(state: Projection, notice: Notice): Projection {
  const shown = { id: state.nextNotice, notice };
  return {
    ...state,
    notices: [...withoutKind(state.notices, notice), shown].slice(-MOST_NOTICES),
    nextNotice: state.nextNotice + 1,
  };
}

/** The same thing said again replaces what stands. */
function withoutKind(notices: ShownNotice[], notice: Notice): ShownNotice[] {
  return notices.filter(({ notice: other }) => {
    if (other.type !== notice.type) return true;
    if (other.type === "trouble" && notice.type === "trouble") return other.error.code !== notice.error.code;
    return other.type === "fundsAdded";
  });
}

// The window's connection to the engine: carries out what the reducers ask for and holds what is on screen. Rust owns
// the truth; a window can be closed in any of these states and opened again.

import { getContext, setContext } from "svelte";
import { toErrorView, type Bridge } from "../api/client";
import type {
  AccountId,
  AccountView,
  ActivityId,
  Answer,
  BlockedView,
  CallId,
  CallView,
  Command,
  ContactId,
  ContactView,
  ErrorView,
  Query,
  Reply,
  Settings,
  ThreadId,
  VoiceMessageView,
} from "../api/generated";
import { empty, step, type Effect, type Input, type Projection } from "./projection";
import * as routes from "./route";

/** Rows asked for at a time. */
export const PAGE = 50;
/** How long an ended call stays on screen: longer where there is a reason to read. */
const FAREWELL_MS = 3500;
const FAREWELL_WITH_REASON_MS = 8000;
const RETRY_MS = 3000;

/** A question or form that stands before the window until it is answered. */
export type Sheet =
  /** A contact is edited; a new one where there is none yet. */
  | { type: "contact"; contact: ContactId | null; number: string }
  | { type: "removeContact"; contact: ContactId }
  /** A number is blocked, or let through again. */
  | { type: "block"; number: string; name: string; thread: ThreadId | null }
  | { type: "deleteThread"; account: AccountId; thread: ThreadId; name: string };

export class Session {
  #bridge: Bridge;
  #projection = $state.raw<Projection>(empty());
  #route = $state.raw(routes.start());
  #account = $state<AccountId | null>(null);
  #running = new Set<string>();
  #again = new Map<string, Effect>();
  #timers = new Set<ReturnType<typeof setTimeout>>();
  #olderActivity = false;
  #olderThread = false;
  #marked: ActivityId | null = null;

  /** What stands in the dial pad; kept while other parts of the window are on show. */
  dialed = $state("");
  /** What stands before the window. */
  sheet = $state.raw<Sheet | null>(null);
  #contacts = $derived(byNumber(this.#projection.people.contacts));
  #voicemails = $derived(byCall(this.#projection.voicemails));
  #heard = $state.raw<{ id: string; path: string } | null>(null);
  #blocked = $derived(new Map(this.#projection.people.blocked.map((each) => [each.number, each])));

  constructor(bridge: Bridge) {
    this.#bridge = bridge;
  }

  get projection(): Projection {
    return this.#projection;
  }

  get route(): routes.Route {
    return this.#route;
  }

  /** The account that side, dial pad and wallet speak of. */
  get account(): AccountView | null {
    const accounts = this.#projection.accounts;
    return accounts.find((account) => account.id === this.#account) ?? accounts[0] ?? null;
  }

  /** Calls that ring here and wait for a person. */
  get ringing(): CallView[] {
    return this.#projection.calls.filter((call) => call.direction === "incoming" && call.state === "ringing");
  }

  /** Calls the call screen shows. */
  get onScreen(): CallView[] {
    const ringing = this.ringing;
    return this.#projection.calls.filter((call) => !ringing.includes(call) && !wasNeverTaken(call));
  }

  /** The voice message that a call left. */
  voicemailOf(call: ActivityId): VoiceMessageView | null {
    return this.#voicemails.get(call) ?? null;
  }

  /** Whether this voice message is being listened to. */
  hears(message: VoiceMessageView): boolean {
    const path = this.#projection.playing?.path;
    return path !== undefined && this.#heard?.id === message.id && this.#heard.path === path;
  }

  /** Plays a voice message, or stops it. */
  async hear(account: AccountId, message: VoiceMessageView): Promise<void> {
    if (this.hears(message)) {
      await this.attempt({ type: "stopPlaying" }, account);
      return;
    }
    try {
      const answer = await this.#bridge.ask({ type: "voicemailSound", account, voicemail: message.id });
      if (answer.type !== "voicemailSound") return;
      this.#heard = { id: message.id, path: answer.path };
      await this.#bridge.dispatch({ type: "playFile", path: answer.path });
    } catch (thrown) {
      this.#complain(toErrorView(thrown), account);
    }
  }

  /** Whose number it is, as the activity has it. */
  contactOf(number: string): ContactView | null {
    return this.#contacts.get(number) ?? null;
  }

  contact(id: ContactId): ContactView | null {
    return this.#projection.people.contacts.find((contact) => contact.id === id) ?? null;
  }

  /** Whether and since when nobody wants to hear of a number. */
  blockOf(number: string): BlockedView | null {
    return this.#blocked.get(number) ?? null;
  }

  choose(account: AccountId): void {
    this.#account = account;
  }

  go(main: routes.Main): void {
    this.#route = routes.toMain(this.#route, main);
    if (main.at !== "thread" && this.#projection.thread && main.at !== "call") this.#apply({ type: "threadClosed" });
  }

  show(pane: Exclude<routes.Pane, "main">): void {
    this.#route = routes.toPane(this.#route, pane);
  }

  back(): void {
    this.#route = routes.backwards(this.#route);
    this.#apply({ type: "threadClosed" });
  }

  /** Opens the newest conversation with a number, or a new one. */
  async writeTo(number: string): Promise<void> {
    const known = this.#projection.feed.items.find((item) => item.peer === number && item.thread !== null);
    if (known?.thread) await this.openThread(known.thread);
    else this.go({ at: "compose", to: number });
  }

  /** Starts following the engine, and keeps trying until it answers. */
  async start(): Promise<void> {
    this.#apply({ type: "subscribing" });
    try {
      const snapshot = await this.#bridge.subscribe((event) => this.#apply({ type: "event", event }));
      this.#apply({ type: "subscribed", snapshot });
    } catch (thrown) {
      this.#apply({ type: "unreachable", error: toErrorView(thrown) });
      this.#later(RETRY_MS, () => void this.start());
    }
  }

  /** No timer outlives the window. */
  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  /** Hands over a command; rejects with an `ErrorView`. */
  dispatch(command: Command): Promise<Reply> {
    return this.#bridge.dispatch(command);
  }

  /** Reads what only one part of the window shows; rejects with an `ErrorView`. */
  ask(query: Query): Promise<Answer> {
    return this.#bridge.ask(query);
  }

  /** Where a new file is to lie; null where a person changed their mind. */
  chooseFile(name: string): Promise<string | null> {
    return this.#bridge.chooseFile(name);
  }

  /** Hands over a command whose failure is worth a banner. */
  async attempt(command: Command, account: AccountId | null = null): Promise<Reply | null> {
    try {
      return await this.#bridge.dispatch(command);
    } catch (thrown) {
      this.#complain(toErrorView(thrown), account);
      return null;
    }
  }

  async placeCall(account: AccountId, target: string): Promise<void> {
    await this.dispatch({ type: "placeCall", account, target });
    this.go({ at: "call" });
  }

  async answer(call: CallView): Promise<void> {
    this.go({ at: "call" });
    await this.attempt({ type: "answerCall", call: call.id }, call.account);
  }

  changeSettings(change: Partial<Settings>): Promise<Reply | null> {
    return this.attempt({ type: "changeSettings", settings: { ...this.#projection.settings, ...change } });
  }

  async openThread(thread: ThreadId): Promise<void> {
    this.go({ at: "thread", thread });
    if (this.#projection.thread?.id !== thread) this.#apply({ type: "threadClosed" });
    await this.#carryOut({ type: "readThread", thread });
    await this.attempt({ type: "markThreadRead", thread });
  }

  async readOlderActivity(): Promise<void> {
    const before = this.#projection.feed.next;
    if (before === null || this.#olderActivity) return;
    this.#olderActivity = true;
    try {
      const answer = await this.#bridge.ask({ type: "activity", before, limit: PAGE });
      if (answer.type === "activity") this.#apply({ type: "olderActivityRead", page: answer.page });
    } catch (thrown) {
      this.#complain(toErrorView(thrown), null);
    } finally {
      this.#olderActivity = false;
    }
  }

  async readOlderThread(): Promise<void> {
    const open = this.#projection.thread;
    if (!open?.next || this.#olderThread) return;
    this.#olderThread = true;
    try {
      const answer = await this.#bridge.ask({ type: "thread", thread: open.id, before: open.next, limit: PAGE });
      if (answer.type === "thread") this.#apply({ type: "olderThreadRead", thread: answer.thread });
    } catch (thrown) {
      this.#complain(toErrorView(thrown), open.account);
    } finally {
      this.#olderThread = false;
    }
  }

  /** Takes an ended call off the screen. */
  forget(call: CallId): void {
    this.#apply({ type: "callForgotten", call });
  }

  dismiss(notice: number): void {
    this.#apply({ type: "noticeDismissed", id: notice });
  }

  #apply(input: Input): void {
    const { state, effects } = step(this.#projection, input);
    this.#projection = state;
    if (this.#route.main.at === "call" && state.link.state === "live" && this.onScreen.length === 0) this.#leaveCall();
    for (const effect of effects) void this.#carryOut(effect);
  }

  /** An ended call's screen closes with its call; a call on its way in may not be known yet. */
  #leaveCall(): void {
    this.#later(400, () => {
      if (this.onScreen.length === 0) this.#route = routes.afterCall(this.#route);
    });
  }

  async #carryOut(effect: Effect): Promise<void> {
    switch (effect.type) {
      case "subscribe":
        return this.#once(effect, () => this.start());
      case "refresh":
        return this.#once(effect, async () => {
          const answer = await this.#bridge.ask({ type: "snapshot" });
          if (answer.type === "snapshot") this.#apply({ type: "refreshed", snapshot: answer.snapshot });
        });
      case "readDevices":
        return this.#once(effect, async () => {
          const answer = await this.#bridge.ask({ type: "devices" });
          if (answer.type === "devices") this.#apply({ type: "devicesRead", devices: answer.devices });
        });
      case "readPeople":
        return this.#once(effect, async () => {
          const [contacts, blocked] = await Promise.all([
            this.#bridge.ask({ type: "contacts" }),
            this.#bridge.ask({ type: "blocked" }),
          ]);
          if (contacts.type !== "contacts" || blocked.type !== "blocked") return;
          this.#apply({ type: "peopleRead", people: { contacts: contacts.contacts, blocked: blocked.blocked } });
        });
      case "readVoicemails":
        return this.#once(effect, async () => {
          const { account } = effect;
          // A provider that can't be asked now is no news: what was read before stays.
          const answer = await this.#bridge.ask({ type: "voicemails", account }).catch(() => null);
          if (answer?.type === "voicemails") this.#apply({ type: "voicemailsRead", account, voicemails: answer.voicemails });
        });
      case "readActivity":
        return this.#once(effect, async () => {
          const answer = await this.#bridge.ask({ type: "activity", before: null, limit: PAGE });
          if (answer.type === "activity") this.#apply({ type: "newestActivityRead", page: answer.page });
        });
      case "readThread":
        return this.#once(effect, async () => {
          const answer = await this.#bridge.ask({ type: "thread", thread: effect.thread, before: null, limit: PAGE });
          const wanted = this.#route.main.at === "thread" ? this.#route.main.thread : this.#projection.thread?.id;
          if (answer.type === "thread" && wanted === effect.thread) {
            this.#apply({ type: "threadRead", thread: answer.thread });
            this.#seen(answer.thread.id);
          }
        });
      case "forgetLater": {
        const reason = effect.call.end?.error ? FAREWELL_WITH_REASON_MS : FAREWELL_MS;
        return this.#later(reason, () => this.#apply({ type: "callForgotten", call: effect.call.id }));
      }
      case "showCall":
        return this.go({ at: "call" });
      case "show":
        if (effect.thread !== null) await this.openThread(effect.thread);
    }
  }

  /** What arrives in the thread a person is looking at counts as seen. */
  #seen(thread: ThreadId): void {
    const open = this.#projection.thread;
    const looking = this.#route.main.at === "thread" && document.visibilityState !== "hidden";
    const newest = open?.id === thread ? open.items.find((item) => item.unread)?.id : undefined;
    // Once per row: an engine that could not mark it would be asked for ever.
    if (!looking || newest === undefined || newest === this.#marked) return;
    this.#marked = newest;
    void this.attempt({ type: "markThreadRead", thread });
  }

  /** Reads of one kind never overlap; one that is asked for meanwhile runs once more afterwards. */
  async #once(effect: Effect, run: () => Promise<void>): Promise<void> {
    const key = JSON.stringify(effect);
    if (this.#running.has(key)) {
      this.#again.set(key, effect);
      return;
    }
    this.#running.add(key);
    try {
      await run();
    } catch (thrown) {
      this.#complain(toErrorView(thrown), null);
    } finally {
      this.#running.delete(key);
      const waiting = this.#again.get(key);
      this.#again.delete(key);
      if (waiting) void this.#carryOut(waiting);
    }
  }

  #complain(error: ErrorView, account: AccountId | null): void {
    this.#apply({ type: "troubled", error, account });
  }

  #later(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
  }
}

/** An incoming call that ended before anyone took it belongs in the feed, not on the call screen. */
function wasNeverTaken(call: CallView): boolean {
  return call.state === "ended" && call.direction === "incoming" && call.answeredAt === null;
}

function byCall(voicemails: Projection["voicemails"]): Map<ActivityId, VoiceMessageView> {
  const all = Object.values(voicemails).flat();
  return new Map(all.flatMap((message) => (message.call === null ? [] : [[message.call, message] as const])));
}

function byNumber(contacts: readonly ContactView[]): Map<string, ContactView> {
  return new Map(contacts.flatMap((contact) => contact.numbers.map(({ number }) => [number, contact] as const)));
}

const KEY = Symbol("session");

/** Makes the session reachable for every component below. */
export function provideSession(session: Session): void {
  setContext(KEY, session);
}

export function useSession(): Session {
  return getContext<Session>(KEY);
}

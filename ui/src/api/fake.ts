// An engine in memory, for tests and for looking at the window in a browser. It keeps the engine's promises (events
// count up by one, intents are answered before what follows from them) and believes whatever it is told.

import { FakeCalls } from "./fake-calls";
import { pageOf } from "./fake-page";
import { createPeople } from "./fake-people";
import * as data from "./fake-data";
import * as desk from "./fake-desk";
import { askRate, composedView, isEmergency, targetView, termsView } from "./fake-rules";
import type { Bridge } from "./client";
import type {
  AccountId,
  AccountView,
  ActivityId,
  ActivityItem,
  Answer,
  Command,
  ComposedView,
  ContactView,
  DevicesView,
  ErrorCode,
  ErrorView,
  Event,
  EventKind,
  Fault,
  NewAccount,
  Notice,
  QualityView,
  Query,
  Reply,
  Settings,
  Snapshot,
  StorageView,
  TargetView,
  TermsView,
  ThreadId,
  ThreadView,
  TopUpView,
} from "./generated";

export interface FakeOptions {
  /** Things happen by themselves soon after the start, as for someone looking on. */
  lively?: boolean;
  /** No account, as on a first start without a provider. */
  bare?: boolean;
  /** The history is closed, and opens with {@link PASSPHRASE}. */
  storage?: StorageView;
}

/** Parts of answers about rules and prices. */
export interface Hints {
  target?: Partial<TargetView>;
  composed?: Partial<ComposedView>;
  terms?: Partial<TermsView>;
}

/** What opens a closed history. */
export const PASSPHRASE = "correct horse";

/** The fake, with the levers that tests pull. */
export interface Fake extends Bridge {
  /** Someone calls us. */
  ring(peer?: string): number;
  /** The other side of a call asks us to talk to somebody else. */
  askTransfer(call: number, to: string): void;
  /** What a call sounds like from now on. */
  disturb(quality: Partial<QualityView>): void;
  /** A device comes, goes or is used in place of another. */
  changeDevices(change: Partial<DevicesView>): void;
  /** Someone writes to us. */
  receive(text: string, peer?: string): void;
  /** What is sent from now on waits until then; `null` for no longer. */
  holdMessages(until: string | null): void;
  /** The newest row's SMS becomes so. */
  changeNewest(alter: Partial<Message>): void;
  /** An event gets lost on the way. */
  loseEvent(): void;
  /** How often the window subscribed. */
  readonly subscriptions: number;
  /** People who are known by name from now on. */
  meet(contacts: readonly ContactView[]): void;
  /** What the next file is called; null for nobody wanting one. */
  chooseNext(path: string | null): void;
  /** The next command or question fails so. */
  failNext(code: ErrorCode, detail?: string): void;
  /** What hints say from now on, in place of what the fake makes of them. */
  hint(change: Hints): void;
  raise(notice: Notice): void;
  changeAccount(change: Partial<AccountView>): void;
  /** What was dispatched, oldest first. */
  readonly commands: readonly Command[];
  emit(kind: EventKind): void;
}

const FAULTS: Partial<Record<ErrorCode, Fault>> = { providerUnreachable: "network", internal: "tern", busy: "peer" };

export function createFake(options: FakeOptions = {}): Fake {
  let seq = 0;
  let storage = options.storage ?? (options.lively ? CLOSED[new URLSearchParams(window.location.search).get("show") ?? ""] : undefined);
  let sink: ((event: Event) => void) | undefined;
  let kept: ActivityItem[] = options.bare ? [] : data.activity(Date.now());
  let accounts: AccountView[] = options.bare ? [] : [data.account(Date.now())];
  let settings: Settings = {
    language: "system",
    appearance: "system",
    microphone: null,
    speaker: null,
    ringer: null,
    showMessageText: true,
  };
  let failure: ErrorView | null = null;
  let subscriptions = 0;
  let nextRow = 1000;
  let nextAccount = 2;
  let nextTopUp = 1;
  let playing: ReturnType<typeof setInterval> | undefined;
  let checking: ReturnType<typeof setInterval> | undefined;
  let devices = data.DEVICES;
  let hints: Hints = {};
  let heldUntil: string | null = null;
  let chosen: string | null | undefined;
  const drafts = new Map<ThreadId, string>();
  const commands: Command[] = [];

  const people = createPeople(() => named(kept), emit, () => changed(null));
  const calls = new FakeCalls({
    changed(call) {
      if (checking) check(false);
      emit({ type: "callChanged", call });
    },
    rang: (call) => emit({ type: "callRang", call: call.id }),
    ended(call, durationSeconds) {
      const outcome = call.end?.outcome ?? "failed";
      const unread = outcome === "missed";
      add(call.number ?? "", call.peer, call.peerName, unread, {
        type: "call",
        direction: call.direction,
        outcome,
        durationSeconds,
        price: null,
      });
    },
  });

  function emit(kind: EventKind): void {
    seq += 1;
    sink?.({ seq, kind });
  }

  function add(number: string, peer: string, peerName: string, unread: boolean, what: ActivityItem["what"]): ActivityItem {
    const thread = what.type === "transaction" ? null : data.threadId(number, peer);
    const at = new Date().toISOString();
    const row = { id: `row-${nextRow++}`, account: 1, thread, number, peer, peerName, at, unread, what, recording: null };
    kept = [row, ...kept];
    changed(thread);
    return row;
  }

  /** Rows with names from the contacts. */
  function named(all: readonly ActivityItem[]): ActivityItem[] {
    return all.map((row) => ({ ...row, peerName: people.nameOf(row.peer) ?? row.peerName }));
  }

  /** What anybody wants to see. */
  function wanted(): ActivityItem[] {
    return named(kept).filter((row) => !people.isBlocked(row.peer));
  }

  function changed(thread: ThreadId | null): void {
    emit({ type: "activityChanged", threads: thread === null ? [] : [thread] });
  }

  function change(id: ActivityId, alter: (row: ActivityItem) => ActivityItem): void {
    kept = kept.map((row) => (row.id === id ? alter(row) : row));
    changed(kept.find((row) => row.id === id)?.thread ?? null);
  }

  function snapshot(): Snapshot {
    return { seq, accounts, calls: calls.living, activity: page(null, 50), devices, settings, ...(storage && { storage }) };
  }

  function page(before: string | null, limit: number, thread?: ThreadId) {
    const all = thread === undefined ? wanted() : named(kept).filter((row) => row.thread === thread);
    return { ...pageOf(all, before, limit), unread: wanted().filter((row) => row.unread).length };
  }

  function thread(id: ThreadId, before: string | null, limit: number): ThreadView {
    const [, number = "", peer = ""] = id.split("/");
    const { items, next } = page(before, limit, id);
    const peerName = items[0]?.peerName ?? peer;
    const canReply = peer.startsWith("+");
    return { id, account: 1, number, peer, peerName, canReply, draft: drafts.get(id) ?? "", items, next };
  }

  function send(from: string, to: string, text: string): Reply {
    if (text.trim() === "") throw problem("emptyMessage");
    if (!/^\+?[\d\s().-]{5,}$/.test(to)) throw problem("invalidRecipient");
    const peer = to.replace(/[^\d+]/g, "");
    const known = kept.find((row) => row.peer === peer);
    const row = add(from, peer, known?.peerName ?? to, false, {
      type: "message",
      message: { incoming: false, text, state: "queued", error: null, price: null, leavesAt: heldUntil },
    });
    drafts.delete(data.threadId(from, peer));
    const become = (state: "sending" | "sent" | "delivered", ms: number) =>
      setTimeout(() => change(row.id, (old) => withMessage(old, { state })), ms);
    if (heldUntil === null) {
      become("sending", 150);
      become("sent", 900);
      become("delivered", 2600);
    }
    return { type: "messageQueued", message: row.id, thread: data.threadId(from, peer) };
  }

  function play(path: string | null): void {
    clearInterval(playing);
    const lengthMs = 254_000;
    let positionMs = 0;
    const tell = () => emit({ type: "playingChanged", playing: path === null ? null : { path, positionMs, lengthMs } });
    tell();
    if (path === null) return;
    playing = setInterval(() => {
      positionMs += 1000;
      if (positionMs >= lengthMs) play(null);
      else tell();
    }, 1000);
  }

  function check(on: boolean): void {
    clearInterval(checking);
    checking = undefined;
    if (!on) return emit({ type: "soundChecked", check: null });
    if (calls.living.length > 0) throw problem("soundInUse");
    let tenth = 0;
    const level = (phase: number) => 0.3 + 0.25 * Math.sin(tenth * 0.7 + phase);
    const tell = () => emit({ type: "soundChecked", check: { levelIn: level(0), levelOut: tenth < 10 ? 0 : level(1), trouble: null } });
    tell();
    checking = setInterval(() => {
      tenth += 1;
      tell();
    }, 100);
  }

  function addFunds(amount: string): Reply {
    const value = Number(amount);
    if (!/^\d+(\.\d{1,2})?$/.test(amount) || value < 5 || value > 3600) throw problem("invalidAmount");
    const topup: TopUpView = {
      id: `topup-${nextTopUp++}`,
      amount: { amount, currency: "USD" },
      state: "pending",
      host: "pay.sandbox.tern",
    };
    fake.changeAccount({ topups: [...(accounts[0]?.topups ?? []), topup] });
    setTimeout(() => {
      const balance = accounts[0]?.balance;
      if (!balance) return;
      const after = (Number(balance.money.amount) + value).toFixed(2);
      add("", "", "", false, {
        type: "transaction",
        transaction: {
          kind: "topUp",
          amount: { amount, currency: "USD" },
          balanceAfter: { amount: after, currency: "USD" },
          description: "Card payment",
        },
      });
      const topups = (accounts[0]?.topups ?? []).filter((other) => other.id !== topup.id);
      fake.changeAccount({ topups, balance: { ...balance, money: { amount: after, currency: "USD" } } });
      fake.raise({ type: "fundsAdded", account: 1, amount, currency: "USD" });
    }, 6000);
    return { type: "topUpStarted", topup: topup.id, host: topup.host };
  }

  function addAccount(account: NewAccount): Reply {
    const id = nextAccount++;
    const wrong = account.password === "wrong";
    accounts = [
      ...accounts,
      {
        id,
        name: account.name || `${account.user}@${account.domain}`,
        address: `${account.user}@${account.domain}`,
        sandbox: false,
        registration: { state: "registering" },
        numbers: [],
        balance: null,
        feed: { state: "none" },
        topupLimits: null,
        topups: [],
        media: account.options?.media ?? {},
        voicemail: null,
      },
    ];
    emit({ type: "accountChanged", account: id });
    setTimeout(() => {
      const registration: AccountView["registration"] = wrong
        ? { state: "stopped", error: problem("wrongPassword", "403 Forbidden") }
        : { state: "registered" };
      accounts = accounts.map((other) => (other.id === id ? { ...other, registration } : other));
      emit({ type: "accountChanged", account: id });
    }, 800);
    return { type: "accountAdded", account: id };
  }

  function act(command: Command): Reply {
    const done: Reply = { type: "done" };
    switch (command.type) {
      case "openStorage": {
        const { choice } = command;
        if (choice.type === "askKeyring") throw problem("storageClosed");
        if (choice.type === "passphrase" && choice.passphrase !== PASSPHRASE) throw problem("wrongPassphrase");
        storage = undefined;
        emit({ type: "storageChanged" });
        return done;
      }
      case "addAccount":
        return addAccount(command.account);
      case "removeAccount":
        accounts = accounts.filter((account) => account.id !== command.account);
        emit({ type: "accountChanged", account: command.account });
        return done;
      case "changeMedia":
        accounts = accounts.map((each) => (each.id === command.account ? { ...each, media: command.media } : each));
        emit({ type: "accountChanged", account: command.account });
        return done;
      case "providePassword":
      case "reconnect":
        fake.changeAccount({ registration: { state: "registering" }, feed: { state: "fresh" } });
        setTimeout(() => fake.changeAccount({ registration: { state: "registered" } }), 600);
        return done;
      case "placeCall": {
        const target = command.target.replace(/[\s().-]/g, "");
        if (isEmergency(command.target)) throw problem("emergencyNotSupported");
        if (!/^(\+?\d{3,}|[a-z-]+|.+@.+)$/.test(target)) throw problem("invalidTarget");
        return { type: "callPlaced", call: calls.place(target, data.OWN.london).id };
      }
      case "answerCall":
      case "declineCall":
      case "hangUpCall":
      case "muteCall":
      case "sendDigit":
      case "holdCall":
      case "transferCall":
      case "transferToCall":
      case "answerTransfer":
      case "followRedirect":
        if (!calls.has(command.call)) throw problem("notFound");
        if (command.type === "answerCall") calls.answer(command.call);
        if (command.type === "declineCall") calls.decline(command.call);
        if (command.type === "hangUpCall") calls.hangUp(command.call);
        if (command.type === "holdCall") calls.hold(command.call, command.held);
        if (command.type === "transferCall") calls.transfer(command.call, command.target);
        if (command.type === "transferToCall") calls.join(command.call, command.other);
        if (command.type === "answerTransfer") calls.answerTransfer(command.call, command.accept);
        if (command.type === "followRedirect") calls.follow(command.call, command.target);
        if (command.type === "muteCall") calls.mute(command.call, command.muted);
        return done;
      case "joinCalls":
        calls.joinAll();
        return done;
      case "leaveConference":
      case "recordCall":
        if (!calls.has(command.call)) throw problem("notFound");
        if (command.type === "recordCall") calls.record(command.call, command.on);
        else calls.leave(command.call);
        return done;
      case "playFile":
        play(command.path);
        return done;
      case "stopPlaying":
        play(null);
        return done;
      case "testMicrophone":
        check(command.on);
        return done;
      case "askRate":
        askRate(command.target);
        return done;
      case "sendMessage":
        return send(command.from, command.to, command.text);
      case "retryMessage":
        change(command.message, (row) => withMessage(row, { state: "queued", error: null }));
        setTimeout(() => change(command.message, (row) => withMessage(row, { state: "sent" })), 1200);
        return done;
      case "saveDraft":
        drafts.set(command.thread, command.text);
        return done;
      case "markThreadRead":
        kept = kept.map((row) => (row.thread === command.thread ? { ...row, unread: false } : row));
        changed(command.thread);
        return done;
      case "markCallsRead":
        kept = kept.map((row) => (row.what.type === "call" ? { ...row, unread: false } : row));
        changed(null);
        return done;
      case "addFunds":
        return addFunds(command.amount);
      case "orderNumbers":
        return { type: "ordered", order: desk.order };
      case "uploadGreeting":
        return { type: "greetingUploaded", greeting: desk.greeting };
      case "handInPaper":
        return { type: "paperHandedIn", paper: desk.paper };
      case "askRefund":
        return { type: "refundAsked", refund: desk.refund };
      case "restoreNumber":
      case "renewNumber":
      case "forwardNumber":
      case "changeAnswering":
        return done;
      case "openCheckout":
      case "copyCode":
        return done;
      case "saveContact":
      case "markFavourite":
      case "removeContact":
      case "importContacts":
      case "blockNumber":
      case "unblockNumber":
        return people.act(command);
      case "addAddressBook":
      case "syncAddressBooks":
        return { type: "addressBooksSynced", books: [] };
      case "removeAddressBook":
        return done;
      case "deleteThread":
        kept = kept.filter((row) => row.thread !== command.thread);
        changed(command.thread);
        return { type: "threadDeleted", asked: 0, staying: 0 };
      case "rebuildSearch":
        return done;
      case "changeSettings":
        settings = command.settings;
        emit({ type: "settingsChanged" });
        return done;
    }
  }

  function answer(query: Query): Answer {
    switch (query.type) {
      case "snapshot":
        return { type: "snapshot", snapshot: snapshot() };
      case "activity":
        return { type: "activity", page: page(query.before, query.limit) };
      case "thread":
        return { type: "thread", thread: thread(query.thread, query.before, query.limit) };
      case "devices":
        return { type: "devices", devices };
      case "target":
        return { type: "target", target: { ...targetView(known(query.account), query.target), ...hints.target } };
      case "composed":
        return { type: "composed", composed: { ...composedView(query.from ?? data.OWN.london, query.to, query.text), ...hints.composed } };
      case "numberTerms":
        return { type: "numberTerms", terms: { ...termsView(known(query.account), Date.now()), ...hints.terms } };
      case "offers":
        return { type: "offers", offers: desk.OFFERS };
      case "quote":
        return { type: "quote", quote: desk.quote };
      case "forwarding":
        return { type: "forwarding", forwarding: desk.forwarding };
      case "answering":
        return { type: "answering", answering: desk.answering };
      case "voicemails": {
        const left = kept.find((row) => row.what.type === "call" && row.what.outcome === "missed");
        const some = left !== undefined && known(query.account).voicemail !== null;
        const { id: call, peerName, at } = left ?? { id: "", peerName: "", at: "" };
        return { type: "voicemails", voicemails: some ? [{ id: "v1", call, peerName, at, seconds: 23, heard: false }] : [] };
      }
      case "voicemailSound":
        return { type: "voicemailSound", path: "/data/sam/voicemail.wav" };
      case "papers":
        return { type: "papers", papers: [desk.paper] };
      case "ledger":
        return { type: "ledger", ledger: desk.ledger };
      case "refunds":
        return { type: "refunds", refunds: [desk.refund] };
      case "addressBooks":
        return { type: "addressBooks", books: [] };
      default:
        return people.answer(query);
    }
  }

  function known(id: AccountId): AccountView {
    const found = accounts.find((account) => account.id === id);
    if (!found) throw problem("notFound");
    return found;
  }

  /** A promise of its own turn, as IPC has it. */
  async function crossing<T>(work: () => T): Promise<T> {
    await Promise.resolve();
    if (failure) {
      const thrown = failure;
      failure = null;
      throw thrown;
    }
    return structuredClone(work());
  }

  const fake: Fake = {
    dispatch(command) {
      commands.push(structuredClone(command));
      return crossing(() => act(command));
    },
    ask: (query) => crossing(() => answer(query)),
    subscribe(onEvent) {
      subscriptions += 1;
      sink = (event) => onEvent(structuredClone(event));
      if (options.lively && subscriptions === 1) enliven(fake);
      return crossing(snapshot);
    },
    chooseFile: (name) => Promise.resolve(chosen === undefined ? `/data/sam/Documents/${name}` : chosen),
    meet: (contacts) => people.meet(contacts),
    chooseNext: (path) => (chosen = path),
    askTransfer: (call, to) => calls.askTransfer(call, to),
    changeDevices(alter) {
      devices = { ...devices, ...alter };
      emit({ type: "devicesChanged" });
    },
    disturb: (quality) => calls.disturb(quality),
    ring: (peer = "+447700900142") => calls.ring(peer, data.OWN.london).id,
    receive(text, peer = "+447700900142") {
      const name = kept.find((row) => row.peer === peer)?.peerName ?? peer;
      const message = { incoming: true, text, state: "received" as const, error: null, price: null };
      const item = add(data.OWN.london, peer, name, true, { type: "message", message });
      emit({ type: "messageArrived", item });
    },
    holdMessages(until) {
      heldUntil = until;
    },
    changeNewest(alter) {
      const newest = kept.find((row) => row.what.type === "message");
      if (newest) change(newest.id, (row) => withMessage(row, alter));
    },
    loseEvent() {
      seq += 1;
    },
    get subscriptions() {
      return subscriptions;
    },
    failNext(code, detail) {
      failure = problem(code, detail);
    },
    hint: (change) => (hints = change),
    raise: (notice) => emit({ type: "noticeRaised", notice }),
    changeAccount(alter) {
      accounts = accounts.map((account, index) => (index === 0 ? { ...account, ...alter } : account));
      emit({ type: "accountChanged", account: 1 });
    },
    get commands() {
      return commands;
    },
    emit,
  };
  return fake;
}

function problem(code: ErrorCode, detail?: string): ErrorView {
  return { code, fault: FAULTS[code] ?? "user", detail: detail ?? null };
}

type Message = Extract<ActivityItem["what"], { type: "message" }>["message"];

function withMessage(row: ActivityItem, alter: Partial<Message>): ActivityItem {
  if (row.what.type !== "message") return row;
  return { ...row, what: { type: "message", message: { ...row.what.message, ...alter } } };
}

/** What keeps the history closed, by `?show=` in the address. */
const CLOSED: Record<string, StorageView> = {
  choose: { type: "choose", plain: false },
  closed: { type: "passphraseNeeded" },
  locked: { type: "keyringClosed" },
};

/** `?show=` in the address picks what a browser sees happen. */
function enliven(fake: Fake): void {
  const wanted = new URLSearchParams(window.location.search).get("show")?.split(",") ?? [];
  const acts: Record<string, () => void> = {
    away: () => fake.raise({ type: "whileAway", messages: 3, people: 2, missedCalls: 1 }),
    ring: () => void fake.ring(),
    stale: () =>
      fake.changeAccount({
        feed: { state: "stale", since: new Date(Date.now() - 900_000).toISOString(), error: problem("providerUnreachable") },
      }),
    history: () => fake.changeAccount({ history: { rows: 12_400, total: 90_000 } }),
    voicemail: () => fake.changeAccount({ voicemail: { new: 2, old: 1, urgent: 0, mailbox: "*97" } }),
    password: () => fake.changeAccount({ registration: { state: "passwordNeeded", error: problem("passwordNeeded") } }),
    retrying: () =>
      fake.changeAccount({
        registration: {
          state: "retrying",
          error: problem("sipUnreachable"),
          nextTry: new Date(Date.now() + 20_000).toISOString(),
        },
      }),
    funds: () => fake.raise({ type: "fundsAdded", account: 1, amount: "25.00", currency: "USD" }),
  };
  setTimeout(() => wanted.forEach((name) => acts[name]?.()), 300);
  // Left open on the page, so that a person can make things happen from the browser's console.
  Object.assign(window, { tern: fake });
}

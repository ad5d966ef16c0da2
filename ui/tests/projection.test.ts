import { describe, expect, it } from "vitest";
import { account } from "../src/api/fake-data";
import type { AccountView, ActivityItem, CallView, Event, EventKind, Snapshot } from "../src/api/generated";
import { empty, step, type Effect, type Input, type Projection } from "../src/state/projection";
import { callView } from "./views";

const snapshot = (seq: number, calls: CallView[] = []): Snapshot => ({
  seq,
  accounts: [],
  calls,
  activity: { items: [], next: null, unread: 0 },
  devices: { inputs: [], outputs: [], microphone: null, speaker: null },
  settings: {},
});

const call = (id: number, state: CallView["state"]): CallView => callView({ id, state });

const event = (seq: number, kind: EventKind): Input => ({ type: "event", event: { seq, kind } });
const changed = (seq: number, what: CallView): Input => event(seq, { type: "callChanged", call: what });

function run(inputs: Input[], from: Projection = empty()): { state: Projection; effects: Effect[] } {
  const effects: Effect[] = [];
  const state = inputs.reduce((before, input) => {
    const after = step(before, input);
    effects.push(...after.effects);
    return after.state;
  }, from);
  return { state, effects };
}

describe("sequence", () => {
  it("follows events that continue from the snapshot", () => {
    const { state, effects } = run([
      { type: "subscribed", snapshot: snapshot(7) },
      changed(8, call(1, "dialing")),
      changed(9, call(1, "ringing")),
    ]);
    expect(state.link).toEqual({ state: "live", seq: 9 });
    expect(state.calls.map((each) => each.state)).toEqual(["ringing"]);
    expect(effects).toEqual([{ type: "readPeople" }, { type: "showCall" }]);
  });

  it("asks for a new snapshot when an event is missing, and takes nothing until it is there", () => {
    const { state, effects } = run([
      { type: "subscribed", snapshot: snapshot(7) },
      changed(9, call(1, "ringing")),
      changed(10, call(1, "connected")),
    ]);
    expect(effects).toEqual([{ type: "readPeople" }, { type: "subscribe" }]);
    expect(state.calls).toEqual([]);
    expect(state.link.state).toBe("waiting");

    const later = run([{ type: "subscribed", snapshot: snapshot(10, [call(1, "connected")]) }], state);
    expect(later.state.calls.map((each) => each.state)).toEqual(["connected"]);
    expect(later.state.link).toEqual({ state: "live", seq: 10 });
  });

  it("leaves out events the snapshot has already", () => {
    const { state, effects } = run([
      { type: "subscribed", snapshot: snapshot(7, [call(1, "connected")]) },
      changed(6, call(1, "dialing")),
      changed(7, call(1, "ringing")),
    ]);
    expect(state.calls.map((each) => each.state)).toEqual(["connected"]);
    expect(effects).toEqual([{ type: "readPeople" }, { type: "showCall" }]);
  });

  it("keeps events that outrun the snapshot", () => {
    const { state } = run([
      { type: "subscribing" },
      changed(5, call(1, "dialing")),
      changed(6, call(1, "ringing")),
      { type: "subscribed", snapshot: snapshot(5, [call(1, "dialing")]) },
    ]);
    expect(state.link).toEqual({ state: "live", seq: 6 });
    expect(state.calls.map((each) => each.state)).toEqual(["ringing"]);
  });

  it("finds a gap among early events too, and stays bounded", () => {
    const flood: Input[] = Array.from({ length: 400 }, (_, index) => changed(index + 1, call(1, "ringing")));
    const { state, effects } = run([
      { type: "subscribing" },
      ...flood,
      { type: "subscribed", snapshot: snapshot(0) },
      changed(401, call(1, "connected")),
    ]);
    expect(effects).toContainEqual({ type: "subscribe" });
    expect(state.link.state).toBe("waiting");
  });
});

describe("calls", () => {
  it("keeps an ended call until the window forgets it, and never a living one", () => {
    const ended = call(1, "ended");
    const { state, effects } = run([
      { type: "subscribed", snapshot: snapshot(0) },
      changed(1, call(1, "connected")),
      changed(2, call(2, "ringing")),
      changed(3, ended),
      { type: "callForgotten", call: 2 },
    ]);
    expect(state.calls.map((each) => [each.id, each.state])).toEqual([[1, "ended"], [2, "ringing"]]);
    expect(effects.filter((effect) => effect.type === "forgetLater")).toEqual([{ type: "forgetLater", call: ended }]);
    expect(run([{ type: "callForgotten", call: 1 }], state).state.calls.map((each) => each.id)).toEqual([2]);
  });
});

it("shows a call once someone has taken it, wherever they did", () => {
  const incoming = (state: CallView["state"]): CallView => ({ ...call(1, state), direction: "incoming" });
  const { state, effects } = run([{ type: "subscribed", snapshot: snapshot(0) }, changed(1, incoming("ringing"))]);
  expect(effects).toEqual([{ type: "readPeople" }]);
  const answered = run([changed(2, incoming("connecting")), changed(3, incoming("connected"))], state);
  expect(answered.effects).toEqual([{ type: "showCall" }]);
  expect(run([{ type: "subscribed", snapshot: snapshot(9, [incoming("connected")]) }]).effects).toContainEqual({ type: "showCall" });
  expect(run([{ type: "subscribed", snapshot: snapshot(9, [incoming("ringing")]) }]).effects).toEqual([{ type: "readPeople" }]);
});

describe("feed", () => {
  const item = (id: string, minute: number): ActivityItem => ({
    id,
    account: 1,
    thread: "a",
    number: "",
    peer: "",
    peerName: "",
    at: new Date(Date.UTC(2026, 0, 1, 12, minute)).toISOString(),
    unread: false,
    recording: null,
    what: { type: "call", direction: "incoming", outcome: "missed", durationSeconds: 0, price: null },
  });

  it("reads the feed again on a change, and the thread only where it is open", () => {
    const live = run([{ type: "subscribed", snapshot: snapshot(0) }]).state;
    const change: EventKind = { type: "activityChanged", threads: ["a"] };
    expect(run([event(1, change)], live).effects).toEqual([{ type: "readActivity" }]);

    const thread = { id: "a", account: 1, number: "", peer: "", peerName: "", canReply: true, draft: "", items: [], next: null };
    const open = run([{ type: "threadRead", thread }], live).state;
    expect(run([event(1, change)], open).effects).toEqual([{ type: "readActivity" }, { type: "readThread", thread: "a" }]);
    expect(run([event(1, { type: "activityChanged", threads: ["b"] })], open).effects).toEqual([{ type: "readActivity" }]);
  });

  it("keeps what was scrolled to, and drops what is gone", () => {
    const first = { items: [item("4", 4), item("3", 3)], next: "3", unread: 0 };
    const older = { items: [item("2", 2), item("1", 1)], next: null, unread: 0 };
    const again = { items: [item("5", 5), item("3", 3)], next: "3", unread: 1 };
    const { state } = run([
      { type: "newestActivityRead", page: first },
      { type: "olderActivityRead", page: older },
      { type: "newestActivityRead", page: again },
    ]);
    expect(state.feed.items.map((row) => row.id)).toEqual(["5", "3", "2", "1"]);
    expect(state.feed.next).toBeNull();
    expect(state.feed.unread).toBe(1);
  });

  it("takes a page that is the whole feed for the whole feed", () => {
    const { state } = run([
      { type: "newestActivityRead", page: { items: [item("2", 2), item("1", 1)], next: null, unread: 0 } },
      { type: "newestActivityRead", page: { items: [item("2", 2)], next: null, unread: 0 } },
    ]);
    expect(state.feed.items.map((row) => row.id)).toEqual(["2"]);
  });
});

describe("notices", () => {
  const raise = (seq: number, notice: Extract<EventKind, { type: "noticeRaised" }>["notice"]): Input =>
    event(seq, { type: "noticeRaised", notice });

  it("shows what was raised before the window was there, once", () => {
    const away = { type: "whileAway", messages: 1, people: 1, missedCalls: 1 } as const;
    const told = { ...snapshot(3), notices: [away] };
    const { state } = run([{ type: "subscribed", snapshot: told }]);
    expect(state.notices.map((shown) => shown.notice)).toEqual([away]);
    const id = state.notices[0]?.id ?? 0;
    const again = run([{ type: "noticeDismissed", id }, { type: "subscribed", snapshot: told }], state);
    expect(again.state.notices).toEqual([]);
  });

  it("replaces what was said before, and can be dismissed", () => {
    const { state } = run([
      { type: "subscribed", snapshot: snapshot(0) },
      raise(1, { type: "whileAway", messages: 1, people: 1, missedCalls: 0 }),
      raise(2, { type: "whileAway", messages: 2, people: 1, missedCalls: 1 }),
    ]);
    expect(state.notices).toHaveLength(1);
    expect(state.notices[0]?.notice).toMatchObject({ messages: 2 });
    const id = state.notices[0]?.id ?? 0;
    expect(run([{ type: "noticeDismissed", id }], state).state.notices).toEqual([]);
  });
});

describe("rereading", () => {
  it("never lets a snapshot that was only asked for move the sequence or the calls", () => {
    const events: Event["kind"] = { type: "accountChanged", account: 1 };
    const { state, effects } = run([
      { type: "subscribed", snapshot: snapshot(0, [call(1, "connected")]) },
      event(1, events),
      { type: "refreshed", snapshot: { ...snapshot(9), settings: { language: "fr" } } },
    ]);
    expect(effects).toContainEqual({ type: "refresh" });
    expect(state.link).toEqual({ state: "live", seq: 1 });
    expect(state.calls).toHaveLength(1);
    expect(state.settings.language).toBe("fr");
  });
});

it("reads voice messages only where a machine tells of some, and again when it tells otherwise", () => {
  const told = (id: number, count: number | null): AccountView => ({
    ...account(Date.parse("2026-03-18T12:00:00Z")),
    id,
    voicemail: count === null ? null : { new: count, old: 0, urgent: 0, mailbox: null },
  });
  const shot = (...accounts: AccountView[]): Snapshot => ({ ...snapshot(1), accounts });
  const first = run([{ type: "subscribed", snapshot: shot(told(1, null), told(2, 1)) }]);
  expect(first.effects).toEqual([{ type: "readPeople" }, { type: "readVoicemails", account: 2 }]);
  const same = run([{ type: "refreshed", snapshot: shot(told(1, null), told(2, 1)) }], first.state);
  expect(same.effects).toEqual([]);
  const more = run([{ type: "refreshed", snapshot: shot(told(1, 1), told(2, 1)) }], first.state);
  expect(more.effects).toEqual([{ type: "readVoicemails", account: 1 }]);
});

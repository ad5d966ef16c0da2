import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { createFake } from "../src/api/fake";
import type { Command, Event, Query } from "../src/api/generated";

const generated = readFileSync(join(import.meta.dirname, "../src/api/generated.ts"), "utf8").replace(/\/\*[\s\S]*?\*\//g, "");

/** The `type` of every member of a union in the generated file. */
function members(union: string): string[] {
  const start = generated.indexOf(`export type ${union} =`);
  const end = generated.indexOf("export type", start + 1);
  return [...generated.slice(start, end).matchAll(/\{ type: "(\w+)"/g)].map((match) => match[1]!);
}

const secret = { name: "", user: "u", domain: "d", password: "p", proxy: null, transport: "udp" as const, provider: null };
const THREAD = "1/+442079460123/+447700900142";

const COMMANDS: { [T in Command["type"]]: Extract<Command, { type: T }> } = {
  addAccount: { type: "addAccount", account: secret },
  removeAccount: { type: "removeAccount", account: 2 },
  providePassword: { type: "providePassword", account: 1, password: "p" },
  changeMedia: { type: "changeMedia", account: 1, media: { security: "required" } },
  reconnect: { type: "reconnect", account: 1 },
  placeCall: { type: "placeCall", account: 1, target: "echo" },
  answerCall: { type: "answerCall", call: 1 },
  declineCall: { type: "declineCall", call: 1 },
  hangUpCall: { type: "hangUpCall", call: 1 },
  muteCall: { type: "muteCall", call: 1, muted: true },
  holdCall: { type: "holdCall", call: 1, held: true },
  transferCall: { type: "transferCall", call: 1, target: "+33639981207" },
  transferToCall: { type: "transferToCall", call: 1, other: 1 },
  answerTransfer: { type: "answerTransfer", call: 1, accept: false },
  orderNumbers: { type: "orderNumbers", account: 1, order: { offer: "gb-mobile", count: 1, months: 1, trial: false } },
  restoreNumber: { type: "restoreNumber", account: 1, number: "+447700900142" },
  renewNumber: { type: "renewNumber", account: 1, number: "+447700900142", on: false },
  forwardNumber: {
    type: "forwardNumber",
    account: 1,
    number: "+447700900142",
    forwarding: { targets: [{ type: "ownSip" }], inTurn: false },
  },
  uploadGreeting: { type: "uploadGreeting", account: 1, path: "/tmp/hello.wav" },
  changeAnswering: { type: "changeAnswering", account: 1, number: "+447700900142", on: true, greeting: null },
  handInPaper: { type: "handInPaper", account: 1, paper: { type: "passport", path: "/tmp/passport.jpg" } },
  askRefund: {
    type: "askRefund",
    account: 1,
    refund: { service: "+447700900142", amount: "3.20", reason: "out_of_service", paymentDetails: null },
  },
  askRate: { type: "askRate", account: 1, target: "+33639981207" },
  followRedirect: { type: "followRedirect", call: 1, target: 0 },
  sendDigit: { type: "sendDigit", call: 1, digit: "5" },
  joinCalls: { type: "joinCalls" },
  leaveConference: { type: "leaveConference", call: 1 },
  recordCall: { type: "recordCall", call: 1, on: true },
  playFile: { type: "playFile", path: "a.wav" },
  stopPlaying: { type: "stopPlaying" },
  testMicrophone: { type: "testMicrophone", on: true },
  sendMessage: { type: "sendMessage", account: 1, from: "+442079460123", to: "+447700900142", text: "hi" },
  retryMessage: { type: "retryMessage", message: "row-8" },
  saveDraft: { type: "saveDraft", thread: THREAD, text: "so" },
  markThreadRead: { type: "markThreadRead", thread: THREAD },
  markCallsRead: { type: "markCallsRead" },
  copyCode: { type: "copyCode", code: "482913" },
  addFunds: { type: "addFunds", account: 1, amount: "25.00" },
  openCheckout: { type: "openCheckout", account: 1, topup: "t" },
  openStorage: { type: "openStorage", choice: { type: "noHistory" } },
  saveContact: { type: "saveContact", card: { name: "Ann", note: "", numbers: [{ number: "+447700900142", label: "cell" }] } },
  markFavourite: { type: "markFavourite", contact: 1, favourite: true },
  addAddressBook: { type: "addAddressBook", url: "example.com", user: "ann", password: "secret" },
  syncAddressBooks: { type: "syncAddressBooks", password: null },
  removeAddressBook: { type: "removeAddressBook", book: 1 },
  removeContact: { type: "removeContact", contact: 1 },
  importContacts: { type: "importContacts", vcards: "" },
  blockNumber: { type: "blockNumber", number: "+447700900142", spam: true },
  unblockNumber: { type: "unblockNumber", number: "+447700900142" },
  deleteThread: { type: "deleteThread", thread: THREAD },
  rebuildSearch: { type: "rebuildSearch" },
  changeSettings: { type: "changeSettings", settings: { language: "fr" } },
};

const QUERIES: { [T in Query["type"]]: Extract<Query, { type: T }> } = {
  snapshot: { type: "snapshot" },
  activity: { type: "activity", before: null, limit: 10 },
  thread: { type: "thread", thread: THREAD, before: null, limit: 10 },
  devices: { type: "devices" },
  target: { type: "target", account: 1, target: "+33639981207" },
  composed: { type: "composed", account: 1, from: null, to: "+33639981207", text: "On my way" },
  numberTerms: { type: "numberTerms", account: 1 },
  search: { type: "search", text: "code", filter: {}, before: null, limit: 10 },
  blockedActivity: { type: "blockedActivity", before: null, limit: 10 },
  contacts: { type: "contacts" },
  addressBooks: { type: "addressBooks" },
  exportContacts: { type: "exportContacts" },
  blocked: { type: "blocked" },
  export: { type: "export", format: "csv", path: "/tmp/all.csv" },
  offers: { type: "offers", account: 1, country: null },
  quote: { type: "quote", account: 1, order: { offer: "gb-mobile", count: 1, months: 1, trial: false } },
  forwarding: { type: "forwarding", account: 1, number: "+447700900142" },
  answering: { type: "answering", account: 1, number: "+447700900142" },
  voicemails: { type: "voicemails", account: 1 },
  voicemailSound: { type: "voicemailSound", account: 1, voicemail: "v1" },
  papers: { type: "papers", account: 1 },
  ledger: { type: "ledger", account: 1, from: null, to: null, kinds: [], page: null },
  refunds: { type: "refunds", account: 1 },
};

describe("the fake engine", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  it("is asked everything the engine can be asked here", () => {
    expect(Object.keys(COMMANDS).sort()).toEqual(members("Command").sort());
    expect(Object.keys(QUERIES).sort()).toEqual(members("Query").sort());
  });

  it.each(Object.values(COMMANDS))("takes $type", async (command) => {
    const fake = createFake();
    if ("call" in command) fake.ring();
    const reply = await fake.dispatch(command);
    expect(members("Reply")).toContain(reply.type);
  });

  it.each(Object.values(QUERIES))("answers $type with its own name", async (query) => {
    expect((await createFake().ask(query)).type).toBe(query.type);
  });

  it("counts events up by one from its snapshot", async () => {
    const fake = createFake();
    const seen: Event[] = [];
    const { seq } = await fake.subscribe((event) => seen.push(event));
    fake.receive("hello");
    fake.ring();
    await fake.dispatch({ type: "answerCall", call: 1 });
    await vi.advanceTimersByTimeAsync(3000);
    await fake.dispatch({ type: "hangUpCall", call: 1 });
    expect(seen.length).toBeGreaterThan(6);
    expect(seen.map((event) => event.seq)).toEqual(seen.map((_, index) => seq + 1 + index));
    expect(seen.every((event) => members("EventKind").includes(event.kind.type))).toBe(true);
  });

  it("turns a page without losing or repeating a row", async () => {
    const fake = createFake();
    const ids: string[] = [];
    for (let before: string | null = null, more = true; more; more = before !== null) {
      const answer = await fake.ask({ type: "activity", before, limit: 20 });
      if (answer.type !== "activity") throw new Error(answer.type);
      ids.push(...answer.page.items.map((item) => item.id));
      before = answer.page.next;
    }
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThan(60);
  });

  it("rejects with what a person can be told", async () => {
    const fake = createFake();
    await expect(fake.dispatch({ type: "placeCall", account: 1, target: "112" })).rejects.toMatchObject({
      code: "emergencyNotSupported",
    });
    await expect(fake.dispatch({ type: "hangUpCall", call: 99 })).rejects.toMatchObject({ code: "notFound" });
  });
});

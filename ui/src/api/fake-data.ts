// What the fake engine starts with: a few numbers, people who write in three languages, calls of every kind.

import type { AccountView, ActivityItem, ActivityWhat, DevicesView, MessageState, MoneyView } from "./generated";

export const OWN = { london: "+442079460123", paris: "+33199001234", moscow: "+74951234567" } as const;

const usd = (amount: string): MoneyView => ({ amount, currency: "USD" });

export function account(now: number): AccountView {
  const renews = (days: number) => new Date(now + days * 86_400_000).toISOString().slice(0, 10);
  return {
    id: 1,
    name: "Sandbox",
    address: "demo-1@sandbox.tern",
    sandbox: true,
    registration: { state: "registered" },
    numbers: [
      number(OWN.london, "+44 20 7946 0123", "GB", "London", "Work", renews(12)),
      number(OWN.paris, "+33 1 99 00 12 34", "FR", "Paris", null, renews(3)),
      number(OWN.moscow, "+7 495 123-45-67", "RU", "Москва", null, renews(25)),
    ],
    balance: { money: usd("24.36"), at: new Date(now - 40_000).toISOString(), stale: false },
    feed: { state: "fresh" },
    topupLimits: ["5.00", "3600.00"],
    topups: [],
    media: {},
    voicemail: null,
  };
}

function number(e164: string, formatted: string, country: string, city: string, label: string | null, renewsOn: string) {
  return { e164, formatted, country, city, label, calls: true, sms: true, renewsOn, active: true };
}

export const DEVICES: DevicesView = {
  inputs: [
    { id: "mic-built-in", name: "Built-in Microphone", default: true },
    { id: "mic-headset", name: "Sennheiser SC 165 USB Headset, Mono", default: false },
  ],
  outputs: [
    { id: "out-built-in", name: "Built-in Speakers", default: true },
    { id: "out-headset", name: "Sennheiser SC 165 USB Headset, Analog Stereo", default: false },
  ],
  microphone: null,
  speaker: null,
};

/** A conversation's id as the fake writes it; the window never takes one apart. */
export function threadId(number: string, peer: string): string {
  return `1/${number}/${peer}`;
}

/** Recent Activity, newest first. */
export function activity(now: number): ActivityItem[] {
  const rows: ActivityItem[] = [];
  const add = (minutesAgo: number, number: string, peer: string, peerName: string, unread: boolean, what: ActivityWhat) =>
    rows.push({
      id: `row-${rows.length + 1}`,
      account: 1,
      thread: what.type === "transaction" ? null : threadId(number, peer),
      number,
      peer,
      peerName,
      at: new Date(now - minutesAgo * 60_000).toISOString(),
      unread,
      what,
      recording: what.type === "call" && what.durationSeconds === 254 ? RECORDING : null,
    });
  const { london, paris, moscow } = OWN;
  const [anna, camille, lev] = ["+447700900142", "+33639981207", "+79001234501"];

  add(3, london, anna, "Anna Whitfield", true, text(true, "Running ten minutes late, the 73 is stuck at Angel again 🙈"));
  add(9, london, "BANKLINE", "BANKLINE", true, coded("481 920 is your one-time code. We will never ask you for it.", "481920"));
  add(26, paris, "+33639984410", "+33 6 39 98 44 10", true, call("incoming", "missed", 0, null));
  add(41, london, anna, "Anna Whitfield", false, text(false, "See you at noon, usual table?", "delivered", "-0.06"));
  add(44, london, anna, "Anna Whitfield", false, text(true, "Lunch today?"));
  add(95, london, anna, "Anna Whitfield", false, call("outgoing", "answered", 254, "-0.09"));
  add(130, paris, camille, "Camille Roux", false, text(true, "Bonjour, le colis est arrivé à l’accueil. Vous passez le prendre ce soir ?"));
  add(133, paris, camille, "Camille Roux", false, text(false, "Merci beaucoup, je passe vers 18 h.", "failed", null));
  add(60 * 20, moscow, lev, "Лев Орлов", false, text(true, "Договор подписан, высылаю скан вечером. Если что-то нужно поправить — звоните."));
  add(60 * 20 + 12, moscow, lev, "Лев Орлов", false, call("incoming", "answered", 1337, "-0.22"));
  add(60 * 22, "", "", "", false, money("topUp", "25.00", "24.51", "Card payment"));
  add(60 * 23, london, "+447700900888", "+44 7700 900888", false, call("incoming", "declined", 0, null));
  add(60 * 25, london, "echo", "Echo test", false, call("outgoing", "answered", 31, null));
  add(60 * 47, london, "+15550100", "+1 555-0100", false, call("outgoing", "busy", 0, null));
  add(60 * 49, "", "", "", false, money("renewal", "-4.50", "-0.49", "+44 20 7946 0123, one month"));
  add(60 * 71, paris, "+33639980001", "+33 6 39 98 00 01", false, call("outgoing", "unanswered", 0, null));
  add(60 * 73, london, "+972500000123", "+972 50-000-0123", false, text(true, "שלום! ההזמנה שלך (#A-204) מוכנה לאיסוף."));
  add(60 * 96, "", "", "", false, money("cashback", "0.14", "4.01", "3% of your renewal"));
  add(60 * 120, moscow, "+79007654321", "+7 900 765-43-21", false, call("outgoing", "failed", 0, null));
  for (let day = 6; day < 60; day += 1) {
    add(60 * 24 * day, london, anna, "Anna Whitfield", false, text(day % 2 === 0, `Note of day ${day}`, "delivered"));
    add(60 * 24 * day + 90, paris, camille, "Camille Roux", false, call("incoming", "answered", 40 + day, "-0.02"));
  }
  return rows.sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
}

function text(incoming: boolean, words: string, state: MessageState = "sent", price: string | null = null): ActivityWhat {
  const failed = state === "failed";
  return {
    type: "message",
    message: {
      incoming,
      text: words,
      state: incoming ? "received" : state,
      error: failed ? { code: "providerFailed", fault: "provider", detail: "502 upstream" } : null,
      price: price === null ? null : usd(price),
    },
  };
}

function coded(words: string, code: string): ActivityWhat {
  const what = text(true, words);
  return what.type === "message" ? { ...what, message: { ...what.message, code } } : what;
}

/** What was recorded of one of the calls. */
export const RECORDING = "~/Music/Tern/2026-11-22 15.04 Anna Whitfield.opus";

type CallRow = Extract<ActivityWhat, { type: "call" }>;

function call(
  direction: CallRow["direction"],
  outcome: CallRow["outcome"],
  durationSeconds: number,
  price: string | null,
): ActivityWhat {
  return { type: "call", direction, outcome, durationSeconds, price: price === null ? null : usd(price) };
}

type Kind = Extract<ActivityWhat, { type: "transaction" }>["transaction"]["kind"];

function money(kind: Kind, amount: string, after: string, description: string): ActivityWhat {
  return { type: "transaction", transaction: { kind, amount: usd(amount), balanceAfter: usd(after), description } };
}

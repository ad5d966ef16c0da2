// What the fake engine knows of prices and rules: enough to see every hint of the window, no provider's real figures.

import type { AccountView, ComposedView, ErrorView, MoneyView, Price, TargetView, TermsView } from "./generated";

interface Land {
  prefix: string;
  country: string;
  minute: string;
  sms: string;
}

const LANDS: readonly Land[] = [
  { prefix: "+44", country: "GB", minute: "0.02", sms: "0.05" },
  { prefix: "+33", country: "FR", minute: "0.035", sms: "0.07" },
  { prefix: "+7", country: "RU", minute: "0.12", sms: "0.04" },
];
const EMERGENCY = ["112", "911", "999", "15", "17", "18", "101", "102", "103"];
const OWN_COUNTRY = "GB";
const DAY_MS = 86_400_000;

/** Numbers whose price was asked for. */
const asked = new Set<string>();

export function askRate(target: string): void {
  asked.add(plain(target));
}

export function isEmergency(target: string): boolean {
  return EMERGENCY.includes(plain(target));
}

function plain(target: string): string {
  return target.replace(/[\s().-]/g, "");
}

const usd = (amount: string): MoneyView => ({ amount, currency: "USD" });
const emergency: ErrorView = { code: "emergencyNotSupported", fault: "user", detail: null };

function known(amount: string): Price {
  return { state: "known", price: usd(amount), source: "rate", at: new Date().toISOString(), ageSeconds: 4 };
}

export function targetView(account: AccountView, typed: string): TargetView {
  const target = plain(typed);
  const land = LANDS.find((each) => target.startsWith(each.prefix));
  const whole = /^\+\d{10,15}$/.test(target);
  const minute: Price = land
    ? whole && asked.has(target)
      ? known(land.minute)
      : { state: "notAsked" }
    : { state: "notKnown", why: "noNumber" };
  const cents = Number(account.balance?.money.amount ?? 0);
  const mine = account.numbers[0];
  return {
    dialled: whole ? target : null,
    formatted: typed,
    country: land?.country ?? null,
    line: land && target.startsWith("+447") ? "mobile" : "unknown",
    number: mine?.e164 ?? null,
    call: isEmergency(target) ? { state: "refused", error: emergency } : { state: land ? "allowed" : "unknown" },
    minute,
    minutes: minute.state === "known" ? Math.floor(cents / Number(minute.price.amount)) : null,
    shown: !land
      ? { state: "unknown" }
      : land.country === OWN_COUNTRY && mine
        ? { state: "number", number: mine.e164, formatted: mine.formatted }
        : { state: "hidden", why: "otherCountry" },
    sms: { state: "unknown" },
    smsPrice: { state: "notKnown", why: "notTold" },
  };
}

/** Counted in a rough way of its own: any letter beyond Latin-1 makes a message one of 70. */
export function composedView(from: string, to: string, text: string): ComposedView {
  const isPlain = /^[\n\r -~¡-ÿ]*$/.test(text);
  const [single, each] = isPlain ? [160, 153] : [70, 67];
  const segments = text.length <= single ? 1 : Math.ceil(text.length / each);
  const room = segments === 1 ? single : segments * each;
  const land = LANDS.find((other) => to.startsWith(other.prefix));
  return {
    from,
    to,
    toFormatted: to,
    encoding: isPlain ? "gsm7" : "ucs2",
    segments,
    units: text.length,
    unitsLeft: room - text.length,
    price: land ? known((Number(land.sms) * segments).toFixed(2)) : { state: "notKnown", why: "notTold" },
    verdict: { state: "allowed" },
    limits: [
      { seconds: 1, limit: 1, left: 1, freeAt: null },
      { seconds: 3600, limit: 100, left: 97, freeAt: null },
      { seconds: 86_400, limit: 500, left: 488, freeAt: null },
    ],
    nextAt: null,
  };
}

export function termsView(account: AccountView, now: number): TermsView {
  const today = new Date(now).toISOString().slice(0, 10);
  const days = (on: string) => Math.round((Date.parse(on) - Date.parse(today)) / DAY_MS);
  return {
    today,
    numbers: account.numbers.map((number) => ({
      id: number.e164,
      e164: number.e164,
      formatted: number.formatted,
      state: "active",
      line: "landline",
      renewal: number.renewsOn
        ? { state: "renews", on: number.renewsOn, days: days(number.renewsOn), fee: usd("4.10"), covered: true, unpaid: "expires" }
        : { state: "notKnown" },
      next30Days: usd("4.10"),
      autoRenew: true,
      callerId: true,
      orderedOn: null,
      incomingMinute: null,
      smsPrice: null,
      smsLeft: null,
      callsLeft: null,
      restrictions: [],
    })),
    next30Days: account.numbers.length > 0 ? usd((account.numbers.length * 4.1).toFixed(2)) : null,
    covered: true,
    notPriced: 0,
  };
}

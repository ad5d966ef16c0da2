// What the fake engine knows of a call, an SMS and its numbers: believable, and as small as a demonstration needs.

import type {
  AccountView,
  CallAs,
  ComposedView,
  ErrorCode,
  Fault,
  Price,
  TargetView,
  TermsView,
  Verdict,
} from "./generated";

const refused = (code: ErrorCode, fault: Fault = "user"): Verdict => ({
  state: "refused",
  error: { code, fault, detail: null },
});

const price = (amount: string, source: "rate" | "numberTerms"): Price => ({
  state: "known",
  price: { amount, currency: "USD" },
  source,
  at: new Date(Date.now() - 40_000).toISOString(),
  ageSeconds: 40,
});

export function target(account: AccountView | undefined, typed: string, show?: CallAs | null): TargetView {
  const digits = typed.replace(/[^+\d]/g, "");
  const name = /^[a-z]/i.test(typed.trim());
  const emergency = ["112", "911", "999"].includes(digits);
  const whole = digits.length >= 9;
  const own = show?.type === "number" ? show.number : account?.numbers.find((number) => number.calls)?.e164;
  const balance = Number(account?.balance?.money.amount ?? 0);
  return {
    dialled: name ? typed.trim() : whole ? digits : null,
    formatted: typed.trim(),
    country: digits.startsWith("+33") ? "FR" : digits.startsWith("+49") ? "DE" : whole ? "GB" : null,
    line: name ? "noNumber" : whole ? "mobile" : "unknown",
    number: show?.type === "number" ? show.number : null,
    call: emergency
      ? refused("emergencyNotSupported")
      : digits.startsWith("+98")
        ? refused("destinationNotServed", "provider")
        : name
          ? { state: "unknown" }
          : whole
            ? { state: "allowed" }
            : refused("invalidTarget"),
    minute: whole ? price("0.05", "rate") : { state: "notKnown", why: "noNumber" },
    minutes: whole ? Math.floor(balance / 0.05) : null,
    shown:
      show?.type === "anonymous"
        ? { state: "hidden", why: "withheld" }
        : whole && own
          ? { state: "number", number: own, formatted: own }
          : { state: "unknown" },
    sms: whole ? { state: "allowed" } : refused("invalidRecipient"),
    smsPrice: whole ? price("0.08", "numberTerms") : { state: "notKnown", why: "noNumber" },
  };
}

export function composed(account: AccountView | undefined, from: string | null, to: string, text: string): ComposedView {
  const wide = [...text].some((letter) => letter > "\u00ff");
  const units = text.length;
  const [alone, joined] = wide ? [70, 67] : [160, 153];
  const segments = units <= alone ? 1 : Math.ceil(units / joined);
  const number = to.replace(/[^+\d]/g, "");
  return {
    from: from ?? account?.numbers.find((own) => own.sms)?.e164 ?? null,
    to: number.length >= 9 ? number : null,
    toFormatted: to,
    encoding: wide ? "ucs2" : "gsm7",
    segments,
    units,
    unitsLeft: (segments === 1 ? alone : segments * joined) - units,
    price: price("0.08", "numberTerms"),
    verdict: text.trim() === "" ? refused("emptyMessage") : { state: "allowed" },
    limits: [
      { seconds: 1, limit: 1, left: 1, freeAt: null },
      { seconds: 3600, limit: 100, left: 97, freeAt: null },
      { seconds: 86400, limit: 500, left: 481, freeAt: null },
    ],
    nextAt: null,
  };
}

export function terms(account: AccountView | undefined): TermsView {
  const day = (ahead: number) => new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10);
  const fee = { amount: "4.90", currency: "USD" };
  const numbers = (account?.numbers ?? []).map((number, place) => ({
    id: `num_${place}`,
    e164: number.e164,
    formatted: number.formatted,
    state: "active" as const,
    line: "mobile" as const,
    renewal: {
      state: "renews" as const,
      on: day(3 + 5 * place),
      days: 3 + 5 * place,
      fee,
      covered: true,
      unpaid: "expires" as const,
    },
    next30Days: fee,
    autoRenew: true,
    callerId: place === 0,
    orderedOn: day(-60),
    incomingMinute: { amount: "0.00", currency: "USD" },
    smsPrice: { amount: "0.08", currency: "USD" },
    smsLeft: null,
    callsLeft: null,
    restrictions: [],
  }));
  const sum = (numbers.length * 4.9).toFixed(2);
  return {
    today: day(0),
    numbers,
    next30Days: numbers.length > 0 ? { amount: sum, currency: "USD" } : null,
    covered: numbers.length > 0 ? Number(account?.balance?.money.amount ?? 0) >= Number(sum) : null,
    notPriced: 0,
  };
}

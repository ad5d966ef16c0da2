import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type {
  AccountView,
  BadSide,
  CallDirection,
  CallOutcome,
  CallState,
  DtmfWay,
  EndedBy,
  HiddenWhy,
  HoldSound,
  HoldState,
  MediaKeying,
  MediaSecurity,
  MessageState,
  RecordFormat,
  TransactionKind,
  TransferState,
} from "../src/api/generated";
import { FILTERS } from "../src/features/activity/rows";
import { TRANSPORTS } from "../src/features/account/form";
import { PROVIDERS } from "../src/features/account/provider-form";
import { standing } from "../src/features/account/registration";
import { KINDS } from "../src/features/people/book";
import { DAYS } from "../src/features/settings/quiet";
import { format, type Tongue } from "../src/i18n/catalogue";
import { fromDesktop, isolate, kebab } from "../src/i18n/index.svelte";

const SRC = join(import.meta.dirname, "../src");
const LANGUAGES: Tongue[] = ["en", "fr", "ru"];

const keysOf = (language: Tongue, file: string): string[] =>
  [...readFileSync(join(SRC, `i18n/${language}/${file}`), "utf8").matchAll(/^([a-z][a-z0-9-]*) =/gm)].map((match) => match[1]!);

const variablesOf = (language: Tongue): Map<string, string> => {
  const source = readFileSync(join(SRC, `i18n/${language}/window.ftl`), "utf8");
  const messages = source.split(/^(?=[a-z][a-z0-9-]* =)/m).filter((message) => /^[a-z]/.test(message));
  return new Map(
    messages.map((message) => {
      const names = [...message.matchAll(/\{\s*\$(\w+)/g)].map((match) => match[1]!);
      return [message.slice(0, message.indexOf(" ")), [...new Set(names)].sort().join(",")];
    }),
  );
};

/** Every value of a union of words, checked by the compiler to be all of them. */
const every = <T extends string>(values: Record<T, true>): T[] => Object.keys(values) as T[];

const generated = readFileSync(join(SRC, "api/generated.ts"), "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
const errorCodes = [...(/export type ErrorCode =([\s\S]*?);/.exec(generated)?.[1] ?? "").matchAll(/"(\w+)"/g)].map((m) => m[1]!);

describe("catalogues", () => {
  it.each(["window.ftl", "errors.ftl"])("have the same messages in %s, each once", (file) => {
    const english = keysOf("en", file);
    expect(english.length).toBeGreaterThan(30);
    for (const language of LANGUAGES) {
      const keys = keysOf(language, file);
      expect(new Set(keys).size, language).toBe(keys.length);
      expect([...keys].sort(), language).toEqual([...english].sort());
    }
  });

  it.each(LANGUAGES)("use the same variables in %s", (language) => {
    expect(variablesOf(language)).toEqual(variablesOf("en"));
  });

  it.each(LANGUAGES)("have a sentence for every error code in %s", (language) => {
    expect(errorCodes.length).toBeGreaterThan(30);
    expect(keysOf(language, "errors.ftl").sort()).toEqual(errorCodes.map((code) => `error-${kebab(code)}`).sort());
    for (const code of errorCodes) {
      const sentence = format(language, `error-${kebab(code)}`);
      expect(sentence.length, code).toBeGreaterThan(20);
      expect(sentence, code).toMatch(/[.!?]$/);
    }
  });

  it("say plural forms as each language has them", () => {
    const people = (language: Tongue, messages: number, people: number) => format(language, "away-messages", { messages, people });
    expect(people("en", 1, 1)).toBe("1 message from 1 person");
    expect(people("en", 5, 2)).toBe("5 messages from 2 people");
    expect(people("ru", 1, 1)).toBe("1 сообщение от 1 человека");
    expect(people("ru", 3, 2)).toBe("3 сообщения от 2 человек");
    expect(people("ru", 11, 5)).toBe("11 сообщений от 5 человек");
    expect(people("fr", 2, 1)).toBe("2 messages de 1 personne");
  });
});

describe("keys in code", () => {
  const files = (readdirSync(SRC, { recursive: true }) as string[]).filter((name) => /\.(svelte|ts)$/.test(name));
  const source = files.map((name) => readFileSync(join(SRC, name), "utf8")).join("\n");
  const known = new Set(keysOf("en", "window.ftl"));

  const registrations: AccountView["registration"][] = [
    { state: "offline" },
    { state: "registering" },
    { state: "registered" },
    { state: "passwordNeeded", error: { code: "passwordNeeded", fault: "user", detail: null } },
    { state: "retrying", error: { code: "sipUnreachable", fault: "network", detail: null }, nextTry: null },
    { state: "stopped", error: { code: "wrongPassword", fault: "user", detail: null } },
  ];
  const directions = every<CallDirection>({ incoming: true, outgoing: true });
  const states = every<CallState>({
    dialing: true, ringing: true, connecting: true, connected: true, redirected: true, ended: true,
  });
  const holds = every<HoldState>({ none: true, here: true, there: true, both: true });
  const transfers = every<TransferState>({ asked: true, trying: true, ringing: true, failed: true, done: true });
  const outcomes = every<CallOutcome>({
    answered: true, missed: true, declined: true, busy: true, unanswered: true, failed: true,
  });
  const messages = every<MessageState>({
    received: true, queued: true, sending: true, sent: true, delivered: true, failed: true, unknown: true,
  });
  const kinds = every<TransactionKind>({
    order: true, renewal: true, restore: true, call: true, sms: true, topUp: true, cashback: true, refund: true,
    adjustment: true,
  });
  const enders = every<EndedBy>({ local: true, remote: true, network: true });

  /** Keys that code puts together, by how it writes them. */
  const built: Record<string, string[]> = {
    "call-state-": directions.flatMap((way) => states.filter((s) => s !== "ended").map((s) => `call-state-${way}-${s}`)),
    "call-short-": states.map((state) => `call-short-${state}`),
    "call-held-": holds.filter((hold) => hold !== "none").map((hold) => `call-held-${hold}`),
    "transport-": TRANSPORTS.map((transport) => `transport-${transport}`),
    "transfer-": transfers.map((state) => `transfer-${state}`),
    "call-ended-by-": enders.map((by) => `call-ended-by-${by}`),
    "call-ended-": outcomes.filter((outcome) => outcome !== "answered").map((outcome) => `call-ended-${outcome}`),
    "provider-": PROVIDERS.flatMap((kind) => (kind === "none" ? [`provider-${kind}`] : [`provider-${kind}`, `provider-${kind}-has`])),
    "filter-": FILTERS.map((filter) => `filter-${filter}`),
    "quality-": ["good", "fair", "poor"].map((quality) => `quality-${quality}`),
    "quality-side-": every<BadSide>({ none: true, here: true, there: true, both: true })
      .filter((side) => side !== "none")
      .map((side) => `quality-side-${side}`),
    "silence-": ["microphone-here", "muted-there", "microphone-there", "blocked-path"].map((cause) => `silence-${cause}`),
    "security-": ["full", "keys", "none"].map((standing) => `security-${standing}`),
    "media-security-": every<MediaSecurity>({ off: true, preferred: true, required: true }).map((s) => `media-security-${s}`),
    "media-keying-": every<MediaKeying>({ auto: true, sdes: true, dtls: true }).map((keying) => `media-keying-${keying}`),
    "media-dtmf-": every<DtmfWay>({ auto: true, rfc4733: true, info: true, inBand: true }).map(
      (way) => `media-dtmf-${way.toLowerCase()}`,
    ),
    "settings-hold-": every<HoldSound["type"]>({ music: true, silence: true, file: true }).map((kind) => `settings-hold-${kind}`),
    "settings-record-": every<RecordFormat>({ wav: true, opus: true }).map((format) => `settings-record-${format}`),
    "settings-code-": ["30", "60", "300", "never"].map((stays) => `settings-code-${stays}`),
    "export-": ["json", "csv"].flatMap((format) => [`export-${format}`, `export-${format}-what`]),
    "contact-kind-": KINDS.map((kind) => `contact-kind-${kind}`),
    "tab-": ["tab-phone", "tab-activity", "tab-contacts"],
    "settings-quiet-zone-": ["here", "number"].map((zone) => `settings-quiet-zone-${zone}`),
    "settings-quiet-day-": DAYS.map((day) => `settings-quiet-day-${day}`),
    "row-call-": directions.flatMap((way) => outcomes.map((outcome) => `row-call-${way}-${outcome}`)),
    "row-money-": kinds.map((kind) => `row-money-${kebab(kind)}`),
    "row-sms-": messages.map((state) => `row-sms-${state}`),
    "sms-state-": messages.map((state) => `sms-state-${state}`),
    "sms-why-": ["sms-why-failed", "sms-why-unknown"],
    "target-line-": ["mobile", "toll-free", "premium", "shared-cost"].map((line) => `target-line-${line}`),
    "target-hidden-": every<HiddenWhy>({ withheld: true, serviceOff: true, otherCountry: true, providerSays: true }).map(
      (why) => `target-hidden-${kebab(why)}`,
    ),
    "error-": [],
  };
  const worded = registrations.map((registration) => standing(registration).words);

  it("all exist", () => {
    const literal = [...source.matchAll(/\bt\(\s*"([^"]+)"/g)].map((match) => match[1]!);
    const form = [...source.matchAll(/"((?:account|media|password|provider)-[a-z-]+-?(?:empty|wrong))"/g)].map((match) => match[1]!);
    const conditional = [...source.matchAll(/\bt\([^()"`]*\?\s*"([^"]+)"\s*:\s*"([^"]+)"/g)].flatMap((m) => [m[1]!, m[2]!]);
    const used = [...literal, ...form, ...conditional, ...Object.values(built).flat(), ...worded];
    expect(literal.length).toBeGreaterThan(100);
    expect(used.filter((key) => !known.has(key))).toEqual([]);
    const idle = [...known].filter((key) => !used.includes(key));
    expect(idle, "said by nobody").toEqual([]);
  });

  it("that code puts together are all listed here", () => {
    const templates = [...source.matchAll(/(?:\bt\(\s*|return )`([a-z]+(?:-[a-z]+)*-)\$\{/g)].map((match) => match[1]!);
    expect(templates.length).toBeGreaterThan(5);
    expect(templates.filter((prefix) => !(prefix in built))).toEqual([]);
  });
});

describe("languages", () => {
  it("follow the desktop's wishes in their order", () => {
    expect(fromDesktop(["de-DE", "ru-RU", "en"])).toBe("ru");
    expect(fromDesktop(["fr-CA"])).toBe("fr");
    expect(fromDesktop(["ja"])).toBe("en");
    expect(fromDesktop([])).toBe("en");
  });

  it("isolate what comes from outside", () => {
    expect([...isolate("שלום")].map((letter) => letter.codePointAt(0))).toEqual([
      0x2068, 0x5e9, 0x5dc, 0x5d5, 0x5dd, 0x2069,
    ]);
  });
});

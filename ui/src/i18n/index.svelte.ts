// Words. One catalogue per language in Fluent's format; `errors.ftl` is read by the engine's notifications as well.

import { FluentBundle, FluentResource, type FluentVariable } from "@fluent/bundle";
import type { ErrorView, Language } from "../api/generated";
import enErrors from "./en/errors.ftl?raw";
import enWindow from "./en/window.ftl?raw";
import frErrors from "./fr/errors.ftl?raw";
import frWindow from "./fr/window.ftl?raw";
import ruErrors from "./ru/errors.ftl?raw";
import ruWindow from "./ru/window.ftl?raw";

/** A language there is a catalogue for. */
export type Tongue = "en" | "fr" | "ru";

/** Every language, by its own name. */
export const TONGUES: Record<Tongue, string> = { en: "English", fr: "Français", ru: "Русский" };

const SOURCES: Record<Tongue, readonly string[]> = {
  en: [enWindow, enErrors],
  fr: [frWindow, frErrors],
  ru: [ruWindow, ruErrors],
};

const bundles = new Map<Tongue, FluentBundle>();
let current = $state<Tongue>("en");

/** The language on screen. */
export function tongue(): Tongue {
  return current;
}

/** Chooses the language on screen, and says so to the page for hyphenation and screen readers. */
export function speak(wanted: Language): void {
  current = wanted === "system" ? fromDesktop(navigator.languages) : wanted;
  document.documentElement.lang = current;
}

/** The first of the desktop's languages that there is a catalogue for. */
export function fromDesktop(wanted: readonly string[]): Tongue {
  for (const tag of wanted) {
    const primary = tag.toLowerCase().split("-")[0];
    if (primary === "en" || primary === "fr" || primary === "ru") return primary;
  }
  return "en";
}

/** A message in the language on screen. See `isolate` for what comes from outside. */
export function t(id: string, args?: Record<string, FluentVariable>): string {
  return format(current, id, args);
}

/** The sentence for an error: what happened, whose fault, what to do. */
export function errorText(error: Pick<ErrorView, "code">): string {
  return t(`error-${kebab(error.code)}`);
}

/** A message in a language of choice. */
export function format(language: Tongue, id: string, args?: Record<string, FluentVariable>): string {
  const bundle = bundleOf(language);
  const message = bundle.getMessage(id);
  if (!message?.value) {
    if (import.meta.env.MODE === "test") throw new Error(`no message "${id}" in ${language}`);
    return id;
  }
  const problems: Error[] = [];
  const text = bundle.formatPattern(message.value, args, problems);
  if (problems[0] && import.meta.env.MODE === "test") throw problems[0];
  return text;
}

/** Marks a text from outside so that its writing direction does not spill into the sentence around it. */
export function isolate(text: string): string {
  return `\u2068${text}\u2069`;
}

/** `wrongPassword` as the catalogues write it, `wrong-password`. */
export function kebab(code: string): string {
  return code.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function bundleOf(language: Tongue): FluentBundle {
  const known = bundles.get(language);
  if (known) return known;
  // Isolation marks around every figure would break what people copy; `isolate` is used where it matters.
  const bundle = new FluentBundle(language, { useIsolating: false });
  for (const source of SOURCES[language]) bundle.addResource(new FluentResource(source));
  bundles.set(language, bundle);
  return bundle;
}

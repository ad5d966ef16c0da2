// Words in the language on screen.

import type { FluentVariable } from "@fluent/bundle";
import type { ErrorView, Language } from "../api/generated";
import { format, type Tongue } from "./catalogue";

export { TONGUES, type Tongue } from "./catalogue";

const FIRST_STRONG = String.fromCodePoint(0x2068);
const POP = String.fromCodePoint(0x2069);

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

/** Marks a text from outside so that its writing direction does not spill into the sentence around it. */
export function isolate(text: string): string {
  return FIRST_STRONG + text + POP;
}

/** `wrongPassword` as the catalogues write it, `wrong-password`. */
export function kebab(code: string): string {
  return code.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

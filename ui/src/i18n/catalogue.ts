// The catalogues: one per language in Fluent's format; `errors.ftl` is read by the engine's notifications as well.

import { FluentBundle, FluentResource, type FluentVariable } from "@fluent/bundle";
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

/** A message in a language of choice. A key that is missing shows itself; in tests it throws. */
export function format(language: Tongue, id: string, args?: Record<string, FluentVariable>): string {
  const bundle = bundleOf(language);
  const message = bundle.getMessage(id);
  const strict = import.meta.env.MODE === "test";
  if (!message?.value) {
    if (strict) throw new Error(`no message "${id}" in ${language}`);
    return id;
  }
  const problems: Error[] = [];
  const text = bundle.formatPattern(message.value, args, problems);
  if (strict && problems[0]) throw problems[0];
  return text;
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

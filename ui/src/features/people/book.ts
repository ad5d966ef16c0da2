// Contacts as a list shows them: in the language's order, under their letters, and those that fit what is typed.

import type { ContactView } from "../../api/generated";
import type { Tongue } from "../../i18n/catalogue";

/** A row of the list. */
export type Line = { type: "letter"; letter: string } | { type: "contact"; contact: ContactView };

/** What a number can be for, as the engine knows it. */
export const KINDS = ["cell", "home", "work", "fax", "pager"] as const;

/** By name, as the language has it. */
export function sorted(contacts: readonly ContactView[], language: Tongue): ContactView[] {
  const { compare } = new Intl.Collator(language, { sensitivity: "base", numeric: true });
  return [...contacts].sort((a, b) => compare(a.name, b.name) || a.id - b.id);
}

/** A text without accents and capitals. */
export function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLocaleLowerCase();
}

/** Those that have all the words, each perhaps only begun, in name or note, or the digits in a number. */
export function fitting(contacts: readonly ContactView[], typed: string): ContactView[] {
  const words = plain(typed).split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...contacts];
  const digits = /^[\d\s+().-]+$/.test(typed) ? typed.replace(/\D/g, "").replace(/^0+/, "") : "";
  return contacts.filter(({ name, note, numbers }) => {
    const said = plain(`${name} ${note}`).split(/[^\p{L}\p{N}]+/u);
    const byWords = words.every((word) => said.some((each) => each.startsWith(word)));
    return byWords || (digits !== "" && numbers.some(({ number }) => number.includes(digits)));
  });
}

/** Under the letter each begins with; what begins with none comes last. */
export function lettered(contacts: readonly ContactView[]): Line[] {
  const [named, others] = [[] as Line[], [] as Line[]];
  let last = "";
  for (const contact of contacts) {
    const letter = letterOf(contact.name);
    if (letter === "#") {
      if (others.length === 0) others.push({ type: "letter", letter });
      others.push({ type: "contact", contact });
      continue;
    }
    if (letter !== last) named.push({ type: "letter", letter });
    last = letter;
    named.push({ type: "contact", contact });
  }
  return [...named, ...others];
}

function letterOf(name: string): string {
  const first = [...plain(name.trim())][0] ?? "";
  return /\p{L}/u.test(first) ? first.toLocaleUpperCase() : "#";
}

// Rows of Recent Activity as they are shown: which drawing, which words, under which day.

import type { AccountView, ActivityItem, ActivityWhat } from "../../api/generated";
import type { IconName } from "../../components/icons";
import { daysBetween } from "../../i18n/figures";
import { kebab } from "../../i18n/index.svelte";

/** What the chips choose from. */
export type Filter = "all" | "sms" | "calls" | "money";

export const FILTERS: readonly Filter[] = ["all", "sms", "calls", "money"];

export function matches(item: ActivityItem, filter: Filter): boolean {
  const kinds: Record<Exclude<ActivityWhat["type"], "gap">, Filter> = { message: "sms", call: "calls", transaction: "money" };
  // A gap concerns whatever may be missing in it.
  if (item.what.type === "gap") return true;
  return filter === "all" || kinds[item.what.type] === filter;
}

/** Days between the row and today, with the rows of that day, in the order given. */
export function byDay(items: readonly ActivityItem[], now: Date): { days: number; at: Date; items: ActivityItem[] }[] {
  const groups: { days: number; at: Date; items: ActivityItem[] }[] = [];
  for (const item of items) {
    const at = new Date(item.at);
    const days = daysBetween(at, now);
    const last = groups.at(-1);
    if (last?.days === days) last.items.push(item);
    else groups.push({ days, at, items: [item] });
  }
  return groups;
}

/** A row's drawing and tone. */
export function mark(what: ActivityWhat): { icon: IconName; tone: "calm" | "good" | "bad" | "plain" } {
  switch (what.type) {
    case "message":
      return { icon: "message", tone: what.message.state === "failed" ? "bad" : "calm" };
    case "call":
      if (what.outcome === "missed") return { icon: "missed", tone: "bad" };
      if (what.outcome === "failed") return { icon: "alert", tone: "bad" };
      return { icon: what.direction === "incoming" ? "incoming" : "outgoing", tone: "plain" };
    case "gap":
      return { icon: "alert", tone: "plain" };
    case "transaction":
      return { icon: "funds", tone: what.transaction.amount.amount.startsWith("-") ? "plain" : "good" };
  }
}

/** Key of a call's words. */
export function callWords(what: Extract<ActivityWhat, { type: "call" }>): string {
  return `row-call-${what.direction}-${kebab(what.outcome)}`;
}

/** How far the reading of older activity got, over all accounts that still read; `null` when none does. */
export function historyOf(accounts: readonly AccountView[]): { rows: number; total: number | null } | null {
  const reading = accounts.flatMap((account) => account.history ?? []);
  if (reading.length === 0) return null;
  const known = reading.every(({ rows, total }) => total !== null && total >= rows);
  return {
    rows: reading.reduce((sum, { rows }) => sum + rows, 0),
    total: known ? reading.reduce((sum, { total }) => sum + (total ?? 0), 0) : null,
  };
}

/** A text in pieces, those that were looked for apart from the others. `ranges` are in UTF-16 code units. */
export function pieces(text: string, ranges: readonly (readonly [number, number])[]): { text: string; found: boolean }[] {
  const parts: { text: string; found: boolean }[] = [];
  let at = 0;
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (from < at || to <= from) continue;
    parts.push({ text: text.slice(at, from), found: false }, { text: text.slice(from, to), found: true });
    at = to;
  }
  parts.push({ text: text.slice(at), found: false });
  return parts.filter((part) => part.text !== "");
}

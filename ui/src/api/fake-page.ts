// How the fake hands out rows: some at a time, and where the older ones start.

import type { ActivityItem } from "./generated";

/** So many rows of `all`, which are newest first: those after `before`, or the first ones. */
export function pageOf(all: readonly ActivityItem[], before: string | null, limit: number) {
  const from = before === null ? 0 : all.findIndex((row) => row.id === before) + 1;
  const items = all.slice(from, from + limit);
  return { items, next: from + limit < all.length ? (items.at(-1)?.id ?? null) : null };
}

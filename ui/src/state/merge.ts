// How pages of newest-first rows are put together, so that reading the first page again keeps what was scrolled to.

import type { ActivityItem } from "../api/generated";

/** Rows read so far, newest first, and where older ones start. */
export interface Rows {
  items: ActivityItem[];
  next: string | null;
}

/**
 * The newest page read again, over what is there. Rows older than the page stay; rows within its span that it no
 * longer has are gone.
 */
export function withNewestPage(rows: Rows, page: Rows): Rows {
  const last = page.items.at(-1);
  if (page.next === null || last === undefined) return { items: page.items, next: page.next };
  const inPage = new Set(page.items.map((item) => item.id));
  const end = Date.parse(last.at);
  const older = rows.items.filter((item) => !inPage.has(item.id) && Date.parse(item.at) < end);
  if (older.length === 0) return { items: page.items, next: page.next };
  return { items: [...page.items, ...older], next: rows.next };
}

/** An older page below what is there. */
export function withOlderPage(rows: Rows, page: Rows): Rows {
  const known = new Set(rows.items.map((item) => item.id));
  return { items: [...rows.items, ...page.items.filter((item) => !known.has(item.id))], next: page.next };
}

// What is said about people.

import type { Reply } from "../../api/generated";
import { t, tongue } from "../../i18n/index.svelte";

/** What an import came to, a line for each thing there is to say. */
export function imported(came: Extract<Reply, { type: "contactsImported" }>): string[] {
  const { added, changed, same, refused, refusedLines } = came;
  const lines = [
    added > 0 && t("contacts-imported-added", { count: added }),
    changed > 0 && t("contacts-imported-changed", { count: changed }),
    same > 0 && t("contacts-imported-same", { count: same }),
    refused > 0 && unreadable(refused, refusedLines),
  ].filter((line) => line !== false);
  return lines.length > 0 ? lines : [t("contacts-imported-none")];
}

function unreadable(count: number, lines: readonly number[]): string {
  const list = new Intl.ListFormat(tongue(), { type: "conjunction" });
  const told = lines.map(String);
  if (count > lines.length) told.push("…");
  return t("contacts-imported-unreadable", { count, lines: list.format(told) });
}

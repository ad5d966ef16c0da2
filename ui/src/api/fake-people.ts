// The fake's people: contacts, blocked numbers, and what a search finds among its rows.

import { pageOf } from "./fake-page";
import type {
  ActivityItem,
  BlockedView,
  Command,
  ContactView,
  EventKind,
  Query,
  Answer,
  Reply,
  SearchHit,
} from "./generated";

/** Commands that are about people. */
export type PeopleCommand = Extract<
  Command,
  { type: "saveContact" | "markFavourite" | "removeContact" | "importContacts" | "blockNumber" | "unblockNumber" }
>;

/** Questions that are about people, or find rows. */
export type PeopleQuery = Extract<
  Query,
  { type: "search" | "blockedActivity" | "contacts" | "exportContacts" | "blocked" | "export" }
>;

/** Who is known from the start. */
const CONTACTS: ContactView[] = [
  {
    id: 1,
    name: "Anna Whitfield",
    note: "Met in Lisbon. Birthday on 4 May.",
    numbers: [
      { number: "+447700900142", formatted: "+44 7700 900142", label: "cell" },
      { number: "+442079460777", formatted: "+44 20 7946 0777", label: "work" },
    ],
  },
  { id: 2, name: "Camille Roux", note: "", numbers: [{ number: "+33639981207", formatted: "+33 6 39 98 12 07", label: null }] },
  { id: 3, name: "Лев Орлов", note: "", numbers: [{ number: "+79001234501", formatted: "+7 900 123-45-01", label: "cell" }] },
];

export interface People {
  act(command: PeopleCommand): Reply;
  answer(query: PeopleQuery): Answer;
  /** What whoever has a number is called. */
  nameOf(number: string): string | undefined;
  isBlocked(number: string): boolean;
  meet(others: readonly ContactView[]): void;
}

/** `changed` says that rows are others now: other names, more or fewer of them. */
export function createPeople(rows: () => ActivityItem[], emit: (kind: EventKind) => void, changed: () => void): People {
  let contacts: ContactView[] = CONTACTS;
  let blocked: BlockedView[] = [];
  let next = 100;

  const nameOf = (number: string) => contacts.find((each) => each.numbers.some((one) => one.number === number))?.name;
  /** As people write it, as far as a row tells. */
  const written = (number: string) => {
    const known = contacts.flatMap((each) => each.numbers).find((one) => one.number === number)?.formatted;
    return known ?? rows().find((row) => row.peer === number)?.peerName ?? number;
  };
  const isBlocked = (number: string) => blocked.some((each) => each.number === number);

  function tell(): void {
    emit({ type: "contactsChanged" });
    changed();
  }

  /** Of a file only what every card has: its name, its numbers, where it begins. */
  function take(vcards: string): Reply {
    let [added, changed, same] = [0, 0, 0];
    const refusedLines: number[] = [];
    let line = 1;
    for (const card of vcards.split(/(?<=END:VCARD\r?\n)/)) {
      const began = line;
      line += card.split("\n").length - 1;
      if (!card.includes("BEGIN:VCARD")) continue;
      const name = /^FN:(.+)$/m.exec(card)?.[1]?.trim();
      const numbers = [...card.matchAll(/^TEL[^:]*:(?:tel:)?([+\d]+)/gm)].map((match) => match[1] ?? "");
      if (!name || numbers.length === 0) {
        refusedLines.push(began);
        continue;
      }
      const known = contacts.find((each) => each.name === name);
      if (known && numbers.join() === known.numbers.map(({ number }) => number).join()) same += 1;
      else if (known) changed += 1;
      else added += 1;
      const kept = numbers.map((number) => ({ number, formatted: number, label: null }));
      const contact = { id: known?.id ?? next++, name, note: known?.note ?? "", numbers: kept };
      contacts = [...contacts.filter((each) => each.id !== contact.id), contact];
    }
    tell();
    return { type: "contactsImported", added, changed, same, refused: refusedLines.length, refusedLines };
  }

  function found(text: string, limit: number): SearchHit[] {
    const sought = text.trim().toLowerCase();
    const hits = rows().flatMap((item): SearchHit[] => {
      const said = item.what.type === "message" ? item.what.message.text : "";
      const at = sought === "" ? -1 : said.toLowerCase().indexOf(sought);
      const known = [item.peer, item.peerName].some((name) => name.toLowerCase().includes(sought));
      if (at < 0 && !known) return [];
      return [{ item, snippet: said, ranges: at < 0 ? [] : [[at, at + sought.length]] }];
    });
    return hits.slice(0, limit);
  }

  return {
    act(command) {
      const done: Reply = { type: "done" };
      switch (command.type) {
        case "saveContact": {
          const id = command.contact ?? next++;
          const { name, note, numbers } = command.card;
          const kept = numbers.map(({ number, label }) => ({ number: number.replace(/[\s().-]/g, ""), formatted: number, label }));
          contacts = [...contacts.filter((other) => other.id !== id), { id, name, note, numbers: kept }];
          tell();
          return { type: "contactSaved", contact: id };
        }
        case "markFavourite": {
          const { contact: id, favourite } = command;
          contacts = contacts.map((contact) => (contact.id === id ? { ...contact, favourite } : contact));
          tell();
          return { type: "contactSaved", contact: id };
        }
        case "removeContact":
          contacts = contacts.filter((contact) => contact.id !== command.contact);
          break;
        case "importContacts":
          return take(command.vcards);
        case "blockNumber":
          blocked = [
            { number: command.number, name: written(command.number), spam: command.spam, at: new Date().toISOString() },
            ...blocked.filter((other) => other.number !== command.number),
          ];
          break;
        case "unblockNumber":
          blocked = blocked.filter((other) => other.number !== command.number);
      }
      tell();
      return done;
    },
    nameOf,
    isBlocked,
    meet(others) {
      contacts = [...contacts, ...others];
      tell();
    },
    answer(query) {
      switch (query.type) {
        case "search":
          return { type: "search", page: { hits: found(query.text, query.limit), next: null } };
        case "blockedActivity":
          return {
            type: "blockedActivity",
            page: { ...pageOf(rows().filter((row) => isBlocked(row.peer)), query.before, query.limit), unread: 0 },
          };
        case "contacts":
          return { type: "contacts", contacts };
        case "exportContacts":
          return { type: "exportContacts", vcards: "" };
        case "blocked":
          return { type: "blocked", blocked };
        case "export":
          return {
            type: "export",
            written: { rows: rows().length, contacts: contacts.length, blocked: blocked.length, drafts: 1 },
          };
      }
    },
  };
}

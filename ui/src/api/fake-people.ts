// The fake's people: contacts, blocked numbers, and what a search finds among its rows.

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
  { type: "saveContact" | "removeContact" | "importContacts" | "blockNumber" | "unblockNumber" }
>;

/** Questions that are about people, or find rows. */
export type PeopleQuery = Extract<
  Query,
  { type: "search" | "blockedActivity" | "contacts" | "exportContacts" | "blocked" | "export" }
>;

export interface People {
  act(command: PeopleCommand): Reply;
  answer(query: PeopleQuery): Answer;
}

export function createPeople(rows: () => ActivityItem[], emit: (kind: EventKind) => void): People {
  let contacts: ContactView[] = [];
  let blocked: BlockedView[] = [];
  let next = 1;

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
          const kept = numbers.map((number) => ({ number, formatted: number, label: null }));
          contacts = [...contacts.filter((other) => other.id !== id), { id, name, note, numbers: kept }];
          emit({ type: "contactsChanged" });
          return { type: "contactSaved", contact: id };
        }
        case "removeContact":
          contacts = contacts.filter((contact) => contact.id !== command.contact);
          break;
        case "importContacts":
          return { type: "contactsImported", added: 0, changed: 0, refused: 0 };
        case "blockNumber":
          blocked = [
            { number: command.number, name: command.number, spam: command.spam, at: new Date().toISOString() },
            ...blocked,
          ];
          break;
        case "unblockNumber":
          blocked = blocked.filter((other) => other.number !== command.number);
      }
      emit({ type: "contactsChanged" });
      return done;
    },
    answer(query) {
      switch (query.type) {
        case "search":
          return { type: "search", page: { hits: found(query.text, query.limit), next: null } };
        case "blockedActivity":
          return { type: "blockedActivity", page: { items: [], next: null, unread: 0 } };
        case "contacts":
          return { type: "contacts", contacts };
        case "exportContacts":
          return { type: "exportContacts", vcards: "" };
        case "blocked":
          return { type: "blocked", blocked };
        case "export":
          return { type: "export", rows: rows().length };
      }
    },
  };
}

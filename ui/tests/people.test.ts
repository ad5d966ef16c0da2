// Contacts, blocked numbers, and a conversation that is deleted.

import { describe, expect, it, vi } from "vitest";
import type { ContactView } from "../src/api/generated";
import { fitting, lettered, sorted } from "../src/features/people/book";
import { imported } from "../src/features/people/words";
import { PAGE } from "../src/state/session.svelte";
import { all, click, choose, find, get, open, openRow, pass, press, text, type } from "./stage";

const ANNA = "+447700900142";
const NOBODY = "+447700900888";

function person(id: number, name: string, number = `+44${id}`, note = ""): ContactView {
  return { id, name, note, numbers: [{ number, formatted: number, label: null }] };
}

const names = () => all("contact-row").map((row) => row.querySelector(".name")?.textContent);

async function menu(peer: string): Promise<void> {
  const row = document.querySelector(`[data-testid=activity-item][data-peer="${peer}"] button`);
  row?.dispatchEvent(new MouseEvent("contextmenu", { bubbles: true, cancelable: true, clientX: 40, clientY: 90 }));
  await pass(0);
}

const feedNames = (peer: string) =>
  [...document.querySelectorAll(`[data-testid=activity-item][data-peer="${peer}"] [data-testid=activity-peer]`)].map(
    (each) => each.textContent,
  );

describe("the order of contacts", () => {
  const people = [person(1, "Zoë"), person(2, "Émile"), person(3, "Eva"), person(4, "42nd Street"), person(5, "ольга"), person(6, "Öykü")];

  it("is the language's, accents and capitals aside", () => {
    const letters = lettered(sorted(people, "en")).map((line) => (line.type === "letter" ? `[${line.letter}]` : line.contact.name));
    expect(letters).toEqual(["[E]", "Émile", "Eva", "[O]", "Öykü", "[Z]", "Zoë", "[О]", "ольга", "[#]", "42nd Street"]);
  });

  it.each([
    ["emi", ["Émile"]],
    ["ZOE", ["Zoë"]],
    ["оль", ["ольга"]],
    ["str 42", ["42nd Street"]],
    ["treet", []],
    ["442", ["Émile"]],
    ["+44 (0)2", []],
    ["", people.map((each) => each.name)],
  ])("fits %j to %j", (typed, expected) => {
    expect(fitting(people, typed).map((each) => each.name)).toEqual(expected);
  });
});

describe("what an import came to", () => {
  const counts = { type: "contactsImported" as const, added: 0, changed: 0, same: 0, refused: 0, refusedLines: [] as number[] };

  it("says only what happened, and where it could not read", () => {
    expect(imported({ ...counts, added: 3, same: 1, refused: 2, refusedLines: [14, 88] })).toEqual([
      "3 contacts added",
      "1 contact was there already",
      "2 cards could not be read: they have no name or no number (lines 14 and 88)",
    ]);
    expect(imported({ ...counts, refused: 9, refusedLines: [4] })[0]).toContain("(lines 4 and …)");
    expect(imported(counts)).toEqual(["There is no contact in this file."]);
  });
});

describe("contacts", () => {
  it("are found as one types, and opened", async () => {
    await open();
    await click("tab-contacts");
    expect(names()).toEqual(["Anna Whitfield", "Camille Roux", "Лев Орлов"]);
    await type("contacts-search", "rou");
    expect(names()).toEqual(["Camille Roux"]);
    await type("contacts-search", "nobody");
    expect(find("contacts-none")).toBeTruthy();
    await type("contacts-search", "an");
    await click("contact-row");
    expect(text("contact-name")).toBe("Anna Whitfield");
    expect(text("contact-note")).toContain("Lisbon");
    expect(all("contact-number")).toHaveLength(2);
  });

  it("are drawn only as far as they can be seen", async () => {
    const { fake } = await open();
    fake.meet(Array.from({ length: 5000 }, (_, index) => person(1000 + index, `Person ${index}`)));
    await pass(0);
    await click("tab-contacts");
    expect(all("contact-row").length).toBeGreaterThan(10);
    expect(all("contact-row").length).toBeLessThan(60);
  });

  it("name a number wherever it shows, as soon as they are saved", async () => {
    const { fake } = await open();
    expect(feedNames(NOBODY)[0]).toBe("+44 7700 900888");
    await openRow(NOBODY);
    expect(text("thread-view")).not.toContain(NOBODY);
    await click("thread-more");
    await click("menu-add-contact");
    expect((get("contact-number-input") as HTMLInputElement).value).toBe(NOBODY);
    await click("contact-save");
    expect(text("contact-sheet")).toContain("Enter a name.");
    await type("contact-name-input", " Nora Field ");
    await choose("contact-kind", "cell");
    await click("contact-save");
    expect(find("contact-sheet")).toBeNull();
    expect(fake.commands.find((command) => command.type === "saveContact")).toEqual({
      type: "saveContact",
      contact: null,
      card: { name: "Nora Field", note: "", numbers: [{ number: NOBODY, label: "cell" }] },
    });
    expect(text("thread-peer")).toBe("Nora Field");
    expect(text("thread-view")).toContain(NOBODY);
    expect(feedNames(NOBODY)[0]).toBe("Nora Field");
    await click("thread-more");
    await click("menu-contact");
    expect(text("contact-name")).toBe("Nora Field");
  });

  it("keep their other numbers and their labels when one thing changes", async () => {
    const { fake } = await open();
    await click("tab-contacts");
    await click("contact-row");
    await click("contact-edit");
    await type("contact-name-input", "Anna W.");
    await click("contact-number-add");
    await click("contact-save");
    const saved = fake.commands.find((command) => command.type === "saveContact");
    expect(saved?.type === "saveContact" && saved.card.numbers).toEqual([
      { number: "+44 7700 900142", label: "cell" },
      { number: "+44 20 7946 0777", label: "work" },
    ]);
    expect(text("contact-name")).toBe("Anna W.");
  });

  it("say what is wrong with what was typed, and stay open", async () => {
    const { fake } = await open();
    await click("tab-contacts");
    await click("contact-new");
    await type("contact-name-input", "Ann");
    await type("contact-number-input", "x");
    fake.failNext("invalidContact");
    await click("contact-save");
    expect(text("contact-sheet-problem")).not.toBe("");
  });

  it("stay as they were typed when a click misses the dialog, and only then", async () => {
    await open();
    await click("tab-contacts");
    const beside = async () => {
      get("contact-sheet").dispatchEvent(new MouseEvent("click", { bubbles: true }));
      await pass(0);
    };
    await click("contact-new");
    await beside();
    expect(find("contact-sheet")).toBeNull();
    await click("contact-new");
    await type("contact-name-input", "Ann");
    await beside();
    expect((get("contact-name-input") as HTMLInputElement).value).toBe("Ann");
  });

  it("are starred and not", async () => {
    const { fake } = await open();
    await click("tab-contacts");
    await click("contact-row");
    const star = () => get("contact-favourite").getAttribute("aria-pressed");
    expect(star()).toBe("false");
    await click("contact-favourite");
    expect(star()).toBe("true");
    await click("contact-favourite");
    expect(star()).toBe("false");
    const marked = fake.commands.filter((command) => command.type === "markFavourite");
    expect(marked.map((command) => command.favourite)).toEqual([true, false]);
  });

  it("go only after a question", async () => {
    const { fake } = await open();
    await click("tab-contacts");
    await click("contact-row");
    await click("contact-remove");
    expect(text("remove-contact-dialog")).toContain("Delete ⁨Anna Whitfield⁩?");
    expect(fake.commands.some((command) => command.type === "removeContact")).toBe(false);
    await click("contact-remove-confirm");
    expect(names()).toEqual(["Camille Roux", "Лев Орлов"]);
    expect(find("contact-view")).toBeNull();
  });

  it("come from a file, and what could not be read is named by its line", async () => {
    await open();
    await click("tab-contacts");
    const cards = "BEGIN:VCARD\nFN:Bo\nTEL:+4530901820\nEND:VCARD\nBEGIN:VCARD\nFN:Nobody\nEND:VCARD\n";
    const picker = get("contacts-file") as HTMLInputElement;
    Object.defineProperty(picker, "files", { value: [{ text: () => Promise.resolve(cards) }] });
    picker.dispatchEvent(new Event("change", { bubbles: true }));
    await pass(50);
    expect(text("contacts-counts")).toBe("1 contact added1 card could not be read: it has no name or no number (line 5)");
    await click("contacts-result-close");
    expect(names()).toContain("Bo");
  });

  it("go into a file a person names, or nowhere", async () => {
    const { fake } = await open();
    await click("tab-contacts");
    await click("contacts-more");
    await click("menu-export");
    expect(text("contacts-saved")).toBe("3 contacts are in ⁨/data/sam/Documents/contacts.vcf⁩.");
    await click("contacts-result-close");
    fake.chooseNext(null);
    await click("contacts-more");
    await click("menu-export");
    expect(find("contacts-result")).toBeNull();
  });
});

describe("a row's menu", () => {
  it("opens where it is asked for, is walked by arrows and closed by Escape", async () => {
    await open();
    await menu(ANNA);
    const first = document.activeElement;
    expect(first?.getAttribute("data-testid")).toBe("menu-contact");
    await press("ArrowUp", first!);
    expect(document.activeElement?.getAttribute("data-testid")).toBe("menu-delete");
    await press("Escape", document.activeElement!);
    expect(find("row-menu")).toBeNull();
  });
});

describe("blocked numbers", () => {
  it("leave the feed after a question, are listed with the reason, and come back", async () => {
    const { fake } = await open();
    await openRow(NOBODY);
    await menu(NOBODY);
    await click("menu-block");
    await click("block-spam");
    await click("block-confirm");
    expect(fake.commands.at(-1)).toEqual({ type: "blockNumber", number: NOBODY, spam: true });
    await pass(0);
    expect(feedNames(NOBODY)).toEqual([]);
    expect(find("thread-view")).toBeNull();

    await click("open-settings");
    await click("settings-blocked");
    expect(text("blocked-number")).toContain("Spam, blocked since");
    expect(all("blocked-activity")).toHaveLength(1);
    get("blocked-activity").querySelector("button")?.click();
    await pass(0);
    expect(text("thread-blocked")).toContain("as spam");
    expect(find("composer")).toBeNull();
    await click("thread-unblock");
    expect(feedNames(NOBODY).length).toBeGreaterThan(0);
  });

  it("keep the older rows that were read when something new comes", async () => {
    const { fake, session } = await open();
    for (let n = 0; n < PAGE + 10; n += 1) {
      vi.setSystemTime(Date.now() + 1000);
      fake.receive(`offer ${n}`, NOBODY);
    }
    await session.attempt({ type: "blockNumber", number: NOBODY, spam: false });
    await click("open-settings");
    await click("settings-blocked");
    const rows = () => get("blocked-activity").querySelectorAll("[data-testid=activity-item]").length;
    expect(rows()).toBe(PAGE);
    await click("blocked-more");
    const read = rows();
    expect(read).toBeGreaterThanOrEqual(PAGE + 10);

    fake.receive("one more offer", NOBODY);
    await pass(1000);
    expect(rows()).toBe(read + 1);
    expect(find("blocked-more")).toBeNull();

    // Whom somebody lets through, all rows of theirs are in the feed again.
    await session.attempt({ type: "unblockNumber", number: NOBODY });
    await pass(0);
    expect(find("blocked-activity")).toBeNull();
  });

  it("are none at first", async () => {
    await open();
    await click("open-settings");
    await click("settings-blocked");
    expect(find("blocked-none")).toBeTruthy();
  });
});

describe("a conversation", () => {
  it("is deleted only after a question, and its pane goes with it", async () => {
    const { fake } = await open();
    await openRow(NOBODY);
    await click("thread-more");
    await click("menu-delete");
    await click("thread-delete-cancel");
    expect(find("thread-view")).toBeTruthy();
    await click("thread-more");
    await click("menu-delete");
    await click("thread-delete-confirm");
    expect(fake.commands.some((command) => command.type === "deleteThread")).toBe(true);
    expect(find("thread-view")).toBeNull();
    expect(feedNames(NOBODY)).toEqual([]);
  });

  it("is deleted at the provider too where it can and where that is asked for", async () => {
    const { fake } = await open();
    const asked = () => fake.commands.filter((command) => command.type === "deleteThread");
    await openRow(NOBODY);
    await click("thread-more");
    await click("menu-delete");
    expect(find("thread-delete-there")).toBeNull();
    expect(text("delete-thread-dialog")).toContain("keeps its own records");
    await click("thread-delete-cancel");
    fake.changeAccount({ deletesThreads: true });
    await pass(0);
    await click("thread-more");
    await click("menu-delete");
    await click("thread-delete-there");
    expect(text("delete-thread-dialog")).not.toContain("keeps its own records");
    await click("thread-delete-confirm");
    expect(asked().at(-1)).toMatchObject({ atProvider: true });
  });

  it("stays where it can't be deleted", async () => {
    const { fake } = await open();
    await openRow(NOBODY);
    await click("thread-more");
    await click("menu-delete");
    fake.failNext("internal");
    await click("thread-delete-confirm");
    expect(find("thread-view")).toBeTruthy();
    expect(find("trouble-notice")).toBeTruthy();
  });
});

describe("everything into a file", () => {
  it("ends with where it is and what is in it", async () => {
    await open();
    await click("open-settings");
    await choose("export-format", "csv");
    await click("export");
    expect(text("export-done")).toContain("/data/sam/Documents/tern-2026-03-18.csv");
    expect(text("export-done")).toContain(": 127 messages, calls and payments, 3 contacts, and 1 draft.");
  });

  it("says why it could not be", async () => {
    const { fake } = await open();
    await click("open-settings");
    fake.failNext("exportFailed", "No space left on device");
    await click("export");
    expect(text("export-problem")).toContain("No space left on device");
    expect(find("export-done")).toBeNull();
  });

  it("repairs the search when asked to", async () => {
    const { fake } = await open();
    await click("open-settings");
    await click("search-repair");
    expect(fake.commands.some((command) => command.type === "rebuildSearch")).toBe(true);
    expect(find("search-repaired")).toBeTruthy();
  });
});

describe("a voice message", () => {
  const row = () => document.querySelector<HTMLElement>('[data-testid=activity-item][data-peer="+33639984410"]');

  it("stands in the row of the call that left it, and is played from there and from the conversation", async () => {
    const { fake } = await open();
    expect(row()?.textContent).not.toContain("voicemail");
    fake.changeAccount({ voicemail: { new: 1, old: 0, urgent: 0, mailbox: null } });
    await pass(0);
    expect(row()?.textContent.replace(/\s+/g, " ")).toContain("Missed call · voicemail 0:23");
    await click("voicemail-play");
    expect(fake.commands.at(-1)).toEqual({ type: "playFile", path: "/data/sam/voicemail.wav" });
    expect(get("voicemail-play").getAttribute("aria-label")).toBe("Stop playing");
    await click("voicemail-play");
    expect(fake.commands.at(-1)).toEqual({ type: "stopPlaying" });
    await openRow("+33639984410");
    expect(get("thread-call").textContent).toContain("voicemail 0:23");
  });

  it("that can't be fetched is told, and nothing is played", async () => {
    const { fake } = await open();
    fake.changeAccount({ voicemail: { new: 1, old: 0, urgent: 0, mailbox: null } });
    await pass(0);
    fake.failNext("providerUnreachable");
    await click("voicemail-play");
    expect(find("trouble-notice")).toBeTruthy();
    expect(fake.commands.some((command) => command.type === "playFile")).toBe(false);
  });
});

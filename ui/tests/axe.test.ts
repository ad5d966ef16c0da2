import axe from "axe-core";
import { expect, it, vi } from "vitest";
import type { FakeOptions } from "../src/api/fake";
import { click, find, open, openRow, pass, type Stage } from "./stage";

// Colours are held by tokens.test.ts and by `npm run look`: nothing is painted here.
const OPTIONS: axe.RunOptions = { rules: { "color-contrast": { enabled: false } }, resultTypes: ["violations"] };

/** Scenes that begin otherwise. */
const OPTIONS_OF: Record<string, FakeOptions> = { "closed history": { storage: { type: "choose", plain: false } } };

const SCENES: Record<string, (stage: Stage) => Promise<void>> = {
  start: async () => {},
  "closed history": async () => {},
  thread: () => openRow("+33639981207"),
  settings: () => click("open-settings"),
  contacts: async () => {
    await click("tab-contacts");
    await click("contact-row");
    await click("contact-edit");
  },
  blocked: async () => {
    await openRow("+447700900888");
    await click("thread-more");
    await click("menu-block");
    await click("block-confirm");
    await click("open-settings");
    await click("settings-blocked");
  },
  "a menu": async () => {
    await openRow("+447700900888");
    await click("thread-more");
  },
  "add funds": () => click("add-funds"),
  "new account": async () => {
    await click("open-settings");
    await click("account-add");
  },
  "new message": () => click("new-message"),
  call: async () => {
    await click("echo-test");
    await pass(3000);
    await click("call-keypad");
  },
  incoming: async ({ fake }) => {
    fake.ring();
    await pass(0);
  },
};

it.each(Object.entries(SCENES))("%s can be used without eyes or mouse", async (name, scene) => {
  const stage = await open(OPTIONS_OF[name] ?? {});
  await scene(stage);
  expect(find("window") ?? find("storage")).toBeTruthy();
  vi.useRealTimers();
  const { violations } = await axe.run(document.body, OPTIONS);
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 90)).join(" | ")}`)).toEqual([]);
});

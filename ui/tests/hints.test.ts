// What the window says before money is spent: under the dial field, under the message, under the numbers.

import { afterEach, describe, expect, it } from "vitest";
import { cleanup } from "@testing-library/svelte";
import type { NumberTermsView, RenewalView } from "../src/api/generated";
import { termsView } from "../src/api/fake-rules";
import { account } from "../src/api/fake-data";
import { find, get, open, openRow, pass, text, type } from "./stage";

afterEach(cleanup);

const RESTED = 200;
const ASKED = 1000;

describe("the hint under the dial field", () => {
  it("says the country at once, and the price once the provider was asked", async () => {
    const { fake } = await open();
    await type("dial-input", "+447700900142");
    await pass(RESTED);
    expect(text("target-facts")).toBe("United Kingdom · mobile");
    await pass(ASKED);
    expect(text("target-facts")).toBe("United Kingdom · mobile · $0.02 a minute · enough for 1,218 minutes");
    expect(text("target-shown")).toContain("+44 20 7946 0123");
    expect(fake.commands.filter((command) => command.type === "askRate")).toHaveLength(1);
  });

  it("asks nobody while somebody types", async () => {
    const { fake } = await open();
    for (const typed of ["+4477", "+44770", "+447700", "+4477009", "+44770090"]) {
      await type("dial-input", typed);
      await pass(300);
    }
    expect(fake.commands.some((command) => command.type === "askRate")).toBe(false);
  });

  it("says why the caller's number will not be seen", async () => {
    await open();
    await type("dial-input", "+33199001234");
    await pass(RESTED);
    expect(text("target-shown")).toBe("They don’t see your number: it shows only in its own country.");
  });

  it("refuses an emergency number before it is dialled, and asks for no price", async () => {
    const { fake } = await open();
    await type("dial-input", "112");
    await pass(RESTED + ASKED);
    expect(text("target-verdict")).toContain("cannot call emergency numbers");
    expect(find("target-shown")).toBeNull();
    expect(fake.commands.some((command) => command.type === "askRate")).toBe(false);
  });

  it("says so where no price is known", async () => {
    const { fake } = await open();
    fake.hint({ target: { minute: { state: "notKnown", why: "noRates" } } });
    await type("dial-input", "+447700900142");
    await pass(RESTED);
    expect(text("target-facts")).toContain("price not known");
  });

  it("is gone with the number", async () => {
    await open();
    await type("dial-input", "+447700900142");
    await pass(RESTED);
    await type("dial-input", "");
    await pass(RESTED);
    expect(find("target-facts")).toBeNull();
  });

  it("never shows the answer to an earlier question", async () => {
    await open();
    await type("dial-input", "+447700900142");
    await pass(RESTED + 550);
    await type("dial-input", "+33199001234");
    await pass(RESTED + ASKED);
    expect(text("target-facts")).toContain("France");
  });
});

describe("the line under a message", () => {
  async function write(typed: string): Promise<string> {
    await openRow("+447700900142");
    await type("composer", typed);
    await pass(RESTED + ASKED);
    return text("composer-count");
  }

  it("counts at once, and asks for no price while somebody writes", async () => {
    const { fake } = await open();
    fake.hint({ composed: { price: { state: "notAsked" } } });
    await openRow("+447700900142");
    for (const typed of ["On", "On my", "On my way"]) {
      await type("composer", typed);
      await pass(300);
      expect(text("composer-count")).toMatch(/^1 SMS, \d+ characters left/);
    }
    expect(fake.commands.some((command) => command.type === "askRate")).toBe(false);
    await pass(ASKED);
    expect(fake.commands.filter((command) => command.type === "askRate")).toHaveLength(1);
  });

  it("counts messages and what fits, and tells the price", async () => {
    await open();
    expect(await write("On my way")).toBe("1 SMS, 151 characters left · $0.05");
  });

  it("speaks of a limit when little is left of it", async () => {
    const { fake } = await open();
    fake.hint({ composed: { limits: [{ seconds: 86_400, limit: 500, left: 12, freeAt: null }] } });
    expect(await write("On my way")).toContain("12 more today");
  });

  it("tells when the next one leaves once nothing is left", async () => {
    const { fake } = await open();
    const freeAt = "2026-03-18T12:40:00Z";
    fake.hint({ composed: { limits: [{ seconds: 3600, limit: 100, left: 0, freeAt }], nextAt: freeAt } });
    expect(await write("On my way")).toMatch(/leaves at \d/);
  });

  it("says why it can't be sent, before it is", async () => {
    const { fake } = await open();
    fake.hint({ composed: { verdict: { state: "refused", error: { code: "numberNotYours", fault: "user", detail: null } } } });
    await write("On my way");
    expect(get("composer-verdict").textContent.trim()).not.toBe("");
  });
});

describe("what the numbers cost", () => {
  function terms(renewal: RenewalView, covered = true): { numbers: NumberTermsView[]; covered: boolean } {
    const usual = termsView(account(Date.parse("2026-03-18T12:00:00Z")), Date.parse("2026-03-18T12:00:00Z"));
    return { numbers: usual.numbers.map((number, index) => (index === 0 ? { ...number, renewal } : number)), covered };
  }

  it("is summed up for 30 days, and nothing is said of a number that is well", async () => {
    await open();
    expect(text("numbers-month")).toBe("Next 30 days: $12.30");
    expect(find("number-trouble")).toBeNull();
  });

  it.each<[RenewalView, string]>([
    [
      { state: "renews", on: "2026-03-30", days: 12, fee: null, covered: false, unpaid: "expires" },
      "The balance is too low to renew it on",
    ],
    [{ state: "ends", on: "2026-03-19", days: 1 }, "Ends tomorrow."],
    [{ state: "ends", on: "2026-03-30", days: 12 }, "ends"],
    [
      { state: "restorable", until: "2026-03-20", days: 2, fee: { amount: "4.10", currency: "USD" }, covered: true },
      "$4.10 restores it until",
    ],
    [{ state: "suspended", owed: null }, "Rests until the balance is above zero."],
  ])("names what has to be done: %j", async (renewal, words) => {
    const { fake } = await open();
    fake.hint({ terms: terms(renewal) });
    fake.changeAccount({});
    await pass(0);
    expect(text("number-trouble")).toContain(words);
  });

  it("says that the balance does not cover it", async () => {
    const { fake } = await open();
    fake.hint({ terms: terms({ state: "notKnown" }, false) });
    fake.changeAccount({});
    await pass(0);
    expect(text("numbers-month")).toBe("Next 30 days: $12.30, more than the balance");
  });
});

import { describe, expect, it, vi } from "vitest";
import { RECORDING } from "../src/api/fake-data";
import { all, choose, click, find, get, leave, open, openRow, pass, press, text, type } from "./stage";

describe("a first look", () => {
  it("shows account, registration in words, numbers, balance and what happened", async () => {
    await open();
    expect(text("account-name")).toBe("Sandbox");
    expect(text("registration-state")).toBe("Ready");
    expect(get("registration-state").dataset.state).toBe("registered");
    expect(text("sandbox-badge")).toBe("Sandbox: no real money, no real phones");
    expect(all("own-number").map((number) => number.textContent)).toContain("+44 20 7946 0123");
    expect(text("balance")).toBe("$24.36");
    expect(get("balance").classList.contains("moved")).toBe(false);
    expect(all("activity-item").length).toBeGreaterThan(20);
    expect(text("unread-count")).toBe("3");
    expect(find("echo-test")).not.toBeNull();
  });

  it("without an account says what to do", async () => {
    await open({ bare: true });
    expect(find("balance")).toBeNull();
    expect(text("welcome")).toContain("Welcome to Tern");
    expect(text("activity-empty")).toContain("Nothing here yet");
    await click("welcome-settings");
    expect(find("account-add")).not.toBeNull();
  });

  it("comes back by itself when the engine does not answer at once", async () => {
    const { fake } = await open();
    fake.failNext("internal", "not yet");
    fake.loseEvent();
    fake.emit({ type: "devicesChanged" });
    await pass(0);
    expect(text("link-broken")).toContain("engine does not answer");
    await pass(3000);
    expect(find("link-broken")).toBeNull();
    expect(get("window").dataset.link).toBe("live");
  });
});

describe("a lost event", () => {
  it("makes the window subscribe again and see what it missed", async () => {
    const { fake } = await open();
    fake.loseEvent();
    fake.receive("you nearly missed this");
    await pass(0);
    expect(fake.subscriptions).toBe(2);
    expect(text("activity-text")).toBe("you nearly missed this");
  });
});

describe("dialling", () => {
  it("takes keys, corrections and Enter", async () => {
    const { fake } = await open();
    await click("dial-key-1");
    await click("dial-key-star");
    await click("dial-key-hash");
    expect((get("dial-input") as HTMLInputElement).value).toBe("1*#");
    await click("dial-erase");
    expect((get("dial-input") as HTMLInputElement).value).toBe("1*");
    await type("dial-input", "+44 7700 900142");
    get("dial-input").closest("form")?.requestSubmit();
    await pass(0);
    expect(fake.commands).toContainEqual({ type: "placeCall", account: 1, target: "+44 7700 900142" });
    expect((get("dial-input") as HTMLInputElement).value).toBe("");
  });

  it("gives + for a held 0 and 0 for a short one", async () => {
    await open();
    const zero = get("dial-key-0");
    zero.dispatchEvent(new Event("pointerdown", { bubbles: true }));
    await pass(600);
    zero.click();
    zero.dispatchEvent(new Event("pointerdown", { bubbles: true }));
    await pass(100);
    zero.click();
    await pass(600);
    expect((get("dial-input") as HTMLInputElement).value).toBe("+0");
  });

  it("takes figures typed anywhere, but not those of another field", async () => {
    await open();
    await press("4");
    await press("x");
    await press("5", document.body, { ctrlKey: true });
    expect((get("dial-input") as HTMLInputElement).value).toBe("4");
    expect(document.activeElement).toBe(get("dial-input"));
    await openRow("+447700900142");
    await press("7", get("composer"));
    expect((get("dial-input") as HTMLInputElement).value).toBe("4");
  });

  it("says in words why a number is not called", async () => {
    await open();
    await type("dial-input", "112");
    await click("dial-call");
    expect(text("dial-error")).toContain("cannot call emergency numbers");
    expect(find("call-screen")).toBeNull();
    await type("dial-input", "1123");
    expect(find("dial-error")).toBeNull();
  });
});

describe("a call", () => {
  it("goes from dialling to connected, is muted, and ends with a reason", async () => {
    const { fake } = await open();
    await click("echo-test");
    expect(text("call-state")).toBe("Dialing…");
    await pass(800);
    expect(text("call-state")).toBe("Ringing…");
    expect(find("call-timer")).toBeNull();
    await pass(1000);
    expect(text("call-state")).toBe("Connected");
    await pass(65_000);
    expect(text("call-timer")).toMatch(/^1:0[5-6]$/);
    expect(text("call-quality")).toContain("Opus");
    expect(Number(get("level-out").getAttribute("aria-valuenow"))).toBeGreaterThan(0);

    await click("call-mute");
    expect(get("call-mute").getAttribute("aria-pressed")).toBe("true");
    expect(get("level-in").getAttribute("aria-valuenow")).toBe("0");

    await click("call-hangup");
    expect(fake.commands.at(-1)).toEqual({ type: "hangUpCall", call: 1 });
    expect(text("call-state")).toBe("You hung up");
    expect(find("call-hangup")).toBeNull();
    await pass(5000);
    expect(find("call-screen")).toBeNull();
    expect(text("activity-text")).toMatch(/^Outgoing call · 1:0\d$/);
  });

  it("sends the digits of keypad and keyboard, and shows them", async () => {
    const { fake } = await open();
    await click("echo-test");
    await pass(2000);
    await click("call-keypad");
    await click("dtmf-key-5");
    await press("#");
    await pass(2000);
    expect(text("call-digits")).toBe("5#");
    expect(fake.commands.filter((command) => command.type === "sendDigit").map((command) => command.digit)).toEqual(["5", "#"]);
    expect((get("dial-input") as HTMLInputElement).value).toBe("");
  });

  it("that fails says why, long enough to be read", async () => {
    await open();
    await type("dial-input", "+44 7700 900404");
    await click("dial-call");
    await pass(1000);
    expect(get("call-state").dataset.error).toBe("numberUnknown");
    expect(text("call-state")).toContain("Nobody has this number");
    await pass(6000);
    expect(find("call-screen")).not.toBeNull();
    await pass(4000);
    expect(find("call-screen")).toBeNull();
  });

  it("waits in a strip while something else is looked at", async () => {
    await open();
    await click("echo-test");
    await pass(2000);
    expect(find("call-strip")).toBeNull();
    await openRow("+447700900142");
    expect(text("call-strip")).toContain("Echo test");
    await click("call-strip");
    expect(find("call-screen")).not.toBeNull();
    await click("call-hangup");
    await pass(5000);
    expect(text("thread-peer")).toBe("Anna Whitfield");
  });

  it("tells what is missing for its sound", async () => {
    const { fake } = await open();
    await click("echo-test");
    await pass(2000);
    const answer = await fake.ask({ type: "snapshot" });
    const call = answer.type === "snapshot" ? answer.snapshot.calls[0] : undefined;
    if (!call) throw new Error("no call");
    const audioTrouble = { code: "noMicrophone" as const, fault: "machine" as const, detail: null };
    fake.emit({ type: "callChanged", call: { ...call, audioTrouble } });
    await pass(0);
    expect(text("call-audio-trouble")).toContain("you will not be heard");
  });
});

describe("an incoming call", () => {
  it("is announced with who and where, and answered", async () => {
    const { fake } = await open();
    fake.ring();
    await pass(0);
    expect(get("incoming-call").getAttribute("role")).toBe("alertdialog");
    expect(document.activeElement).toBe(get("incoming-call"));
    expect(text("incoming-peer")).toBe("Anna Whitfield");
    expect(text("incoming-call")).toContain("+44 20 7946 0123");
    await click("incoming-answer");
    expect(find("incoming-call")).toBeNull();
    await pass(500);
    expect(text("call-state")).toBe("Connected");
  });

  it("that was answered from a notification is on screen", async () => {
    const { fake } = await open();
    await openRow("+447700900142");
    const call = fake.ring("+33639981207");
    await pass(0);
    await fake.dispatch({ type: "answerCall", call });
    await pass(500);
    expect(text("call-peer")).toBe("Camille Roux");
  });

  it("is declined and leaves no call screen", async () => {
    const { fake } = await open();
    fake.ring();
    await pass(0);
    await click("incoming-decline");
    expect(find("incoming-call")).toBeNull();
    expect(find("call-screen")).toBeNull();
    expect(text("activity-text")).toBe("Declined call");
  });

  it("does not take the keyboard from someone who writes", async () => {
    const { fake } = await open();
    await openRow("+447700900142");
    get("composer").focus();
    fake.ring("+33639981207");
    await pass(0);
    expect(document.activeElement).toBe(get("composer"));
    await press("a", get("composer"), { altKey: true, code: "KeyA" });
    expect(fake.commands.at(-1)).toEqual({ type: "answerCall", call: 1 });
  });

  it("that nobody takes is missed, in words and not by colour alone", async () => {
    const { fake } = await open();
    fake.ring();
    await pass(31_000);
    const row = get("activity-item");
    expect(row.dataset.outcome).toBe("missed");
    expect(row.textContent).toContain("Missed call");
    expect(row.querySelector("svg")).not.toBeNull();
    expect(text("unread-count")).toBe("4");
    expect(find("incoming-call")).toBeNull();
  });

  it("stands beside the one that is going on", async () => {
    const { fake } = await open();
    await click("echo-test");
    await pass(2000);
    fake.ring();
    await pass(0);
    expect(find("call-screen")).not.toBeNull();
    await click("incoming-answer");
    await pass(500);
    expect(all("calls-list-item").map((item) => item.textContent?.includes("Anna"))).toEqual([false, true]);
    expect(text("call-peer")).toBe("Anna Whitfield");
  });
});

describe("recent activity", () => {
  it("shows an SMS at once", async () => {
    const { fake } = await open();
    fake.receive("Table is booked");
    await pass(0);
    expect(text("activity-text")).toBe("Table is booked");
    expect(get("activity-item").dataset.unread).toBe("true");
  });

  it("is filtered by kind", async () => {
    await open();
    await click("filter-money");
    expect(new Set(all("activity-item").map((row) => row.dataset.kind))).toEqual(new Set(["transaction"]));
    await click("filter-calls");
    expect(new Set(all("activity-item").map((row) => row.dataset.kind))).toEqual(new Set(["call"]));
    await click("filter-all");
    expect(new Set(all("activity-item").map((row) => row.dataset.kind)).size).toBe(3);
  });

  it("goes on to older rows until there are none", async () => {
    await open();
    const before = all("activity-item").length;
    await click("load-older");
    await pass(0);
    expect(all("activity-item").length).toBeGreaterThan(before);
    for (let page = 0; page < 10 && find("load-older"); page += 1) await click("load-older");
    expect(find("load-older")).toBeNull();
  });

  it("says when it is old, and tries again when asked", async () => {
    const { fake } = await open();
    const error = { code: "providerUnreachable" as const, fault: "network" as const, detail: null };
    fake.changeAccount({ feed: { state: "stale", since: "2026-03-18T11:30:00Z", error } });
    await pass(0);
    expect(text("stale-banner")).toContain("what you see may be old");
    expect(all("activity-item").length).toBeGreaterThan(20);
    await click("stale-retry");
    expect(fake.commands.at(-1)).toEqual({ type: "reconnect", account: 1 });
    expect(find("stale-banner")).toBeNull();
  });

  it("says quietly how far older activity is read, over all accounts, and stops when it is", async () => {
    const { fake } = await open();
    expect(find("history-progress")).toBeNull();
    fake.changeAccount({ history: { rows: 12_400, total: null } });
    await pass(0);
    expect(text("history-progress")).toBe("Loading older activity… 12,400");
    fake.changeAccount({ history: { rows: 12_600, total: 90_000 } });
    await pass(0);
    expect(text("history-progress")).toBe("Loading older activity… 12,600 of 90,000");
    // Rows that came meanwhile: a total that is less than what was read says nothing.
    fake.changeAccount({ history: { rows: 90_001, total: 90_000 } });
    await pass(0);
    expect(text("history-progress")).toBe("Loading older activity… 90,001");
    fake.changeAccount({ history: null });
    await pass(0);
    expect(find("history-progress")).toBeNull();
  });

  it("shows hostile text as text", async () => {
    const { fake } = await open();
    fake.receive('<img src=x onerror="window.hit=1"><a href="https://evil.example">tap</a>');
    await pass(0);
    expect(text("activity-text")).toContain("<img src=x");
    await openRow("+447700900142");
    expect(get("thread-view").querySelector("img, a")).toBeNull();
  });
});

describe("search", () => {
  const shown = () => all("activity-item").map((row) => row.dataset.peer);

  it("finds as it is typed, with what was found marked, and closes with Escape", async () => {
    await open();
    const before = shown().length;
    await click("search-toggle");
    expect(document.activeElement).toBe(get("search-field"));
    await type("search-field", "colis");
    await pass(200);
    expect(shown()).toEqual(["+33639981207"]);
    expect(get("search-results").querySelector("mark")?.textContent).toBe("colis");
    expect(text("search-count")).toBe("1 found");
    await press("Escape", get("search-field"));
    expect(find("search-field")).toBeNull();
    expect(shown()).toHaveLength(before);
  });

  it("says so when nothing is found", async () => {
    await open();
    await click("search-toggle");
    await type("search-field", "nowhere to be seen");
    await pass(200);
    expect(find("search-empty")).not.toBeNull();
  });

  it("asks for the kind that the chips choose, and opens what was found", async () => {
    const { session } = await open();
    await press("f", document.body, { ctrlKey: true });
    await type("search-field", "Camille");
    await pass(200);
    document.querySelector<HTMLElement>('[data-testid=search-results] button')?.click();
    await pass(0);
    expect(session.route.main).toMatchObject({ at: "thread" });
    expect(find("search-field")).not.toBeNull();
  });

  it("shows markup in a text that was found as text", async () => {
    const { fake } = await open();
    fake.receive("<b>winner</b> <img src=x>");
    await click("search-toggle");
    await type("search-field", "winner");
    await pass(200);
    expect(text("activity-text")).toContain("<b>winner</b>");
    expect(get("search-results").querySelector("b, img")).toBeNull();
  });
});

describe("a conversation", () => {
  it("is read when opened, sends with Enter and follows the message", async () => {
    const { fake } = await open();
    await openRow("+447700900142");
    expect(text("thread-peer")).toBe("Anna Whitfield");
    expect(find("thread-call")).not.toBeNull();
    await pass(0);
    expect(text("unread-count")).toBe("2");
    await type("composer", "On my way");
    await press("Enter", get("composer"), { shiftKey: true });
    expect(fake.commands.some((command) => command.type === "sendMessage")).toBe(false);
    await press("Enter", get("composer"));
    expect((get("composer") as HTMLTextAreaElement).value).toBe("");
    const last = () => all("message").at(-1)?.dataset.state;
    expect(last()).toBe("queued");
    await pass(200);
    expect(last()).toBe("sending");
    await pass(1000);
    expect(last()).toBe("sent");
    await pass(2000);
    expect(last()).toBe("delivered");
  });

  it("says when a message leaves that the limits hold back", async () => {
    const { fake } = await open();
    await openRow("+447700900142");
    const states = () => all("message-state").map((state) => (state.textContent ?? "").trim());
    for (const [after, words] of [
      [20 * 60_000, /^Leaves at \d/],
      [30 * 3_600_000, /^Leaves on .+ at \d/],
    ] as const) {
      fake.holdMessages(new Date(Date.now() + after).toISOString());
      await type("composer", "Later");
      await press("Enter", get("composer"));
      await pass(0);
      expect(states().at(-1)).toMatch(words);
    }
  });

  it("keeps what was typed and not sent", async () => {
    const { fake } = await open();
    await openRow("+447700900142");
    await type("composer", "half a tho");
    await pass(600);
    expect(fake.commands.at(-1)).toMatchObject({ type: "saveDraft", text: "half a tho" });
    await type("composer", "half a thought");
    await openRow("+33639981207");
    await pass(0);
    await openRow("+447700900142");
    expect((get("composer") as HTMLTextAreaElement).value).toBe("half a thought");
  });

  it("leaves it to the user to send again what nobody can tell of", async () => {
    const { fake } = await open();
    await openRow("+447700900142");
    fake.holdMessages(new Date(Date.now()).toISOString());
    await type("composer", "Did this leave?");
    await press("Enter", get("composer"));
    for (const [code, may] of [
      ["sendUnknown", false],
      ["sendUnconfirmed", true],
    ] as const) {
      fake.changeNewest({ state: "unknown", error: { code, fault: "network", detail: null } });
      await pass(0);
      expect(all("message").at(-1)?.dataset.state).toBe("unknown");
      expect(find("message-retry") !== null, code).toBe(may);
    }
    expect(text("thread-view")).toContain("it may then arrive twice");
    await click("message-retry");
    expect(fake.commands.at(-1)).toMatchObject({ type: "retryMessage" });
  });

  it("explains a failed message and sends it again", async () => {
    const { fake } = await open();
    await openRow("+33639981207");
    expect(text("thread-view")).toContain("Not sent");
    await click("message-retry");
    expect(fake.commands.at(-1)).toMatchObject({ type: "retryMessage" });
    await pass(1500);
    expect(find("message-retry")).toBeNull();
  });

  it("says why some senders take no answer", async () => {
    await open();
    await openRow("BANKLINE");
    expect(find("composer")).toBeNull();
    expect(text("no-reply")).toContain("takes no reply");
  });

  it("starts anew from a chosen number, and keeps the text when refused", async () => {
    const { fake } = await open();
    await click("new-message");
    await type("compose-to", "pizza");
    await type("composer", "One margherita");
    await click("send");
    expect(text("compose-view")).toContain("An SMS cannot be sent to that");
    expect((get("composer") as HTMLTextAreaElement).value).toBe("One margherita");
    const from = get("compose-from") as HTMLSelectElement;
    from.value = "+33199001234";
    from.dispatchEvent(new Event("change", { bubbles: true }));
    await type("compose-to", "+447700900777");
    await click("send");
    await pass(0);
    expect(fake.commands).toContainEqual({
      type: "sendMessage", account: 1, from: "+33199001234", to: "+447700900777", text: "One margherita",
    });
    expect(find("thread-view")).not.toBeNull();
  });
});

describe("adding funds", () => {
  it("judges the amount, names the host, and follows the payment to the balance", async () => {
    const { fake } = await open();
    await click("add-funds");
    await type("amount-input", "2");
    await click("topup-confirm");
    expect(text("add-funds-dialog")).toContain("Enter an amount from $5.00 to $3,600.00");
    expect(fake.commands).toEqual([]);
    await click("amount-50.00");
    await click("topup-confirm");
    expect(fake.commands).toEqual([{ type: "addFunds", account: 1, amount: "50.00" }]);
    expect(text("topup-host")).toBe("pay.sandbox.tern");
    expect(text("topup-pending")).toContain("$50.00 to be paid at");
    await click("topup-open-again");
    expect(fake.commands.at(-1)).toMatchObject({ type: "openCheckout" });
    await pass(7000);
    expect(text("topup-status")).toContain("Paid");
    expect(text("balance")).toBe("$74.36");
    expect(get("balance").classList.contains("moved")).toBe(true);
    expect(text("funds-notice")).toBe("$50.00 added to your balance.");
    expect(find("topup-pending")).toBeNull();
    await pass(11_000);
    expect(find("funds-notice")).toBeNull();
  });

  it("says so when the provider refuses", async () => {
    const { fake } = await open();
    await click("add-funds");
    fake.failNext("checkoutNotTrusted");
    await click("topup-confirm");
    expect(text("add-funds-dialog")).toContain("Do not pay");
  });
});

describe("passwords", () => {
  it.each([
    ["passwordNeeded", { state: "passwordNeeded", error: { code: "passwordNeeded", fault: "user", detail: null } }],
    ["wrongPassword", { state: "stopped", error: { code: "wrongPassword", fault: "user", detail: null } }],
  ] as const)("are asked for: %s", async (_, registration) => {
    const { fake } = await open();
    fake.changeAccount({ registration });
    await pass(0);
    await click("password-submit");
    expect(text("password-prompt")).toContain("Enter the password.");
    await type("password-input", "hunter2");
    await click("password-submit");
    expect(fake.commands).toEqual([{ type: "providePassword", account: 1, password: "hunter2" }]);
    await pass(1000);
    expect(find("password-prompt")).toBeNull();
    expect(text("registration-state")).toBe("Ready");
  });
});

describe("a one-time code", () => {
  it("is copied from its message", async () => {
    const { fake } = await open();
    await openRow("BANKLINE");
    expect(text("message-code")).toContain("481920");
    await click("message-code");
    expect(fake.commands.at(-1)).toEqual({ type: "copyCode", code: "481920" });
    expect(text("message-code")).toBe("Copied");
    await pass(2000);
    expect(text("message-code")).toContain("481920");
  });
});

describe("settings", () => {
  const choose = async (testid: string, value: string) => {
    const select = get(testid) as HTMLSelectElement;
    select.value = value;
    select.dispatchEvent(new Event("change", { bubbles: true }));
    await pass(0);
  };

  it("change language and appearance at once", async () => {
    await open();
    await click("open-settings");
    await choose("settings-language", "ru");
    expect(text("registration-state")).toBe("Готов");
    expect(document.documentElement.lang).toBe("ru");
    await choose("settings-appearance", "dark");
    expect(document.documentElement.dataset.theme).toBe("dark");
    await choose("settings-appearance", "system");
    expect(document.documentElement.dataset.theme).toBeUndefined();
  });

  it("change devices and what notifications show, one thing at a time", async () => {
    const { fake } = await open();
    await click("open-settings");
    await choose("settings-microphone", "mic-headset");
    await click("settings-show-text");
    const answer = await fake.ask({ type: "snapshot" });
    expect(answer.type === "snapshot" && answer.snapshot.settings).toMatchObject({
      microphone: "mic-headset", speaker: null, showMessageText: false,
    });
    expect(get("settings-show-text").getAttribute("aria-checked")).toBe("false");
  });

  it("silence numbers by hand and by the clock", async () => {
    const { fake } = await open();
    const quiet = async () => {
      const answer = await fake.ask({ type: "snapshot" });
      return answer.type === "snapshot" ? answer.snapshot.settings.quiet : undefined;
    };
    await click("open-settings");
    await click("settings-quiet-all");
    await click("settings-quiet-number");
    await click("settings-quiet-favourites");
    expect(await quiet()).toMatchObject({ doNotDisturb: true, silentNumbers: ["+442079460123"], favouritesToo: true });
    expect(find("quiet-hours")).toBeNull();
    await click("quiet-add");
    await choose("quiet-from", "23:30");
    await choose("quiet-to", "");
    await click("quiet-sunday");
    await choose("quiet-for", "+442079460123");
    await choose("quiet-zone", "number");
    expect((await quiet())?.hours).toEqual([
      {
        number: "+442079460123",
        days: ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday"],
        fromMinute: 1410,
        toMinute: 420,
        zone: { type: "number" },
      },
    ]);
    await click("quiet-remove");
    expect((await quiet())?.hours).toEqual([]);
    await choose("settings-code", "never");
    expect((get("settings-code") as HTMLSelectElement).value).toBe("never");
  });

  it("add an account, with each field judged where it stands", async () => {
    const { fake } = await open();
    await click("open-settings");
    await click("account-add");
    expect(text("add-account-dialog")).not.toContain("Enter the user name");
    await type("account-domain", "not a domain");
    await click("account-submit");
    expect(text("add-account-dialog")).toContain("That is not a domain");
    expect(fake.commands).toEqual([]);
    await type("account-user", "alice");
    await type("account-domain", "sip.example.net");
    await type("account-password", "wrong");
    await click("account-submit");
    await pass(1000);
    expect(find("add-account-dialog")).toBeNull();
    expect(all("settings-account")).toHaveLength(2);
    expect(text("password-prompt")).toContain("refused this user name or password");
  });

  it("remove an account only when asked twice", async () => {
    const { fake } = await open();
    await click("open-settings");
    await click("account-remove");
    expect(fake.commands).toEqual([]);
    await click("account-remove-confirm");
    expect(fake.commands).toEqual([{ type: "removeAccount", account: 1 }]);
    expect(find("balance")).toBeNull();
  });
});

describe("notices", () => {
  it("tell what came while Tern was off, until dismissed", async () => {
    const { fake } = await open();
    fake.raise({ type: "whileAway", messages: 3, people: 2, missedCalls: 1 });
    await pass(0);
    expect(text("away-notice")).toBe("While you were away: 3 messages from 2 people and 1 missed call.");
    get("away-notice").querySelector("button")?.click();
    await pass(0);
    expect(find("away-notice")).toBeNull();
  });

  it("open the thread that was asked for outside the window", async () => {
    const { fake } = await open();
    fake.emit({ type: "showRequested", thread: "1/+33199001234/+33639981207" });
    await pass(0);
    expect(text("thread-peer")).toBe("Camille Roux");
  });
});

it("numbers are copied without their dressing", async () => {
  await open();
  const write = vi.fn().mockResolvedValue(undefined);
  vi.spyOn(navigator, "clipboard", "get").mockReturnValue({ writeText: write } as unknown as Clipboard);
  await click("copy-number");
  expect(write).toHaveBeenCalledWith("+442079460123");
  expect(get("copy-number").getAttribute("aria-label")).toBe("Copied");
});

describe("a recording in the conversation", () => {
  it("is played, shows how far it got, and is stopped", async () => {
    const { fake } = await open();
    await openRow("+447700900142");
    await click("recording-play");
    expect(fake.commands.at(-1)).toEqual({ type: "playFile", path: RECORDING });
    await pass(2000);
    expect(text("playing")).toContain("2026-11-22 15.04 Anna Whitfield.opus");
    expect(text("playing")).toContain("0:02 / 4:14");
    await click("playing-stop");
    expect(fake.commands.at(-1)).toEqual({ type: "stopPlaying" });
    await pass(0);
    expect(find("playing")).toBeNull();
  });
});

describe("the sound check", () => {
  it("meters the microphone and what comes back, and ends when it is left", async () => {
    const { fake } = await open();
    await click("open-settings");
    await click("sound-check");
    await pass(500);
    expect(Number(get("check-in").getAttribute("aria-valuenow"))).toBeGreaterThan(0);
    expect(get("check-out").getAttribute("aria-valuenow")).toBe("0");
    await click("settings-back");
    expect(fake.commands.at(-1)).toEqual({ type: "testMicrophone", on: false });
  });

  it("says what is missing, and gives way to a call", async () => {
    const { fake } = await open();
    await click("open-settings");
    await click("sound-check");
    await pass(100);
    const trouble = { code: "noMicrophone", fault: "machine", detail: null } as const;
    fake.emit({ type: "soundChecked", check: { levelIn: 0, levelOut: 0, trouble } });
    await pass(0);
    expect(text("check-trouble")).toContain("icrophone");
    fake.ring();
    await pass(200);
    expect(find("check-in")).toBeNull();
    expect(get("sound-check").hasAttribute("disabled")).toBe(true);
  });
});

describe("settings of calls", () => {
  it("are taken on at once", async () => {
    const { fake } = await open();
    await click("open-settings");
    await click("settings-noise");
    expect(fake.commands.at(-1)).toMatchObject({ settings: { noiseSuppression: false } });
    await choose("settings-hold", "silence");
    expect(fake.commands.at(-1)).toMatchObject({ settings: { holdMusic: { type: "silence" } } });
  });

  it("keep a sound file for holding only once it is named", async () => {
    const { fake } = await open();
    await click("open-settings");
    const before = fake.commands.length;
    await choose("settings-hold", "file");
    expect(fake.commands.length).toBe(before);
    await type("settings-hold-path", "/music/wait.wav");
    await leave("settings-hold-path");
    expect(fake.commands.at(-1)).toMatchObject({ settings: { holdMusic: { type: "file", path: "/music/wait.wav" } } });
  });

  it("take ports that make sense and say so of others", async () => {
    const { fake } = await open();
    await click("open-settings");
    const before = fake.commands.length;
    await type("settings-ports", "80");
    await leave("settings-ports");
    expect(fake.commands.length).toBe(before);
    expect(get("settings-view").textContent).toContain("Two numbers from 1024");
    await type("settings-ports", "10000-10100");
    await leave("settings-ports");
    expect(fake.commands.at(-1)).toMatchObject({ settings: { mediaPorts: { from: 10_000, to: 10_100 } } });
  });
});

describe("an account's sound and encryption", () => {
  it("are changed in the settings, and what is wrong is told first", async () => {
    const { fake } = await open();
    await click("open-settings");
    await click("account-sound-open");
    await choose("media-security", "required");
    await type("media-codecs", "mp3");
    await click("account-sound-save");
    expect(get("account-sound-dialog").textContent).toContain("Tern knows opus");
    await type("media-codecs", "opus");
    await click("account-sound-save");
    expect(fake.commands.at(-1)).toMatchObject({
      type: "changeMedia",
      account: 1,
      media: { security: "required", codecs: ["opus"] },
    });
    expect(find("account-sound-dialog")).toBeNull();
    await click("account-sound-open");
    expect((get("media-security") as HTMLSelectElement).value).toBe("required");
  });
});

describe("a chosen device that is away", () => {
  it("is named with the one that calls use in its place", async () => {
    const { fake } = await open();
    await click("open-settings");
    await choose("settings-microphone", "mic-headset");
    expect(find("microphone-in-use")).toBeNull();
    fake.changeDevices({ microphone: "mic-built-in" });
    await pass(0);
    expect(text("microphone-in-use")).toContain("Calls use");
    expect(text("microphone-in-use")).toContain("Built-in Microphone");
    fake.changeDevices({ microphone: "mic-headset" });
    await pass(0);
    expect(find("microphone-in-use")).toBeNull();
  });
});

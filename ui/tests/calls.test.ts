// Calls that wait, move and point elsewhere.

import { describe, expect, it } from "vitest";
import type { CallView } from "../src/api/generated";
import { all, click, find, get, open, pass, text, type, type Stage } from "./stage";

/** Talks to the echo test. */
async function talking(): Promise<Stage> {
  const stage = await open();
  await click("echo-test");
  await pass(2000);
  return stage;
}

/** Makes something true of the first call, as the engine would tell it. */
async function become({ fake }: Stage, change: Partial<CallView>): Promise<void> {
  const answer = await fake.ask({ type: "snapshot" });
  const call = answer.type === "snapshot" ? answer.snapshot.calls[0] : undefined;
  if (!call) throw new Error("no call");
  fake.emit({ type: "callChanged", call: { ...call, ...change } });
  await pass(0);
}

describe("hold", () => {
  it("is pressed, waits for the other side, and is taken back", async () => {
    const { fake } = await talking();
    await click("call-hold");
    expect(fake.commands.at(-1)).toEqual({ type: "holdCall", call: 1, held: true });
    expect((get("call-hold") as HTMLButtonElement).disabled).toBe(true);
    await pass(300);
    expect(text("call-state")).toBe("On hold");
    expect(get("call-hold").getAttribute("aria-pressed")).toBe("true");
    expect(find("level-in")).toBeNull();
    await click("call-hold");
    expect(fake.commands.at(-1)).toEqual({ type: "holdCall", call: 1, held: false });
    await pass(300);
    expect(text("call-state")).toBe("Connected");
    expect(find("level-in")).not.toBeNull();
  });

  it("by the other side is told in words", async () => {
    const stage = await talking();
    await become(stage, { hold: "there" });
    expect(text("call-state")).toBe("The other side put you on hold");
    expect(get("call-hold").getAttribute("aria-pressed")).toBe("false");
  });

  it("is what answering another call does to the first", async () => {
    const { fake } = await talking();
    fake.ring();
    await pass(0);
    expect(text("incoming-answer")).toBe("Hold and answer");
    await click("incoming-answer");
    await pass(500);
    expect(text("call-peer")).toBe("Anna Whitfield");
    expect(text("calls-list-item")).toBe("Echo test on hold");
  });
});

describe("a transfer", () => {
  it("asks to whom, tells how it goes and ends the call", async () => {
    const { fake } = await talking();
    await click("call-transfer");
    await click("transfer-now");
    expect(get("transfer-dialog").textContent).toContain("Type a number, name or address.");
    await type("transfer-to", "+33639981207");
    await click("transfer-now");
    expect(fake.commands.at(-1)).toEqual({ type: "transferCall", call: 1, target: "+33639981207" });
    expect(find("transfer-dialog")).toBeNull();
    expect(text("call-transfer-state")).toContain("Transferring to");
    await pass(700);
    expect(text("call-transfer-state")).toContain("It rings at");
    await pass(2000);
    expect(get("call-state").dataset.state).toBe("ended");
  });

  it("that fails leaves the call, with the reason", async () => {
    await talking();
    await click("call-transfer");
    await type("transfer-to", "+44 7700 900486");
    await click("transfer-now");
    await pass(2500);
    expect(get("call-state").dataset.state).toBe("connected");
    expect(text("call-transfer-state")).toContain("your call is still here");
    expect(text("call-transfer-state")).toContain("busy");
  });

  it("joins two calls", async () => {
    const { fake } = await talking();
    fake.ring();
    await pass(0);
    await click("incoming-answer");
    await pass(500);
    await click("call-transfer");
    expect(text("transfer-join")).toContain("Echo test");
    expect(find("transfer-ask-first")).toBeNull();
    await click("transfer-join");
    expect(fake.commands.at(-1)).toEqual({ type: "transferToCall", call: 2, other: 1 });
  });

  it("asks first by putting the call on hold and opening the dial pad", async () => {
    const { fake } = await talking();
    await click("call-transfer");
    await click("transfer-ask-first");
    expect(fake.commands.at(-1)).toEqual({ type: "holdCall", call: 1, held: true });
    expect(get("window").dataset.pane).toBe("phone");
  });

  it("that the other side wants is a question", async () => {
    const { fake } = await talking();
    fake.askTransfer(1, "+33639981207");
    await pass(0);
    expect(text("transfer-asked")).toContain("Camille Roux");
    await click("transfer-accept");
    expect(fake.commands.at(-1)).toEqual({ type: "answerTransfer", call: 1, accept: true });
    await pass(0);
    expect(text("call-peer")).toBe("Camille Roux");
  });

  it("that the other side wants can be refused, and the call goes on", async () => {
    const { fake } = await talking();
    fake.askTransfer(1, "+33639981207");
    await pass(0);
    await click("transfer-refuse");
    expect(fake.commands.at(-1)).toEqual({ type: "answerTransfer", call: 1, accept: false });
    expect(find("transfer-asked")).toBeNull();
    expect(get("call-state").dataset.state).toBe("connected");
  });
});

describe("a number that points elsewhere", () => {
  it("is followed only when asked to", async () => {
    const { fake } = await open();
    await type("dial-input", "+44 7700 900302");
    await click("dial-call");
    await pass(20_000);
    expect(text("call-state")).toBe("Can be reached elsewhere. Call there?");
    expect(all("redirect-follow").map((button) => (button.textContent ?? "").replace(/[\u2068\u2069]/g, "").trim())).toEqual([
      "Call Anna Whitfield",
      "Call Camille Roux",
    ]);
    all("redirect-follow")[1]?.click();
    await pass(3000);
    expect(fake.commands.at(-1)).toEqual({ type: "followRedirect", call: 1, target: 1 });
    expect(text("call-peer")).toBe("Camille Roux");
    expect(text("call-state")).toBe("Connected");
  });
});

describe("who calls", () => {
  it("and who forwarded the call stand on the card; an anonymous address does not", async () => {
    const stage = await open();
    stage.fake.ring();
    await become(stage, { peer: "anonymous@anonymous.invalid", peerName: "Anonymous", anonymous: true, divertedBy: "Front desk" });
    expect(text("incoming-diverted")).toContain("Front desk");
    expect(get("incoming-call").textContent).not.toContain("anonymous.invalid");
  });
});

describe("voice messages", () => {
  it("are counted, and the mailbox is a press away", async () => {
    const { fake } = await open();
    expect(find("voicemail")).toBeNull();
    fake.changeAccount({ voicemail: { new: 2, old: 1, urgent: 0, mailbox: "*97" } });
    await pass(0);
    expect(text("voicemail")).toBe("2 new voice messages");
    await click("voicemail");
    expect(fake.commands.at(-1)).toEqual({ type: "placeCall", account: 1, target: "*97" });
  });

  it("are only told of where nobody says what to call", async () => {
    const { fake } = await open();
    fake.changeAccount({ voicemail: { new: 1, old: 0, urgent: 0, mailbox: null } });
    await pass(0);
    expect(text("voicemail")).toBe("1 new voice message");
    expect(get("voicemail").tagName).toBe("P");
  });
});

describe("a conference", () => {
  it("is made of the calls there are, and can be left by one of them", async () => {
    const { fake } = await talking();
    expect(find("call-join")).toBeNull();
    fake.ring();
    await pass(0);
    await click("incoming-answer");
    await pass(500);
    await click("call-join");
    expect(fake.commands.at(-1)).toEqual({ type: "joinCalls" });
    await pass(0);
    expect(text("call-joined")).toBe("Conference of 2 calls on this computer");
    expect(all("calls-list-item").map((item) => item.textContent)).toEqual([
      "Echo test in the conference",
      "Anna Whitfield in the conference",
    ]);
    await click("call-split");
    expect(fake.commands.at(-1)).toEqual({ type: "leaveConference", call: 2 });
    await pass(0);
    expect(find("call-joined")).toBeNull();
  });
});

describe("a recording", () => {
  it("is started and stopped, and shows for how long it goes on", async () => {
    const { fake } = await talking();
    await click("call-record");
    expect(fake.commands.at(-1)).toEqual({ type: "recordCall", call: 1, on: true });
    await pass(3000);
    expect(text("call-recording")).toMatch(/^Recording 0:0[23]$/);
    expect(get("call-record").getAttribute("aria-pressed")).toBe("true");
    await click("call-record");
    expect(fake.commands.at(-1)).toEqual({ type: "recordCall", call: 1, on: false });
    await pass(0);
    expect(find("call-recording")).toBeNull();
  });
});

describe("encryption", () => {
  it.each([
    [{ protocol: "none", suite: null, keysProtected: false }, "Not encrypted"],
    [{ protocol: "sdes", suite: "AES_CM_128_HMAC_SHA1_80", keysProtected: false }, "Encrypted, but the keys travelled unprotected"],
    [{ protocol: "sdes", suite: "AES_CM_128_HMAC_SHA1_80", keysProtected: true }, "Encrypted"],
    [{ protocol: "dtls", suite: "AEAD_AES_256_GCM", keysProtected: true }, "Encrypted"],
  ] as const)("%o is called what it is", async (security, words) => {
    const stage = await talking();
    await become(stage, { security });
    expect(text("call-security")).toBe(words);
    expect(get("call-security").title).toBe(security.suite ?? "");
  });
});

describe("trouble with the sound", () => {
  it("names the side that hears badly", async () => {
    const { fake } = await talking();
    expect(find("call-bad-side")).toBeNull();
    fake.disturb({ mos: 2.4, badSide: "there" });
    await pass(1000);
    expect(get("call-quality").dataset.quality).toBe("poor");
    expect(text("call-bad-side")).toContain("hears you badly");
  });

  it.each([
    ["microphoneHere", "Your microphone gives no sound."],
    ["blockedPath", "A firewall on the way may block it."],
    ["mutedThere", "has muted the microphone"],
    ["microphoneThere", "microphone gives no sound"],
  ] as const)("says that %s", async (silence, words) => {
    const { fake } = await talking();
    fake.disturb({ silence });
    await pass(1000);
    expect(text("call-silence")).toContain(words);
  });

  it("counts what came and was of no use, where anything did", async () => {
    const { fake } = await talking();
    await pass(1000);
    expect(find("call-unusable")).toBeNull();
    fake.disturb({ loss: 0.1 });
    await pass(1000);
    expect(text("call-unusable")).toMatch(/Unusable packets\s*\d+/);
  });

  it("says nothing of a mute of one's own, which the button shows", async () => {
    const { fake } = await talking();
    fake.disturb({ silence: "mutedHere" });
    await pass(1000);
    expect(find("call-silence")).toBeNull();
  });
});

import { describe, expect, it, vi } from "vitest";
import type { ActivityItem, CallStatsView, CallView } from "../src/api/generated";
import { blank, problems, toAccount } from "../src/features/account/form";
import { blankMedia, mediaProblems, toMedia, toMediaForm } from "../src/features/account/media-form";
import { byDay, pieces } from "../src/features/activity/rows";
import { quality, stateWords } from "../src/features/call/words";
import { clean, isDialKey } from "../src/features/dialer/typed";
import { range, written } from "../src/features/settings/ports";
import { minute, toggled, written as time } from "../src/features/settings/quiet";
import { cents, decimal, judge, presets } from "../src/features/wallet/amount";
import { clock, country, daysBetween, money, share, tenths, timer } from "../src/i18n/figures";
import { callView } from "./views";

describe("quiet hours", () => {
  it.each([
    ["00:00", 0],
    ["07:30", 450],
    ["23:59", 1439],
    ["24:00", null],
    ["7:30", null],
    ["", null],
  ])("reads %j as minute %j", (typed, expected) => expect(minute(typed)).toBe(expected));

  it("writes minutes as a time field has them", () => {
    expect([0, 450, 1439].map(time)).toEqual(["00:00", "07:30", "23:59"]);
  });

  it("keeps days in the order of the week", () => {
    expect(toggled(["friday", "monday"], "wednesday")).toEqual(["monday", "wednesday", "friday"]);
    expect(toggled(["monday", "friday"], "monday")).toEqual(["friday"]);
  });
});

describe("amounts", () => {
  it.each([
    ["25", 2500],
    ["25.5", 2550],
    ["25,50", 2550],
    [" 0.05 ", 5],
    ["", null],
    ["1e3", null],
    ["-5", null],
    ["5.001", null],
    ["12345678", null],
  ])("reads %j as %j cents", (typed, expected) => expect(cents(typed)).toBe(expected));

  it("writes cents as the engine's decimals", () => {
    expect([2500, 5, 105].map(decimal)).toEqual(["25.00", "0.05", "1.05"]);
  });

  it.each([
    ["4.99", "tooLittle"],
    ["5", "fine"],
    ["3600", "fine"],
    ["3600.01", "tooMuch"],
    ["five", "noNumber"],
  ])("judges %s as %s", (typed, verdict) => expect(judge(typed, ["5.00", "3600.00"])).toBe(verdict));

  it("proposes nothing outside the limits", () => {
    expect(presets(["20.00", "60.00"])).toEqual(["25.00", "50.00"]);
  });
});

describe("figures", () => {
  const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, " ");

  it("are written as each language has them", () => {
    const value = { amount: "1234.50", currency: "USD" };
    expect(plain(money("en", value))).toBe("$1,234.50");
    expect(plain(money("fr", value))).toBe("1 234,50 $");
    expect(plain(money("ru", value))).toBe("1 234,50 $");
  });

  it("keep fractions of a cent and show signs where asked", () => {
    expect(money("en", { amount: "-0.0075", currency: "USD" }, true)).toBe("-$0.0075");
    expect(money("en", { amount: "25", currency: "USD" }, true)).toBe("+$25.00");
  });

  it("tell how a call sounds in each language's own numbers", () => {
    expect([share("en", 0.125), plain(share("fr", 0.125)), plain(share("ru", 0))]).toEqual(["12.5%", "12,5 %", "0 %"]);
    expect([tenths("en", 4), tenths("fr", 2.64)]).toEqual(["4.0", "2,6"]);
  });

  it("write hours as the desktop's region does", () => {
    const at = new Date(2026, 0, 1, 15, 4).toISOString();
    expect(clock("en", at)).toBe("15:04");
    vi.spyOn(navigator, "languages", "get").mockReturnValue(["en-US"]);
    expect(clock("en", at)).toMatch(/^3:04\sPM$/);
  });

  it("count time on the phone", () => {
    expect([0, 7.9, 765, 3723, -3].map(timer)).toEqual(["0:00", "0:07", "12:45", "1:02:03", "0:00"]);
  });

  it("count midnights, not hours", () => {
    expect(daysBetween(new Date(2026, 2, 17, 23, 59), new Date(2026, 2, 18, 0, 1))).toBe(1);
    expect(daysBetween(new Date(2026, 2, 18, 0, 1), new Date(2026, 2, 18, 23, 59))).toBe(0);
  });

  it("name countries and let nonsense stand", () => {
    expect(country("ru", "FR")).toBe("Франция");
    expect(country("en", "?!")).toBe("?!");
  });
});

describe("pieces of a text", () => {
  it.each<[string, [number, number][], [string, boolean][]]>([
    ["a code here", [[2, 6]], [["a ", false], ["code", true], [" here", false]]],
    ["code", [[0, 4]], [["code", true]]],
    ["none", [], [["none", false]]],
    // Ranges from outside may overlap, be empty or lie beyond the end: nothing is shown twice, nothing is left out.
    ["abcdef", [[1, 3], [2, 5], [4, 4]], [["a", false], ["bc", true], ["def", false]]],
    ["abc", [[2, 9]], [["ab", false], ["c", true]]],
  ])("of %j", (text, ranges, expected) =>
    expect(pieces(text, ranges).map((piece) => [piece.text, piece.found])).toEqual(expected),
  );
});

describe("dialling", () => {
  it.each([
    ["tel:+44 20 7946 0123\n", "+44 20 7946 0123"],
    ["\u202a+33 1 99 00 12 34\u202c", "+33 1 99 00 12 34"],
    ["  alice@example.net ", "alice@example.net"],
    ["1".repeat(500), "1".repeat(128)],
  ])("takes %j as %j", (pasted, expected) => expect(clean(pasted)).toBe(expected));

  it("knows its keys", () => {
    expect(["0", "9", "*", "#", "+"].every(isDialKey)).toBe(true);
    expect(["a", "Enter", "F1", " ", "12a"].some(isDialKey)).toBe(false);
  });
});

describe("account form", () => {
  const good = { ...blank(), user: "alice", domain: "sip.example.net", password: "x" };

  it("takes several proxies, how to connect, and who signs for a private exchange", () => {
    const form = { ...good, proxy: "one.example, two.example:5061", transport: "tls" as const, caFile: " /etc/pbx.pem " };
    expect(problems(form)).toEqual({});
    expect(toAccount(form)).toMatchObject({ transport: "tls", options: { caFile: "/etc/pbx.pem", outbound: true } });
    expect(toAccount(good)).toMatchObject({ transport: "auto", options: null });
  });

  it("takes what is right", () => {
    expect(problems(good)).toEqual({});
    expect(problems({ ...good, domain: "[2001:db8::1]", proxy: "10.0.0.1:5080" })).toEqual({});
    expect(toAccount({ ...good, proxy: " " }).proxy).toBeNull();
  });

  it.each([
    ["user", ""],
    ["user", "alice@example.net"],
    ["domain", ""],
    ["domain", "not a domain"],
    ["domain", "https://example.net"],
    ["password", ""],
    ["proxy", "host:99999"],
    ["proxy", "a_b"],
    ["proxy", "one.example, two:99999"],
  ])("refuses %s %j", (field, value) => {
    expect(Object.keys(problems({ ...good, [field]: value }))).toEqual([field]);
  });
});

describe("calls in words", () => {
  const stats = (change: Partial<CallStatsView>): CallStatsView => ({
    codec: "opus", packetsSent: 1000, packetsReceived: 1000, packetsLost: 0, packetsUnusable: 0, concealedMs: 0,
    jitterMs: 5, roundTripMs: 40, levelIn: 0, levelOut: 0, waysRenewed: 0, quality: null, ...change,
  });

  it.each([
    [{}, "good"],
    [{ jitterMs: null, roundTripMs: null }, "good"],
    [{ packetsLost: 30 }, "fair"],
    [{ packetsLost: 100 }, "poor"],
    [{ roundTripMs: 350 }, "fair"],
    [{ jitterMs: 90 }, "poor"],
    [{ packetsReceived: 0, packetsLost: 0 }, "good"],
  ])("judge %j as %s", (change, expected) => expect(quality(stats(change))).toBe(expected));

  it("tell who ended it, and why where there is a why", () => {
    const ended = (end: CallView["end"]): CallView => callView({ state: "ended", end });
    expect(stateWords(ended({ by: "remote", outcome: "answered", error: null }))).toBe("The other side hung up");
    const error = { code: "numberUnknown" as const, fault: "peer" as const, detail: "404" };
    expect(stateWords(ended({ by: "remote", outcome: "failed", error }))).toMatch(/^Nobody has this number/);
  });
});

describe("days", () => {
  it("stand together in the order given", () => {
    const row = (id: string, at: Date) => ({ id, at: at.toISOString() }) as ActivityItem;
    const now = new Date(2026, 2, 18, 12);
    const rows = [row("a", new Date(2026, 2, 18, 9)), row("b", new Date(2026, 2, 17, 23)), row("c", new Date(2026, 2, 17, 1))];
    expect(byDay(rows, now).map((group) => [group.days, group.items.map((item) => item.id)])).toEqual([
      [0, ["a"]],
      [1, ["b", "c"]],
    ]);
  });
});

describe("ports", () => {
  it.each([
    ["10000-10100", { from: 10_000, to: 10_100 }],
    [" 5000 – 5001 ", { from: 5000, to: 5001 }],
    ["", null],
    ["5000", undefined],
    ["5000-5000", undefined],
    ["80-90", undefined],
    ["60000-70000", undefined],
    ["a-b", undefined],
  ])("%j is %o", (typed, expected) => expect(range(typed)).toEqual(expected));

  it("are written as they are typed", () => expect(range(written({ from: 4000, to: 4100 }))).toEqual({ from: 4000, to: 4100 }));
});

describe("an account's sound", () => {
  const form = (special: Partial<ReturnType<typeof blankMedia>>) => ({ ...blankMedia(), ...special });

  it("names codecs in their own spelling and order", () => {
    expect(toMedia(form({ codecs: "pcma;OPUS g.722" })).codecs).toEqual(["PCMA", "opus", "G722"]);
    expect(mediaProblems(form({ codecs: "opus, mp3" }))).toEqual({ codecs: "media-codecs-wrong" });
  });

  it("needs a user and a password for TURN, and asks for neither without ICE", () => {
    const turn = (text: string) => mediaProblems(form({ ice: true, turn: text, turnUser: "u", turnPassword: "p" })).turn;
    for (const good of ["turn:a.example", "turns:a.example:443", "turn:[2001:db8::1]?transport=tcp", "TURN:a?transport=udp"]) {
      expect(turn(good)).toBeUndefined();
    }
    for (const bad of ["turns:a.example?transport=udp", "turn:a?transport=sctp", "turn:", "stun:a.example", "turn:a b"]) {
      expect(turn(bad)).toBe("account-proxy-wrong");
    }
    expect(mediaProblems(form({ ice: true, turn: "turn.example.net" }))).toEqual({
      turnUser: "account-user-empty",
      turnPassword: "password-empty",
    });
    expect(mediaProblems(form({ ice: true, stun: "a b", turn: "c:0" }))).toMatchObject({
      stun: "account-proxy-wrong",
      turn: "account-proxy-wrong",
    });
    const off = form({ ice: false, stun: "a b", turn: "turn.example.net" });
    expect(mediaProblems(off)).toEqual({});
    expect(toMedia(off)).toMatchObject({ stunServer: null, turnServer: null });
    const on = form({ ice: true, turn: "turn.example.net:3478", turnUser: "me", turnPassword: "s" });
    expect(toMedia(on).turnServer).toEqual({ server: "turn.example.net:3478", user: "me", password: "s" });
  });

  it("comes back to the form as it was kept, but for the password, which may stay empty then", () => {
    const turnServer = { server: "turn.example.net", user: "me", password: "s" };
    const media = { ...toMedia(blankMedia()), codecs: ["opus", "PCMA"], packetMs: 40, ice: true, turnServer };
    const again = toMediaForm(media);
    expect(toMedia(again)).toEqual({ ...media, turnServer: { ...turnServer, password: "" } });
    expect(mediaProblems(again, true)).toEqual({});
    expect(mediaProblems(again, false)).toEqual({ turnPassword: "password-empty" });
  });

  it("is told to the engine only where it is not the usual one", () => {
    const account = { ...blank(), user: "me", domain: "example.net", password: "s" };
    expect(toAccount(account).options).toBeNull();
    const always = toAccount({ ...account, media: form({ security: "required" }) });
    expect(always.options).toMatchObject({ caFile: null, outbound: true, media: { security: "required" } });
  });
});

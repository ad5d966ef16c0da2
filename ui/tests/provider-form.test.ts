import { describe, expect, it } from "vitest";
import { blank, problems, toAccount } from "../src/features/account/form";
import { asks, handsOutSip, PROVIDERS, providerProblems, toProvider } from "../src/features/account/provider-form";

describe("an account's provider", () => {
  it("is asked for what its adapter needs", () => {
    const asked = PROVIDERS.map((kind) => [kind, asks(kind).url, asks(kind).user]);
    expect(asked).toEqual([
      ["none", false, false],
      ["voipms", false, true],
      ["telnyx", false, false],
      ["twilio", false, true],
      ["signalwire", true, true],
      ["zadarma", false, true],
      ["tern", true, false],
    ]);
  });

  it("wants every field that it asks for", () => {
    const form = { kind: "signalwire" as const, url: " ", user: "", token: "" };
    expect(Object.keys(providerProblems(form))).toEqual(["url", "user", "token"]);
    expect(providerProblems({ ...form, kind: "telnyx", token: "KEY" })).toEqual({});
    expect(providerProblems({ ...form, kind: "none" })).toEqual({});
  });

  it("spares typing the SIP account only where it hands one out", () => {
    for (const kind of PROVIDERS) {
      const form = { ...blank(), provider: { kind, url: "https://x.example", user: "u", token: "t" } };
      expect(Object.keys(problems(form)).length === 0, kind).toBe(handsOutSip(kind));
    }
    const half = { ...blank(), user: "me", provider: { kind: "voipms" as const, url: "", user: "u", token: "t" } };
    expect(problems(half)).toHaveProperty("domain");
  });

  it("goes with the account", () => {
    const form = { ...blank(), provider: { kind: "voipms" as const, url: "", user: " me@example.com ", token: "secret" } };
    expect(toAccount(form).provider).toEqual({ kind: "voipms", url: "", user: "me@example.com", token: "secret" });
    expect(toProvider(blank().provider)).toBeNull();
  });
});

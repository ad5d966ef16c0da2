import { clearMocks, mockIPC } from "@tauri-apps/api/mocks";
import { emit } from "@tauri-apps/api/event";
import { afterEach, describe, expect, it } from "vitest";
import { connect, toErrorView } from "../src/api/client";
import type { Event } from "../src/api/generated";

describe("the bridge inside Tauri", () => {
  afterEach(async () => {
    await new Promise((resolve) => setTimeout(resolve, 0));
    clearMocks();
  });

  it("names commands and arguments as the shell has them", async () => {
    const calls: [string, unknown][] = [];
    mockIPC((name, args) => {
      calls.push([name, args]);
      return { type: "done" };
    });
    const bridge = await connect();
    await bridge.dispatch({ type: "markCallsRead" });
    await bridge.ask({ type: "devices" });
    expect(calls).toEqual([
      ["dispatch", { command: { type: "markCallsRead" } }],
      ["ask", { query: { type: "devices" } }],
    ]);
  });

  it("listens before it subscribes", async () => {
    const order: string[] = [];
    mockIPC(
      (name) => {
        order.push(name);
        return { seq: 0 };
      },
      { shouldMockEvents: true },
    );
    const seen: Event[] = [];
    const bridge = await connect();
    const snapshot = await bridge.subscribe((event) => seen.push(event));
    expect(order).toEqual(["subscribe"]);
    expect(snapshot).toEqual({ seq: 0 });
    await emit("engine", { seq: 1, kind: { type: "devicesChanged" } });
    expect(seen).toEqual([{ seq: 1, kind: { type: "devicesChanged" } }]);
  });

  it("rejects with an error a person can be shown, whatever was thrown", async () => {
    mockIPC(() => {
      throw { code: "busy", fault: "peer", detail: null };
    });
    const bridge = await connect();
    await expect(bridge.dispatch({ type: "markCallsRead" })).rejects.toEqual({ code: "busy", fault: "peer", detail: null });
    expect(toErrorView("no such command")).toEqual({ code: "internal", fault: "tern", detail: "no such command" });
    expect(toErrorView(new Error("x"))).toMatchObject({ code: "internal", detail: "x" });
    expect(toErrorView(undefined)).toMatchObject({ code: "internal", detail: null });
  });
});

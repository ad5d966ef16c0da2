// The fake engine's calls: they dial, ring, connect, tick each second and end, as the real ones do.

import type { CallEndView, CallId, CallOutcome, CallView, ErrorCode, Fault, QualityView } from "./generated";

export interface CallEvents {
  changed(call: CallView): void;
  rang(call: CallView): void;
  ended(call: CallView, seconds: number): void;
}

type Ending = { by: CallEndView["by"]; outcome: CallOutcome; error?: { code: ErrorCode; fault: Fault; detail?: string } };

const NAMES: Record<string, string> = {
  echo: "Echo test",
  "+447700900142": "Anna Whitfield",
  "+33639981207": "Camille Roux",
  "+79001234501": "Лев Орлов",
};

export class FakeCalls {
  readonly #events: CallEvents;
  readonly #calls = new Map<CallId, CallView>();
  readonly #ticks = new Map<CallId, ReturnType<typeof setInterval>>();
  #next = 1;
  #disturbance: Partial<QualityView> = {};

  constructor(events: CallEvents) {
    this.#events = events;
  }

  get living(): CallView[] {
    return [...this.#calls.values()];
  }

  has(id: CallId): boolean {
    return this.#calls.has(id);
  }

  place(target: string, number: string): CallView {
    const call = this.#begin("outgoing", target, number, "dialing");
    // The last figures decide how it goes, so that each ending can be seen.
    if (target.endsWith("404")) {
      this.#after(call.id, 700, () => this.#fail(call.id, "failed", "numberUnknown", "peer", "404 Not Found"));
    } else if (target.endsWith("486")) {
      this.#after(call.id, 900, () => this.#fail(call.id, "busy", "busy", "peer", "486 Busy Here"));
    } else if (target.endsWith("302")) {
      const redirect = [
        { target: "+447700900142", name: "Anna Whitfield" },
        { target: "+33639981207", name: "Camille Roux" },
      ];
      this.#after(call.id, 700, () => this.#change(call.id, { state: "redirected", redirect }));
    } else {
      this.#after(call.id, 700, () => this.#change(call.id, { state: "ringing" }));
      this.#after(call.id, target === "echo" ? 1500 : 3200, () => this.#connect(call.id));
    }
    return call;
  }

  ring(peer: string, number: string): CallView {
    const call = this.#begin("incoming", peer, number, "ringing");
    this.#events.rang(call);
    this.#after(call.id, 30_000, () => {
      if (this.#calls.get(call.id)?.state === "ringing") this.#end(call.id, { by: "remote", outcome: "missed" });
    });
    return call;
  }

  answer(id: CallId): void {
    for (const other of this.living) if (other.state === "connected" && other.id !== id) this.hold(other.id, true);
    this.#change(id, { state: "connecting" });
    this.#after(id, 300, () => this.#connect(id));
  }

  decline(id: CallId): void {
    this.#end(id, { by: "local", outcome: "declined" });
  }

  hangUp(id: CallId): void {
    const answered = this.#calls.get(id)?.answeredAt !== null;
    this.#end(id, { by: "local", outcome: answered ? "answered" : "unanswered" });
  }

  mute(id: CallId, muted: boolean): void {
    this.#change(id, { muted });
  }

  hold(id: CallId, held: boolean): void {
    this.#change(id, { changing: true });
    this.#after(id, 200, () => this.#change(id, { hold: held ? "here" : "none", changing: false }));
  }

  /** To a number that ends in 486 it fails, as a call there would. */
  transfer(id: CallId, target: string): void {
    const to = { to: target, toName: NAMES[target] ?? target, error: null };
    this.#change(id, { transfer: { ...to, state: "asked" }, hold: "here" });
    this.#after(id, 600, () => this.#change(id, { transfer: { ...to, state: "ringing" } }));
    this.#after(id, 1800, () => {
      if (!target.endsWith("486")) return this.#end(id, { by: "local", outcome: "answered" });
      const error = { code: "busy", fault: "peer", detail: "486 Busy Here" } as const;
      this.#change(id, { transfer: { ...to, state: "failed", error } });
    });
  }

  join(id: CallId, other: CallId): void {
    for (const each of [id, other]) this.#after(each, 500, () => this.#end(each, { by: "local", outcome: "answered" }));
  }

  /** The other side of a call asks for a transfer. */
  askTransfer(id: CallId, to: string): void {
    this.#change(id, { transferAsked: { to, toName: NAMES[to] ?? to, by: null } });
  }

  answerTransfer(id: CallId, accept: boolean): void {
    const asked = this.#calls.get(id)?.transferAsked;
    this.#change(id, { transferAsked: null });
    if (!accept || !asked) return;
    this.place(asked.to, this.#calls.get(id)?.number ?? "");
    this.#end(id, { by: "remote", outcome: "answered" });
  }

  follow(id: CallId, target: number): void {
    const next = this.#calls.get(id)?.redirect[target];
    if (!next) return;
    this.#change(id, { state: "dialing", peer: next.target, peerName: next.name, redirect: [] });
    this.#after(id, 700, () => this.#change(id, { state: "ringing" }));
    this.#after(id, 2000, () => this.#connect(id));
  }

  /** Every answered call becomes one conversation. */
  joinAll(): void {
    const answered = this.living.filter((call) => call.state === "connected");
    for (const call of answered) this.#change(call.id, { joined: true, hold: "none" });
  }

  leave(id: CallId): void {
    this.#change(id, { joined: false, hold: "here" });
    const [last, ...more] = this.living.filter((call) => call.joined);
    if (last && more.length === 0) this.#change(last.id, { joined: false });
  }

  record(id: CallId, on: boolean): void {
    const path = "~/Music/Tern/2026-11-22 15.04 Anna Whitfield.wav";
    this.#change(id, { recording: on ? { path, startedAt: new Date().toISOString() } : null });
  }

  /** The network gets worse, or one side falls silent. */
  disturb(quality: Partial<QualityView>): void {
    this.#disturbance = quality;
  }

  #begin(direction: CallView["direction"], peer: string, number: string, state: CallView["state"]): CallView {
    const call: CallView = {
      id: this.#next++,
      account: 1,
      direction,
      peer,
      peerName: NAMES[peer] ?? peer,
      number,
      state,
      muted: false,
      answeredAt: null,
      end: null,
      stats: null,
      audioTrouble: null,
      security: { protocol: "none", suite: null, keysProtected: false },
      recording: null,
      joined: false,
      hold: "none",
      changing: false,
      transfer: null,
      transferAsked: null,
      redirect: [],
      divertedBy: null,
      anonymous: false,
    };
    this.#calls.set(call.id, call);
    this.#events.changed(call);
    return call;
  }

  #connect(id: CallId): void {
    const state = this.#calls.get(id)?.state;
    if (state !== "ringing" && state !== "connecting" && state !== "dialing") return;
    const security = { protocol: "dtls", suite: "AEAD_AES_128_GCM", keysProtected: true } as const;
    this.#change(id, { state: "connected", answeredAt: new Date().toISOString(), security });
    let second = 0;
    const tick = setInterval(() => {
      second += 1;
      const muted = this.#calls.get(id)?.muted ?? false;
      const sway = (phase: number) => 0.28 + 0.26 * Math.sin(second * 1.7 + phase);
      this.#change(id, {
        stats: {
          codec: "opus",
          packetsSent: second * 50,
          packetsReceived: second * 50 - Math.floor(second / 9),
          packetsLost: Math.floor(second / 9),
          packetsUnusable: this.#disturbance.loss ? second : 0,
          concealedMs: Math.floor(second / 9) * 20,
          jitterMs: 4 + (second % 3),
          roundTripMs: 38 + (second % 5),
          levelIn: muted ? 0 : sway(0),
          levelOut: this.#disturbance.silence ? 0 : sway(2),
          waysRenewed: 0,
          quality: {
            mos: 4.3,
            loss: 0,
            concealed: 0,
            delayMs: 82,
            jitterMs: 4 + (second % 3),
            badSide: "none",
            silence: null,
            overruns: 0,
            underruns: 0,
            ...this.#disturbance,
          },
        },
      });
    }, 1000);
    this.#ticks.set(id, tick);
  }

  #fail(id: CallId, outcome: CallOutcome, code: ErrorCode, fault: Fault, detail: string): void {
    this.#end(id, { by: "remote", outcome, error: { code, fault, detail } });
  }

  #change(id: CallId, change: Partial<CallView>): void {
    const call = this.#calls.get(id);
    if (!call) return;
    const changed = { ...call, ...change };
    this.#calls.set(id, changed);
    this.#events.changed(changed);
  }

  #end(id: CallId, ending: Ending): void {
    const call = this.#calls.get(id);
    if (!call) return;
    clearInterval(this.#ticks.get(id));
    this.#ticks.delete(id);
    this.#calls.delete(id);
    const { by, outcome, error } = ending;
    const end: CallEndView = { by, outcome, error: error ? { ...error, detail: error.detail ?? null } : null };
    const seconds = call.answeredAt ? Math.round((Date.now() - Date.parse(call.answeredAt)) / 1000) : 0;
    const ended: CallView = { ...call, state: "ended", end };
    this.#events.changed(ended);
    this.#events.ended(ended, seconds);
  }

  #after(id: CallId, ms: number, run: () => void): void {
    setTimeout(() => {
      if (this.#calls.has(id)) run();
    }, ms);
  }
}

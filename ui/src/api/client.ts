// The one way to the engine. Nothing else in the window knows that Tauri exists.

import type { Answer, Command, ErrorView, Event, Query, Reply, Snapshot } from "./generated";

/** What the window may ask of the engine. Rejections are always an `ErrorView`. */
export interface Bridge {
  /** Hands over an intent; what follows from it comes as events. */
  dispatch(command: Command): Promise<Reply>;
  /** Reads. */
  ask(query: Query): Promise<Answer>;
  /**
   * Starts the flow of events, or starts it anew. Events may reach `onEvent` before the snapshot they continue from
   * is returned.
   */
  subscribe(onEvent: (event: Event) => void): Promise<Snapshot>;
  /** Asks a person where a new file is to lie; its path, or null where they changed their mind. */
  chooseFile(name: string): Promise<string | null>;
}

const EVENT_NAME = "engine";

/** The engine behind this window: the real one inside Tauri, the fake one in a browser where the build carries it. */
export async function connect(): Promise<Bridge> {
  if ("__TAURI_INTERNALS__" in window) return tauriBridge();
  if (__WITH_FAKE__) {
    const { createFake } = await import("./fake");
    return createFake({ lively: true });
  }
  throw toErrorView("the window was opened outside Tern");
}

async function tauriBridge(): Promise<Bridge> {
  const [{ invoke }, { listen }] = await Promise.all([import("@tauri-apps/api/core"), import("@tauri-apps/api/event")]);
  let stop: (() => void) | undefined;

  async function call<T>(name: string, args?: Record<string, unknown>): Promise<T> {
    try {
      return await invoke<T>(name, args);
    } catch (thrown) {
      throw toErrorView(thrown);
    }
  }

  return {
    dispatch: (command) => call("dispatch", { command }),
    ask: (query) => call("ask", { query }),
    async subscribe(onEvent) {
      stop?.();
      // Listening comes first: an event between the snapshot and the listener would be lost.
      stop = await listen<Event>(EVENT_NAME, ({ payload }) => onEvent(payload));
      return call("subscribe");
    },
    chooseFile: (name) => call("choose_file", { name }),
  };
}

/** Whatever was thrown, as an error a person can be shown. */
export function toErrorView(thrown: unknown): ErrorView {
  if (isErrorView(thrown)) return thrown;
  const detail = thrown instanceof Error ? thrown.message : typeof thrown === "string" ? thrown : null;
  return { code: "internal", fault: "tern", detail };
}

function isErrorView(thrown: unknown): thrown is ErrorView {
  return typeof thrown === "object" && thrown !== null && "code" in thrown && "fault" in thrown;
}

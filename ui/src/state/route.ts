// Which parts of the window are on show. On a wide window side, feed and main stand beside each other; on a narrow one
// `pane` says which of them is seen.

import type { ThreadId } from "../api/generated";

/** What the main part shows. */
export type Main =
  | { at: "welcome" }
  | { at: "thread"; thread: ThreadId }
  | { at: "compose"; to: string }
  | { at: "settings" }
  | { at: "call" };

/** What a narrow window shows. */
export type Pane = "phone" | "activity" | "main";

export interface Route {
  main: Main;
  pane: Pane;
  /** Where a narrow window goes back to. */
  back: "phone" | "activity";
  /** What the main part showed before a call took it. */
  beforeCall: Main;
}

export function start(): Route {
  return { main: { at: "welcome" }, pane: "phone", back: "phone", beforeCall: { at: "welcome" } };
}

/** One of the two panes a narrow window starts from. */
export function toPane(route: Route, pane: "phone" | "activity"): Route {
  return { ...route, pane, back: pane };
}

/** Something in the main part. */
export function toMain(route: Route, main: Main): Route {
  if (main.at === "call") {
    const beforeCall = route.main.at === "call" ? route.beforeCall : route.main;
    return { ...route, main, pane: "main", beforeCall };
  }
  return { ...route, main, pane: "main" };
}

/** Away from what the main part shows. */
export function backwards(route: Route): Route {
  return { ...route, main: { at: "welcome" }, pane: route.back };
}

/** No call is left to show. */
export function afterCall(route: Route): Route {
  if (route.main.at !== "call") return route;
  const cameFrom = route.beforeCall.at !== "welcome";
  return { ...route, main: route.beforeCall, pane: cameFrom ? "main" : route.back };
}

// Which parts of the window are on show. On a wide window side, feed and main stand beside each other; on a narrow one
// `pane` says which of them is seen.

import type { ContactId, ThreadId } from "../api/generated";

/** What the main part shows. */
export type Main =
  | { at: "welcome" }
  | { at: "thread"; thread: ThreadId }
  | { at: "compose"; to: string }
  | { at: "contact"; contact: ContactId }
  | { at: "blocked" }
  | { at: "settings" }
  | { at: "call" };

/** The lists that take turns beside the main part. */
export type List = "activity" | "contacts";

/** What a narrow window shows. */
export type Pane = "phone" | List | "main";

export interface Route {
  main: Main;
  pane: Pane;
  /** The list that a wide window shows. */
  list: List;
  /** Where a narrow window goes back to. */
  back: Exclude<Pane, "main">;
  /** What the main part showed before a call took it. */
  beforeCall: Main;
}

export function start(): Route {
  return { main: { at: "welcome" }, pane: "phone", list: "activity", back: "phone", beforeCall: { at: "welcome" } };
}

/** One of the panes a narrow window starts from. */
export function toPane(route: Route, pane: Exclude<Pane, "main">): Route {
  return { ...route, pane, back: pane, list: pane === "phone" ? route.list : pane };
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

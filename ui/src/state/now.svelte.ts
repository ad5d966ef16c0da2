// The present moment, for timers on screen: one clock for the window, running only while something looks at it.

import { createSubscriber } from "svelte/reactivity";

const subscribe = createSubscriber((update) => {
  const tick = setInterval(update, 500);
  return () => clearInterval(tick);
});

/** Milliseconds since the epoch; read inside a component it ticks. */
export function now(): number {
  subscribe();
  return Date.now();
}

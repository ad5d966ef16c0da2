// What a menu offers.

import type { IconName } from "./icons";

export interface MenuItem {
  /** Names the item for tests and lists. */
  key: string;
  text: string;
  icon: IconName;
  /** It takes something away. */
  bad?: boolean;
  onchoose: () => void;
}

/** Where a menu opens, in the window's own pixels. */
export interface Place {
  x: number;
  y: number;
}

/** Where the pointer is; of a key that asks for a menu, below what has the focus. */
export function placeOf(event: MouseEvent): Place {
  if (event.clientX > 0 || event.clientY > 0) return { x: event.clientX, y: event.clientY };
  const box = event.target instanceof Element ? event.target.getBoundingClientRect() : { left: 0, bottom: 0 };
  return { x: box.left + 24, y: box.bottom - 8 };
}

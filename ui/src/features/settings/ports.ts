// A range of UDP ports as a person types it: `10000-10100`, or nothing.

import type { PortRange } from "../../api/generated";

/** As it is shown in its field. */
export function written(ports: PortRange | null | undefined): string {
  return ports ? `${ports.from}-${ports.to}` : "";
}

/** What was typed: a range, `null` for none, or `undefined` where it is neither. A call needs two ports. */
export function range(typed: string): PortRange | null | undefined {
  if (typed.trim() === "") return null;
  const found = /^(\d{1,5})\s*[-–:]\s*(\d{1,5})$/.exec(typed.trim());
  if (!found) return undefined;
  const [from, to] = [Number(found[1]), Number(found[2])];
  return from >= 1024 && to <= 65_535 && to > from ? { from, to } : undefined;
}

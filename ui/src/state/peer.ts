// Who can be at the other side of a row besides people.

/** Whether this is one of the provider's own services: it can be called, and is nobody's number. */
export function isService(peer: string): boolean {
  return peer === "echo";
}

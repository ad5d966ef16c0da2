// Views as the engine would send them, for tests that need only a part to be special.

import type { CallView } from "../src/api/generated";

export function callView(special: Partial<CallView> = {}): CallView {
  return {
    id: 1,
    account: 1,
    direction: "outgoing",
    peer: "+447700900142",
    peerName: "Anna",
    number: null,
    state: "connected",
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
    ...special,
  };
}

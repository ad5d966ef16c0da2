// What dialling or writing comes to: at once what is known, and once the keys rest what the provider says.

import type { AccountId } from "../api/generated";
import { afterRest } from "./rest";
import type { Session } from "./session.svelte";

/** Keys are taken to rest after this. */
const REST_MS = 120;
/** The provider is asked about whole numbers only, so it waits for fingers that have come to rest. */
const ASK_REST_MS = 600;

interface Priced<View> {
  account: AccountId;
  /** As typed. */
  target: string;
  /** What is known now; null where it can't be had. */
  read: () => Promise<View | null>;
  /** Whether only the provider could tell more. */
  lacks: (view: View) => boolean;
  show: (view: View | null) => void;
}

/** Reads, shows, asks the provider where something lacks, and reads again, until what this returns is called. */
export function priced<View>(session: Session, { account, target, read, lacks, show }: Priced<View>): () => void {
  let stopAsking = () => {};
  const stopReading = afterRest(REST_MS, async (isCurrent) => {
    const seen = await read();
    if (!isCurrent()) return;
    show(seen);
    if (seen === null || !lacks(seen)) return;
    stopAsking = afterRest(ASK_REST_MS, async (isStill) => {
      try {
        await session.dispatch({ type: "askRate", account, target });
      } catch {
        // Without a price a call or a message is as possible as with one.
        return;
      }
      const told = await read();
      if (isStill()) show(told);
    });
  });
  return () => {
    stopReading();
    stopAsking();
  };
}

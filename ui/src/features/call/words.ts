// A call in words: where it stands, how it sounds, why it ended.

import type { CallStatsView, CallView } from "../../api/generated";
import { errorText, t } from "../../i18n/index.svelte";

/** Where a call stands, or why it is over. */
export function stateWords(call: CallView): string {
  if (call.state === "connected" && call.hold !== "none") return t(`call-held-${call.hold}`);
  if (call.state !== "ended") return t(`call-state-${call.direction}-${call.state}`);
  if (call.end?.error) return errorText(call.end.error);
  const outcome = call.end?.outcome ?? "failed";
  if (outcome === "answered") return t(`call-ended-by-${call.end?.by ?? "local"}`);
  return t(`call-ended-${outcome}`);
}

/** Whether the other side waits because this side wants it to. */
export function heldHere(call: CallView): boolean {
  return call.hold === "here" || call.hold === "both";
}

export type Quality = "good" | "fair" | "poor";

/** How a call sounds: the worst of loss, jitter and delay decides. */
export function quality(stats: CallStatsView): Quality {
  const heard = stats.packetsReceived + stats.packetsLost;
  const loss = heard > 0 ? stats.packetsLost / heard : 0;
  const jitter = stats.jitterMs ?? 0;
  const delay = stats.roundTripMs ?? 0;
  if (loss > 0.05 || jitter > 60 || delay > 500) return "poor";
  if (loss > 0.015 || jitter > 30 || delay > 300) return "fair";
  return "good";
}

/** `opus` as its makers write it. */
export function codecName(codec: string): string {
  const names: Record<string, string> = { opus: "Opus", pcmu: "G.711 µ", pcma: "G.711 A", g722: "G.722" };
  return names[codec.toLowerCase()] ?? codec;
}

// A call in words: where it stands, how it sounds, why it ended.

import type { CallStatsView, CallView, SilenceCause } from "../../api/generated";
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

/** How a call sounds: the estimated opinion of a listener, else the worst of loss, jitter and delay decides. */
export function quality(stats: CallStatsView): Quality {
  // ITU-T G.107 annex B: from 4.0 most are satisfied, below 3.1 nearly all are not.
  const mos = stats.quality?.mos ?? null;
  if (mos !== null) return mos >= 3.9 ? "good" : mos >= 3.1 ? "fair" : "poor";
  const heard = stats.packetsReceived + stats.packetsLost;
  const loss = heard > 0 ? stats.packetsLost / heard : 0;
  const jitter = stats.jitterMs ?? 0;
  const delay = stats.roundTripMs ?? 0;
  if (loss > 0.05 || jitter > 60 || delay > 500) return "poor";
  if (loss > 0.015 || jitter > 30 || delay > 300) return "fair";
  return "good";
}

/** What is to be said when one side hears nothing: whoever muted themselves sees it at the button already. */
export function silence(stats: CallStatsView): SilenceCause | null {
  const cause = stats.quality?.silence ?? null;
  return cause === "mutedHere" || cause === "holdThere" ? null : cause;
}

/** `opus` as its makers write it. */
export function codecName(codec: string): string {
  const names: Record<string, string> = { opus: "Opus", pcmu: "G.711 µ", pcma: "G.711 A", g722: "G.722", g729: "G.729" };
  return names[codec.toLowerCase()] ?? codec;
}

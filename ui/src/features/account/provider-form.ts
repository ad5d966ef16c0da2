// Which provider an account is of, and what it has to be given.

import type { NewProvider, ProviderKind } from "../../api/generated";

export interface ProviderForm {
  kind: ProviderKind | "none";
  url: string;
  user: string;
  token: string;
}

export const PROVIDERS = [
  "none",
  "voipms",
  "telnyx",
  "twilio",
  "signalwire",
  "zadarma",
  "tern",
] as const satisfies readonly ProviderForm["kind"][];

export function blankProvider(): ProviderForm {
  return { kind: "none", url: "", user: "", token: "" };
}

/** What a provider is asked for besides its secret. */
export function asks(kind: ProviderForm["kind"]): { url: boolean; user: boolean } {
  return {
    url: kind === "tern" || kind === "signalwire",
    user: kind === "voipms" || kind === "twilio" || kind === "signalwire" || kind === "zadarma",
  };
}

/** Whether it hands out the SIP account, so that nobody has to type it. */
export function handsOutSip(kind: ProviderForm["kind"]): boolean {
  return kind === "tern" || kind === "voipms" || kind === "telnyx";
}

/** Keys of what is wrong, by field; empty where nothing is. */
export function providerProblems(form: ProviderForm): Partial<Record<keyof ProviderForm, string>> {
  const wrong: Partial<Record<keyof ProviderForm, string>> = {};
  if (form.kind === "none") return wrong;
  const asked = asks(form.kind);
  if (asked.url && form.url.trim() === "") wrong.url = "provider-url-empty";
  if (asked.user && form.user.trim() === "") wrong.user = "provider-field-empty";
  if (form.token === "") wrong.token = "provider-field-empty";
  return wrong;
}

export function toProvider(form: ProviderForm): NewProvider | null {
  if (form.kind === "none") return null;
  return { kind: form.kind, url: form.url.trim(), user: form.user.trim(), token: form.token };
}

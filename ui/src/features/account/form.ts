// What a person types to add a SIP account, and what is wrong with it.

import type { AccountOptions, NewAccount, Transport } from "../../api/generated";
import { isHost, isHostAndPort } from "./host";
import { blankMedia, mediaProblems, toMedia, type MediaForm } from "./media-form";
import { blankProvider, handsOutSip, providerProblems, toProvider, type ProviderForm } from "./provider-form";

export interface AccountForm {
  name: string;
  user: string;
  domain: string;
  password: string;
  proxy: string;
  transport: Transport;
  caFile: string;
  media: MediaForm;
  provider: ProviderForm;
}

/** The ways SIP can travel, the usual one first. */
export const TRANSPORTS = ["auto", "udp", "tcp", "tls"] as const satisfies readonly Transport[];

export function blank(): AccountForm {
  const media = blankMedia();
  const provider = blankProvider();
  return { name: "", user: "", domain: "", password: "", proxy: "", transport: "auto", caFile: "", media, provider };
}

/** Keys of what is wrong, by field; empty where nothing is. */
export function problems(form: AccountForm): Partial<Record<keyof AccountForm, string>> {
  const wrong: Partial<Record<keyof AccountForm, string>> = {};
  const user = form.user.trim();
  // A provider that hands out the SIP account is asked for it where nothing was typed.
  const asked = handsOutSip(form.provider.kind) && user + form.domain.trim() + form.password === "";
  if (asked) return wrong;
  if (user === "") wrong.user = "account-user-empty";
  else if (/[\s@:]/.test(user)) wrong.user = "account-user-wrong";
  if (form.domain.trim() === "") wrong.domain = "account-domain-empty";
  else if (!isHost(form.domain.trim())) wrong.domain = "account-domain-wrong";
  if (form.password === "") wrong.password = "password-empty";
  if (form.proxy.trim() !== "" && !form.proxy.trim().split(/[\s,]+/).every(isHostAndPort)) wrong.proxy = "account-proxy-wrong";
  return wrong;
}

/** Whether anything keeps the form from being sent. */
export function isWrong(form: AccountForm): boolean {
  return [problems(form), mediaProblems(form.media), providerProblems(form.provider)].some(
    (wrong) => Object.keys(wrong).length > 0,
  );
}

export function toAccount(form: AccountForm): NewAccount {
  return {
    name: form.name.trim(),
    user: form.user.trim(),
    domain: form.domain.trim(),
    password: form.password,
    proxy: form.proxy.trim() || null,
    transport: form.transport,
    options: options(form),
    provider: toProvider(form.provider),
  };
}

/** Nothing where everything is as usual: then a later Tern may choose better. */
function options(form: AccountForm): AccountOptions | null {
  const usual = JSON.stringify(toMedia(form.media)) === JSON.stringify(toMedia(blankMedia()));
  const caFile = form.caFile.trim() || null;
  return usual && caFile === null ? null : { caFile, outbound: true, media: toMedia(form.media) };
}

// What a person types to add a SIP account, and what is wrong with it.

import type { NewAccount, Transport } from "../../api/generated";

export interface AccountForm {
  name: string;
  user: string;
  domain: string;
  password: string;
  proxy: string;
  transport: Transport;
  caFile: string;
}

/** The ways SIP can travel, the usual one first. */
export const TRANSPORTS = ["auto", "udp", "tcp", "tls"] as const satisfies readonly Transport[];

export function blank(): AccountForm {
  return { name: "", user: "", domain: "", password: "", proxy: "", transport: "auto", caFile: "" };
}

const HOST = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;
const IPV6 = /^\[[0-9a-f:.]+\]$/i;

/** Keys of what is wrong, by field; empty where nothing is. */
export function problems(form: AccountForm): Partial<Record<keyof AccountForm, string>> {
  const wrong: Partial<Record<keyof AccountForm, string>> = {};
  const user = form.user.trim();
  if (user === "") wrong.user = "account-user-empty";
  else if (/[\s@:]/.test(user)) wrong.user = "account-user-wrong";
  if (form.domain.trim() === "") wrong.domain = "account-domain-empty";
  else if (!isHost(form.domain.trim())) wrong.domain = "account-domain-wrong";
  if (form.password === "") wrong.password = "password-empty";
  if (form.proxy.trim() !== "" && !form.proxy.trim().split(/[\s,]+/).every(isHostAndPort)) wrong.proxy = "account-proxy-wrong";
  return wrong;
}

export function toAccount(form: AccountForm): NewAccount {
  return {
    name: form.name.trim(),
    user: form.user.trim(),
    domain: form.domain.trim(),
    password: form.password,
    proxy: form.proxy.trim() || null,
    transport: form.transport,
    options: form.caFile.trim() === "" ? null : { caFile: form.caFile.trim(), outbound: true },
    provider: null,
  };
}

function isHost(text: string): boolean {
  return HOST.test(text) || IPV6.test(text);
}

function isHostAndPort(text: string): boolean {
  const port = /:(\d{1,5})$/.exec(text);
  if (!port) return isHost(text);
  const number = Number(port[1]);
  return number > 0 && number < 65_536 && isHost(text.slice(0, port.index));
}

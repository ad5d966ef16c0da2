// What a person chooses for the sound of an account's calls, and what is wrong with it.

import type { DtmfWay, MediaKeying, MediaOptions, MediaSecurity } from "../../api/generated";
import { isHostAndPort, isTurnServer } from "./host";

/** Lengths of packets in ms; nothing is the usual one. */
export const LENGTHS = ["", "10", "20", "30", "40", "60"] as const;

export interface MediaForm {
  security: MediaSecurity;
  keying: MediaKeying;
  codecs: string;
  packetMs: (typeof LENGTHS)[number];
  dtmf: DtmfWay;
  ice: boolean;
  stun: string;
  turn: string;
  turnUser: string;
  turnPassword: string;
}

const CODECS = ["opus", "G722", "PCMU", "PCMA", "G729"];

export function blankMedia(): MediaForm {
  return {
    security: "preferred",
    keying: "auto",
    codecs: "",
    packetMs: "",
    dtmf: "auto",
    ice: false,
    stun: "",
    turn: "",
    turnUser: "",
    turnPassword: "",
  };
}

/** What an account has. A password that is kept is not told; left empty it stays. */
export function toMediaForm(media: MediaOptions): MediaForm {
  const usual = blankMedia();
  const length = LENGTHS.find((ms) => ms === String(media.packetMs ?? ""));
  return {
    security: media.security ?? usual.security,
    keying: media.keying ?? usual.keying,
    codecs: (media.codecs ?? []).join(", "),
    packetMs: length ?? "",
    dtmf: media.dtmf ?? usual.dtmf,
    ice: media.ice ?? usual.ice,
    stun: media.stunServer ?? "",
    turn: media.turnServer?.server ?? "",
    turnUser: media.turnServer?.user ?? "",
    turnPassword: "",
  };
}

/** Keys of what is wrong, by field; empty where nothing is. `kept`: a TURN password is known already. */
export function mediaProblems(form: MediaForm, kept = false): Partial<Record<keyof MediaForm, string>> {
  const wrong: Partial<Record<keyof MediaForm, string>> = {};
  if (codecs(form.codecs) === undefined) wrong.codecs = "media-codecs-wrong";
  if (!form.ice) return wrong;
  if (form.stun.trim() !== "" && !isHostAndPort(form.stun.trim())) wrong.stun = "account-proxy-wrong";
  if (form.turn.trim() === "") return wrong;
  if (!isTurnServer(form.turn.trim())) wrong.turn = "account-proxy-wrong";
  if (form.turnUser.trim() === "") wrong.turnUser = "account-user-empty";
  if (form.turnPassword === "" && !kept) wrong.turnPassword = "password-empty";
  return wrong;
}

export function toMedia(form: MediaForm): MediaOptions {
  const turn = form.ice && form.turn.trim() !== "";
  return {
    security: form.security,
    keying: form.keying,
    codecs: codecs(form.codecs) ?? [],
    packetMs: form.packetMs === "" ? null : Number(form.packetMs),
    dtmf: form.dtmf,
    ice: form.ice,
    stunServer: form.ice ? form.stun.trim() || null : null,
    turnServer: turn ? { server: form.turn.trim(), user: form.turnUser.trim(), password: form.turnPassword } : null,
  };
}

/** The codecs named, in the order and spelling of their rtpmap; `undefined` where one is unknown. */
function codecs(typed: string): string[] | undefined {
  const named = typed.split(/[\s,;]+/).filter((name) => name !== "");
  const known = named.map((name) => CODECS.find((codec) => codec.toLowerCase() === name.toLowerCase().replace(".", "")));
  return known.every((codec) => codec !== undefined) ? known : undefined;
}

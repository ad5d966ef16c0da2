// Amounts, times and durations as people of each language write them.

import type { MoneyView } from "../api/generated";
import type { Tongue } from "./catalogue";

/** `10.34` and `USD` as `$10.34`. */
export function money(language: Tongue, value: MoneyView, signed = false): string {
  return new Intl.NumberFormat(language, {
    style: "currency",
    currency: value.currency,
    currencyDisplay: "narrowSymbol",
    maximumFractionDigits: decimals(value.amount),
    signDisplay: signed ? "exceptZero" : "auto",
  }).format(Number(value.amount));
}

/** 0.125 as `12.5%`. */
export function share(language: Tongue, value: number): string {
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 }).format(value);
}

/** 4.25 as `4.3`. */
export function tenths(language: Tongue, value: number): string {
  return new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(value);
}

/** 12400 as `12,400`. */
export function count(language: Tongue, value: number): string {
  return new Intl.NumberFormat(language).format(value);
}

/** The hour, as `14:05`. */
export function clock(language: Tongue, at: string): string {
  return new Intl.DateTimeFormat(regional(language), { hour: "numeric", minute: "2-digit" }).format(new Date(at));
}

/** A day as a heading, without `Today` and `Yesterday`, which are words of the catalogue. */
export function day(language: Tongue, at: Date, now: Date): string {
  const thisYear = at.getFullYear() === now.getFullYear();
  return new Intl.DateTimeFormat(regional(language), {
    weekday: "long",
    day: "numeric",
    month: "long",
    ...(thisYear ? {} : { year: "numeric" }),
  }).format(at);
}

/** A day within a sentence, as `12 Mar`. */
export function shortDay(language: Tongue, at: Date): string {
  return new Intl.DateTimeFormat(regional(language), { day: "numeric", month: "short" }).format(at);
}

/** `YYYY-MM-DD` as a short date. */
export function date(language: Tongue, at: string): string {
  return new Intl.DateTimeFormat(regional(language), { day: "numeric", month: "short", timeZone: "UTC" }).format(new Date(at));
}

/** How many midnights lie between two moments. */
export function daysBetween(at: Date, now: Date): number {
  const midnight = (moment: Date) => Date.UTC(moment.getFullYear(), moment.getMonth(), moment.getDate());
  return Math.round((midnight(now) - midnight(at)) / 86_400_000);
}

/** Seconds as `0:07`, `12:45` or `1:02:03`. */
export function timer(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** A country's name from its two letters. */
export function country(language: Tongue, code: string): string {
  try {
    return new Intl.DisplayNames(language, { type: "region" }).of(code) ?? code;
  } catch {
    // Not two letters: what the provider wrote is still better than nothing.
    return code;
  }
}

/** The desktop's own region of a language, where it has one: an hour is not written alike in London and New York. */
function regional(language: Tongue): string {
  return navigator.languages.find((tag) => tag.toLowerCase().split("-")[0] === language) ?? language;
}

function decimals(amount: string): number {
  const fraction = amount.split(".")[1]?.replace(/0+$/, "") ?? "";
  return Math.min(Math.max(2, fraction.length), 6);
}

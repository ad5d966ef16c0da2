// Quiet hours as the settings show and change them.

import type { QuietHours, QuietSettings, Weekday } from "../../api/generated";

/** The week as most of Europe writes it. */
export const DAYS = [
  "monday",
  "tuesday",
  "wednesday",
  "thursday",
  "friday",
  "saturday",
  "sunday",
] as const satisfies readonly Weekday[];

/** What a person begins with: every night, everywhere. */
export const NIGHT: QuietHours = {
  number: null,
  days: [...DAYS],
  fromMinute: 22 * 60,
  toMinute: 7 * 60,
  zone: { type: "here" },
};

/** A minute of the day as a time field has it: `07:30`. */
export function written(minute: number): string {
  const two = (part: number): string => String(part).padStart(2, "0");
  return `${two(Math.floor(minute / 60) % 24)}:${two(minute % 60)}`;
}

/** The other way; `null` while a field holds no whole time. */
export function minute(typed: string): number | null {
  const found = /^(\d{2}):(\d{2})/.exec(typed);
  const [hours, minutes] = found ? [Number(found[1]), Number(found[2])] : [24, 60];
  return hours < 24 && minutes < 60 ? hours * 60 + minutes : null;
}

/** The same days with one more, or one less; in the order of the week. */
export function toggled(days: readonly Weekday[], day: Weekday): Weekday[] {
  return DAYS.filter((each) => (each === day) !== days.includes(each));
}

/** What is set, without gaps. */
export function whole(quiet: QuietSettings | undefined): Required<QuietSettings> {
  return {
    doNotDisturb: quiet?.doNotDisturb ?? false,
    silentNumbers: quiet?.silentNumbers ?? [],
    hours: quiet?.hours ?? [],
    favouritesToo: quiet?.favouritesToo ?? false,
  };
}

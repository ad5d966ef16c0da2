// What a dial field accepts: figures as people write and paste them, or the name or address of someone.

/** A pasted or typed text as it may stand in the field: one line, without what a page around it brought along. */
export function clean(text: string): string {
  return text
    .replace(/^\s*(tel|sip|sips):/i, "")
    .replace(/[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g, "")
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, 128);
}

/** Whether a key pressed anywhere in the window belongs in the dial field. */
export function isDialKey(key: string): boolean {
  return /^[0-9*#+]$/.test(key);
}

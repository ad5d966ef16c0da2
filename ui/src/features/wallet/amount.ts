// What may be added to a balance, reckoned on decimals as text.

/** Cents of a decimal such as `25`, `25.5` or `25,50`; nothing where it is none. */
export function cents(typed: string): number | null {
  const match = /^(\d{1,7})(?:[.,](\d{1,2}))?$/.exec(typed.trim());
  if (!match) return null;
  return Number(match[1]) * 100 + Number((match[2] ?? "").padEnd(2, "0"));
}

/** Cents as the decimal the engine takes. */
export function decimal(amount: number): string {
  return `${Math.floor(amount / 100)}.${String(amount % 100).padStart(2, "0")}`;
}

/** What is wrong with an amount: nothing, not a number, or outside the limits. */
export function judge(typed: string, limits: readonly [string, string]): "fine" | "noNumber" | "tooLittle" | "tooMuch" {
  const amount = cents(typed);
  if (amount === null) return "noNumber";
  if (amount < (cents(limits[0]) ?? 0)) return "tooLittle";
  if (amount > (cents(limits[1]) ?? Number.MAX_SAFE_INTEGER)) return "tooMuch";
  return "fine";
}

/** Round amounts within the limits, to choose from. */
export function presets(limits: readonly [string, string]): string[] {
  return ["10.00", "25.00", "50.00", "100.00"].filter((amount) => judge(amount, limits) === "fine");
}

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const css = readFileSync(join(import.meta.dirname, "../src/tokens.css"), "utf8");

/** The colours set by the rule whose first selector is `selector`. */
function palette(selector: string): Map<string, string> {
  const start = Math.max(css.indexOf(`\n${selector} {`), css.indexOf(`${selector},\n`));
  if (start < 0) throw new Error(`no ${selector}`);
  const block = css.slice(start, css.indexOf("}", start));
  return new Map([...block.matchAll(/--([a-z0-9-]+):\s*(#[0-9a-f]{6});/g)].map((match) => [match[1]!, match[2]!]));
}

const PALETTES = {
  light: palette(":root"),
  dark: palette(':root[data-theme="dark"]'),
  cap: palette('[data-tone="cap"]'),
};

/** WCAG 2.2, relative luminance. */
function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(one: string, other: string): number {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light! + 0.05) / (dark! + 0.05);
}

/** Text on ground, as the components put them together. */
const TEXT: [string, string][] = [
  ...["paper", "mist"].flatMap((ground) =>
    ["ink", "ink-soft", "ink-faint", "sea", "bill", "kelp", "sand"].map((ink): [string, string] => [ink, ground]),
  ),
  ["ink", "haze"],
  ["ink-soft", "haze"],
  ["ink", "sea-wash"],
  ["ink-soft", "sea-wash"],
  ["ink", "bill-wash"],
  ["ink", "kelp-wash"],
  ["ink", "sand-wash"],
  ["sea", "sea-wash"],
  ["bill", "bill-wash"],
  ["kelp", "kelp-wash"],
  ["sand", "sand-wash"],
  ["dusk", "dusk-wash"],
  ["on-sea", "sea"],
  ["on-sea", "sea-deep"],
  ["on-bill", "bill"],
  ["on-kelp", "kelp"],
  ["on-kelp", "kelp-deep"],
];

describe.each(Object.entries(PALETTES))("%s", (name, colours) => {
  const colour = (token: string) => {
    const value = colours.get(token);
    if (!value) throw new Error(`${name} has no ${token}`);
    return value;
  };

  it.each(TEXT)("%s is read on %s", (ink, ground) => {
    expect(contrast(colour(ink), colour(ground))).toBeGreaterThanOrEqual(4.5);
  });

  it.each([["line-strong", "paper"], ["focus", "paper"], ["focus", "mist"]])("%s is seen on %s", (line, ground) => {
    expect(contrast(colour(line), colour(ground))).toBeGreaterThanOrEqual(3);
  });
});

it("bubbles are read in both themes", () => {
  for (const colours of [PALETTES.light, PALETTES.dark]) {
    expect(contrast(colours.get("on-bubble-ours")!, colours.get("bubble-ours")!)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(colours.get("ink")!, colours.get("bubble-theirs")!)).toBeGreaterThanOrEqual(4.5);
  }
});

it("dark is the same whether the desktop or the user wants it", () => {
  expect([...palette(':root:not([data-theme="light"])')]).toEqual([...PALETTES.dark]);
});

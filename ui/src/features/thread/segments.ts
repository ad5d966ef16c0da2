// How many SMS a text takes (3GPP TS 23.038): 160 of the GSM alphabet or 70 others, less in each part of a longer one.

const GSM =
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const GSM_TWICE = "^{}\\[~]|€\f";

export interface Length {
  /** Characters as people count them. */
  characters: number;
  /** SMS it is sent as; none for an empty text. */
  parts: number;
  /** Units left in the last part. */
  left: number;
}

export function measure(text: string): Length {
  const characters = [...text].length;
  if (text === "") return { characters: 0, parts: 0, left: 160 };
  let units = 0;
  for (const letter of text) {
    if (GSM.includes(letter)) units += 1;
    else if (GSM_TWICE.includes(letter)) units += 2;
    else return { characters, ...split(text.length, 70, 67) };
  }
  return { characters, ...split(units, 160, 153) };
}

function split(units: number, single: number, each: number): { parts: number; left: number } {
  if (units <= single) return { parts: 1, left: single - units };
  const parts = Math.ceil(units / each);
  return { parts, left: parts * each - units };
}

/** East Asian wide and full-width characters, and emoji: two columns of a terminal. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;
const PLAIN = /^[\x20-\x7e]*$/;
const COMBINING = /^\p{M}+$/u;

const segments = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** What colours a text and takes no room. */
const ESCAPE = "\u001b";
const COLOURS = new RegExp(`${ESCAPE}\\[[0-9;]*m`, "g");

/** Columns of a terminal that the text takes. */
export function displayWidth(painted: string): number {
  const text = painted.replace(COLOURS, "");
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const { segment } of segments.segment(text)) {
    if (COMBINING.test(segment)) continue;
    width += WIDE.test(segment) ? 2 : 1;
  }
  return width;
}

/** The text with spaces up to a width. */
export function padded(
  text: string,
  width: number,
  side: "left" | "right" | "center" = "left",
): string {
  const missing = Math.max(0, width - displayWidth(text));
  if (side === "right") return " ".repeat(missing) + text;
  if (side === "left") return text + " ".repeat(missing);
  const before = Math.floor(missing / 2);
  return " ".repeat(before) + text + " ".repeat(missing - before);
}

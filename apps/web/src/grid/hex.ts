/** The bytes of PostgreSQL's `\x…` text; null for other text. */
export function bytesOf(text: string): Uint8Array | null {
  if (!/^\\x(?:[0-9a-f]{2})*$/i.test(text)) return null;
  const bytes = new Uint8Array((text.length - 2) / 2);
  for (let at = 0; at < bytes.length; at += 1)
    bytes[at] = Number.parseInt(text.slice(2 + at * 2, 4 + at * 2), 16);
  return bytes;
}

const ROW = 16;

export function hexRowCount(bytes: Uint8Array): number {
  return Math.ceil(bytes.length / ROW);
}

/** `00000010  48 65 6c …  Hel…`: sixteen bytes a row, what is no letter as a dot. */
export function hexRow(
  bytes: Uint8Array,
  row: number,
): { offset: string; hex: string; text: string } {
  const part = [...bytes.subarray(row * ROW, (row + 1) * ROW)];
  return {
    offset: (row * ROW).toString(16).padStart(8, "0"),
    hex: part.map((byte) => byte.toString(16).padStart(2, "0")).join(" "),
    text: part.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".")).join(""),
  };
}

/** What the scanner of scripts does with a character of code. */
export const CODE = { plain: 0, name: 1, open: 2, close: 3, sign: 4, digit: 5 } as const;

export const CHAR = {
  doubleQuote: 0x22,
  dollar: 0x24,
  quote: 0x27,
  star: 0x2a,
  dash: 0x2d,
  slash: 0x2f,
  colon: 0x3a,
  semicolon: 0x3b,
  equals: 0x3d,
  backslash: 0x5c,
} as const;

const KINDS = new Uint8Array(128);
for (let code = 0; code < 128; code += 1) {
  if (/[A-Za-z_]/.test(String.fromCharCode(code))) KINDS[code] = CODE.name;
}
for (let code = 0x30; code <= 0x39; code += 1) KINDS[code] = CODE.digit;
KINDS[0x28] = CODE.open;
KINDS[0x29] = CODE.close;
for (const sign of "'\"$-/:;\\") KINDS[sign.charCodeAt(0)] = CODE.sign;

export function kindOf(code: number): number {
  // Behind the end of a text there is no code: it is NaN.
  return code >= 128 ? CODE.name : (KINDS[code] ?? CODE.plain);
}

/** Letters, digits, _, $ and all beyond ASCII: what a name goes on with. */
export function isNameCode(code: number): boolean {
  if (code >= 128 || code === CHAR.dollar) return true;
  return KINDS[code] === CODE.name || KINDS[code] === CODE.digit;
}

/** White space of psql's scanner. */
export function isSpaceCode(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

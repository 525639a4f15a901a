/** Takes literals and comments out of SQL, token by token: nothing depends on the parser's having seen a literal. */
import { blankEnd, tokenAt } from "@quern/contract/postgres-lexer";

/** What PostgreSQL 18 writes in the place of the rest of a list. */
const SQUASHED = "/*, ... */";
const QUOTED_NAME = /^(?:[uU]&)?"/;
const UNICODE_QUOTED = /^[uU]&['"]/;
const PARAMETER = /^\$(\d+)$/;

/**
 * `text` on one line with each string, number and dollar-quoted text as a parameter, numbered after those that are there
 * already, without comments. Numbers at the byte positions of `kept` stay: lengths of types.
 */
export function withoutLiterals(text: string, kept: ReadonlySet<number> = new Set()): string {
  const pieces = piecesOf(text);
  let parameter = highestParameter(pieces);
  let out = "";
  let blank = false;
  let afterUnicode = false;
  for (let index = 0; index < pieces.length; index += 1) {
    const piece = pieces[index] as Piece;
    if (piece.kind === "blank") {
      blank = true;
      if (piece.text === SQUASHED) out += ` ${SQUASHED}`;
      continue;
    }
    if (afterUnicode && /^uescape$/i.test(piece.text)) {
      index = nextToken(pieces, index);
      afterUnicode = false;
      continue;
    }
    afterUnicode = UNICODE_QUOTED.test(piece.text);
    const literal = piece.kind === "literal" && !kept.has(piece.byte);
    if (literal) parameter += 1;
    const written = literal ? `$${parameter}` : piece.text;
    out += `${isSpaced(out, written, blank) ? " " : ""}${written}`;
    blank = false;
  }
  return out.replace(/;\s*$/, "");
}

/** `select'x'` needs no blank, `select$1` would be a name. */
function isSpaced(before: string, next: string, blank: boolean): boolean {
  if (/[\w$\u0080-\uffff"]$/.test(before) && /^[\w$\u0080-\uffff"]/.test(next)) return true;
  return blank && before !== "" && !before.endsWith("(") && !/^[),;]$/.test(next);
}

type Piece = { kind: "blank" | "literal" | "token"; text: string; byte: number };

function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = [];
  let position = 0;
  let byte = 0;
  while (position < text.length) {
    const blank = blankEnd(text, position);
    const end = blank > position ? blank : tokenAt(text, position).end;
    const piece = text.slice(position, end);
    pieces.push({ kind: blank > position ? "blank" : kindOf(piece), text: piece, byte });
    byte += Buffer.byteLength(piece);
    position = end;
  }
  return pieces;
}

/** Of what the lexer does not name, whatever is no quoted name, parameter, word or sign is a literal. */
function kindOf(piece: string): "literal" | "token" {
  if (QUOTED_NAME.test(piece) || PARAMETER.test(piece)) return "token";
  if (/^(?:[eEbBxXnN]|[uU]&)?'/.test(piece) || (piece.length > 1 && piece.startsWith("$"))) {
    return "literal";
  }
  return /^\.?[0-9]/.test(piece) ? "literal" : "token";
}

function highestParameter(pieces: Piece[]): number {
  return pieces.reduce((highest, { kind, text }) => {
    const number = kind === "token" ? Number(PARAMETER.exec(text)?.[1] ?? 0) : 0;
    // A text may hold `$99999999999999999999`; what comes after has to stay a number that can be read.
    return number < 1_000_000 ? Math.max(highest, number) : highest;
  }, 0);
}

function nextToken(pieces: Piece[], index: number): number {
  let next = index + 1;
  while (pieces[next]?.kind === "blank") next += 1;
  return next;
}

const COMMENT_PAIR = /\brun_id='([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})'/;

/** Of the tags that sqlcommenter puts into a comment, only Quern's run: it leads back to whoever started it. */
export function runIdOf(text: string): string | null {
  if (!text.includes("run_id")) return null;
  for (const { kind, text: piece } of piecesOf(text)) {
    const id = kind === "blank" ? COMMENT_PAIR.exec(piece)?.[1] : undefined;
    if (id !== undefined) return id;
  }
  return null;
}

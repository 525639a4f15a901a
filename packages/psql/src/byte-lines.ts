import { isUtf8 } from "node:buffer";

/** A line of a file, without its line feed. */
export type Line = {
  text: string;
  /** From 1. */
  number: number;
  /** Of its first byte in the file. */
  offset: number;
  /** Its length in bytes; equal to the text's length when it holds only ASCII. */
  bytes: number;
};

/** Why a line cannot be read as text. */
export type BadLine = { bad: "encoding" | "nul" | "length"; number: number; offset: number };

/** More bytes must be pushed, or `end` be called. */
export const NEEDS_MORE = "needs more";
/** There is nothing more to take. */
export const AT_END = "at end";

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const BACKSLASH = 92;
const DOT = 46;
/** Longer lines do not fit in a string, whose limit is 512 Mi characters. */
const MAX_LINE_BYTES = 500 * 1024 * 1024;
/** Of one line of COPY data; a longer one is handed on in pieces. */
const COPY_PIECE_BYTES = 64 * 1024;

/**
 * The bytes of a file, pushed in pieces of any size and taken as lines of text or, between them, as the raw data of a
 * COPY. A byte order mark at the beginning is left out.
 */
export class ByteLines {
  #buffer: Buffer;
  #from = 0;
  #to: number;
  /** Up to here there is no line feed. */
  #searched = 0;
  /** Of the file's byte at #from. */
  #offset = 0;
  #ended = false;
  #line = 0;
  #inLongCopyLine = false;

  /** The whole file at once, or nothing yet. */
  constructor(whole: Uint8Array | null = null) {
    const bytes = whole ?? new Uint8Array(0);
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#to = bytes.byteLength;
    this.#ended = whole !== null;
  }

  /** Lines taken so far, those of COPY data included. */
  get line(): number {
    return this.#line;
  }

  get offset(): number {
    return this.#offset;
  }

  push(bytes: Uint8Array): void {
    const rest = this.#to - this.#from;
    if (this.#to + bytes.length > this.#buffer.length) {
      const roomy = Buffer.allocUnsafe(Math.max(2 * rest, rest + bytes.length));
      this.#buffer.copy(roomy, 0, this.#from, this.#to);
      this.#searched -= this.#from;
      this.#buffer = roomy;
      this.#from = 0;
      this.#to = rest;
    }
    this.#buffer.set(bytes, this.#to);
    this.#to += bytes.length;
  }

  end(): void {
    this.#ended = true;
  }

  takeLine(): Line | BadLine | typeof NEEDS_MORE | typeof AT_END {
    const feed = this.#findFeed();
    if (feed === -1 && !this.#ended) {
      return this.#to - this.#from > MAX_LINE_BYTES ? this.#bad("length") : NEEDS_MORE;
    }
    if (feed === -1 && this.#from === this.#to) return AT_END;
    const until = feed === -1 ? this.#to : feed;
    if (until - this.#from > MAX_LINE_BYTES) return this.#bad("length");
    if (this.#line === 0) this.#skipMark(until);
    const bytes = until - this.#from;
    const text = this.#buffer.toString("utf8", this.#from, until);
    if (text.includes("\ufffd") && !isUtf8(this.#buffer.subarray(this.#from, until))) {
      return this.#bad("encoding");
    }
    if (text.includes("\0")) return this.#bad("nul");
    this.#line += 1;
    const line = { text, number: this.#line, offset: this.#offset, bytes };
    this.#skip(feed === -1 ? until : feed + 1);
    return line;
  }

  /** A piece of the data of a COPY; AT_END behind its line `\.`, which is taken, too, or at the end of the file. */
  takeCopyData(): Uint8Array | typeof NEEDS_MORE | typeof AT_END {
    if (!this.#inLongCopyLine) {
      const marker = this.#markerEnd(this.#from);
      if (marker === NEEDS_MORE) return NEEDS_MORE;
      if (marker !== -1) {
        this.#line += 1;
        this.#skip(marker);
        return AT_END;
      }
    }
    if (this.#from === this.#to) return this.#ended ? this.#endOfCopy() : NEEDS_MORE;
    const until = this.#copyPieceEnd();
    if (until === -1) return NEEDS_MORE;
    const piece = this.#buffer.subarray(this.#from, until);
    this.#inLongCopyLine = piece.at(-1) !== LINE_FEED;
    this.#line += countFeeds(piece);
    this.#skip(until);
    return piece;
  }

  /** The end of the complete lines before the next `\.`, or of a part of a line that is very long; -1 when more is needed. */
  #copyPieceEnd(): number {
    let at = this.#from;
    for (;;) {
      const mark = this.#buffer.indexOf("\\.", at);
      if (mark === -1 || mark >= this.#to) break;
      if (mark > this.#from && this.#buffer[mark - 1] === LINE_FEED) {
        const end = this.#markerEnd(mark);
        // What comes before it is handed on first; then it is looked at again.
        if (end !== -1) return mark;
      }
      at = mark + 2;
    }
    if (this.#ended) return this.#to;
    const last = this.#buffer.subarray(this.#from, this.#to).lastIndexOf(LINE_FEED);
    if (last !== -1) return this.#from + last + 1;
    return this.#to - this.#from > COPY_PIECE_BYTES ? this.#to : -1;
  }

  /** Where the line `\.` that begins at this position ends, with its line feed; -1 when it is none. */
  #markerEnd(at: number): number | typeof NEEDS_MORE {
    const has = this.#to - at;
    if (has > 0 && this.#buffer[at] !== BACKSLASH) return -1;
    if (has > 1 && this.#buffer[at + 1] !== DOT) return -1;
    const feed = has > 2 && this.#buffer[at + 2] === CARRIAGE_RETURN ? at + 3 : at + 2;
    if (feed < this.#to) return this.#buffer[feed] === LINE_FEED ? feed + 1 : -1;
    if (!this.#ended) return NEEDS_MORE;
    return has >= 2 ? this.#to : -1;
  }

  #endOfCopy(): typeof AT_END {
    if (this.#inLongCopyLine) this.#line += 1;
    this.#inLongCopyLine = false;
    return AT_END;
  }

  #findFeed(): number {
    const at = this.#buffer.indexOf(LINE_FEED, Math.max(this.#from, this.#searched));
    if (at === -1 || at >= this.#to) {
      this.#searched = this.#to;
      return -1;
    }
    return at;
  }

  #skipMark(until: number): void {
    const [first, second, third] = this.#buffer.subarray(this.#from, until);
    if (first === 0xef && second === 0xbb && third === 0xbf) this.#skip(this.#from + 3);
  }

  #skip(to: number): void {
    this.#offset += to - this.#from;
    this.#from = to;
  }

  #bad(bad: BadLine["bad"]): BadLine {
    return { bad, number: this.#line + 1, offset: this.#offset };
  }
}

function countFeeds(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_FEED); at !== -1; at = bytes.indexOf(LINE_FEED, at + 1)) {
    count += 1;
  }
  return count;
}

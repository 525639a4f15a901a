/** What the scanner of a script knows between two looks at it: its query buffer and what it is inside of. */
import type { Line } from "./byte-lines.ts";

/** What the scanner is inside of. */
export type Mode =
  | { in: "code" }
  | { in: "quotes"; quote: "'" | '"'; backslashes: boolean }
  | { in: "dollars"; tag: string }
  | { in: "comment"; depth: number };

/** What is scanned: the line itself, or the value of a variable in it. */
export type Source = {
  text: string;
  /** What lies between is read and not in the query buffer yet. */
  from: number;
  at: number;
  variable: string | null;
  /** Of the reference in the line. */
  column: number;
};

/** From `start` on in the query buffer stands what begins in this line at this column, or all comes from there. */
export type Segment = { start: number; line: Line; column: number; expanded: boolean };

export type Began = { line: Line; column: number };

/** A name that was found where it is code, in lower case. */
export type Marked = { word: string; line: Line; column: number };

export type ScannerHooks = {
  /** The value of a variable; undefined leaves the reference as it is. Each reference is asked for once. */
  variable(name: string, form: "plain" | "literal" | "identifier" | "test"): string | undefined;
  /** Told of words where they are code, of those that `mayMark` by their length and first character; null for none. */
  marked: ((mark: Marked) => void) | null;
  mayMark(length: number, first: number): boolean;
};

export type Scanner = {
  hooks: ScannerHooks;
  /** The query buffer: what was read of a statement so far. */
  text: string;
  began: Began | null;
  segments: Segment[];
  mode: Mode;
  parens: number;
  /** How many `end` are due in the body of a routine. */
  begins: number;
  /** Names seen in the statement, and the first four of them in lower case. */
  names: number;
  words: string[];
  /** It creates a function or a procedure. */
  isRoutine: boolean;
  /** Semicolons that \; put into the buffer. */
  joined: number;
  sources: Source[];
  line: Line | null;
  standardStrings: boolean;
  /** What the values of variables have put into this line. */
  expanded: number;
  /** Length of the buffer right behind the line feed that this line put into it; -1 when it put none. */
  fedAt: number;
};

export const CODE_MODE: Mode = { in: "code" };

export function createScanner(hooks: ScannerHooks): Scanner {
  return {
    hooks,
    text: "",
    began: null,
    segments: [],
    mode: CODE_MODE,
    parens: 0,
    begins: 0,
    names: 0,
    words: [],
    isRoutine: false,
    joined: 0,
    sources: [],
    line: null,
    standardStrings: true,
    expanded: 0,
    fedAt: -1,
  };
}

/** Empties the query buffer after its statement was sent. */
export function clearText(scanner: Scanner): void {
  scanner.text = "";
  scanner.began = null;
  scanner.segments = [];
  scanner.joined = 0;
  scanner.names = 0;
  scanner.words = [];
  scanner.isRoutine = false;
  scanner.fedAt = -1;
}

/** Forgets what is open: psql does so when \g, \gset or \gexec send an unfinished statement. */
export function resetScan(scanner: Scanner): void {
  scanner.mode = CODE_MODE;
  scanner.parens = 0;
  scanner.begins = 0;
  scanner.names = 0;
  scanner.words = [];
  scanner.isRoutine = false;
}

/** Goes on with a line. False when there is nothing in it to look at. */
export function startLine(scanner: Scanner, line: Line, standardStrings: boolean): boolean {
  if (line.text === "" && scanner.mode.in === "code") return false;
  scanner.line = line;
  scanner.standardStrings = standardStrings;
  scanner.sources = [{ text: line.text, from: 0, at: 0, variable: null, column: 0 }];
  scanner.expanded = 0;
  scanner.fedAt = -1;
  if (scanner.text !== "") {
    scanner.text += "\n";
    scanner.fedAt = scanner.text.length;
  }
  return true;
}

/** Takes the line feed back when a line holds nothing but a meta-command. */
export function takeFeedBack(scanner: Scanner): void {
  if (scanner.fedAt === scanner.text.length) scanner.text = scanner.text.slice(0, -1);
  scanner.fedAt = -1;
}

export function topSource(scanner: Scanner): Source {
  return scanner.sources.at(-1)!;
}

/** Goes on behind what was read by other rules, such as a meta-command. */
export function skipTo(source: Source, at: number): void {
  source.from = at;
  source.at = at;
}

/** Where in the line the scanner stands; the reference when it is in a variable's value. */
export function columnOf(scanner: Scanner): number {
  const [outermost, inner] = scanner.sources;
  return inner === undefined ? outermost!.at : inner.column;
}

/** Puts what was read of the source into the query buffer. */
export function flush(scanner: Scanner, source: Source): void {
  const { from, at, text } = source;
  source.from = at;
  if (at === from) return;
  const isInner = source.variable !== null;
  put(scanner, text.slice(from, at), isInner ? source.column : from, isInner);
}

export function put(scanner: Scanner, text: string, column: number, expanded: boolean): void {
  const line = scanner.line!;
  scanner.began ??= { line, column };
  scanner.segments.push({ start: scanner.text.length, line, column, expanded });
  scanner.text += text;
}

/**
 * Cuts the lines of a script into statements and meta-commands, by the rules of psql's own scanner: it follows quotes,
 * comments, dollar quotes, parentheses and the bodies of `begin atomic` from line to line, and puts the values of variables
 * in where psql does. A value is scanned as if it stood in the file, so it may hold quotes and semicolons.
 */
import {
  closingComment,
  closingQuote,
  dollarTagEnd,
  lineCommentEnd,
} from "@quern/contract/postgres-lexer";
import { CHAR, CODE, isNameCode, isSpaceCode, kindOf } from "./characters.ts";
import { quoteIdentifier, quoteLiteral } from "./quoting.ts";
import {
  CODE_MODE,
  columnOf,
  flush,
  put,
  type Scanner,
  type Source,
  skipTo,
  topSource,
} from "./scan-state.ts";

/** `overflow`: the values of variables in a line make too much of it. */
type Stop = "semicolon" | "backslash" | "overflow";

/** Reads on to the semicolon that ends a statement (it is in the buffer), to a backslash (behind it), or to the line's end. */
export function scan(scanner: Scanner): Stop | "end" {
  for (;;) {
    const source = topSource(scanner);
    if (source.at >= source.text.length) {
      flush(scanner, source);
      if (scanner.sources.length === 1) return "end";
      scanner.sources.pop();
    } else if (scanner.mode.in !== "code") scanInside(scanner, source);
    else {
      const found = scanCode(scanner, source);
      if (found !== null) return found;
    }
  }
}

/** Goes through what is in quotes or in a comment, up to its end or that of the source. */
function scanInside(scanner: Scanner, source: Source): void {
  const { mode } = scanner;
  const { text, at } = source;
  let end = -1;
  if (mode.in === "quotes") end = closingQuote(text, at, mode.quote, mode.backslashes);
  else if (mode.in === "dollars") {
    const tag = text.indexOf(mode.tag, at);
    if (tag !== -1) end = tag + mode.tag.length;
  } else if (mode.in === "comment") {
    const closing = closingComment(text, at, mode.depth);
    if (closing.depth === 0) end = closing.end;
    else mode.depth = closing.depth;
  }
  if (end !== -1) scanner.mode = CODE_MODE;
  source.at = end === -1 ? text.length : end;
}

/** Goes through code up to what has a meaning here; null when the scan goes on. */
function scanCode(scanner: Scanner, source: Source): Stop | null {
  const { text } = source;
  if (scanner.text === "" && source.from === source.at) skipTo(source, blankEnd(text, source.at));
  while (source.at < text.length) {
    const code = text.charCodeAt(source.at);
    const kind = kindOf(code);
    if (kind === CODE.plain) source.at += 1;
    else if (kind === CODE.name) scanName(scanner, source);
    // Letters right behind a number are no name, and no prefix of a string: 1e'…' is an error of the server's.
    else if (kind === CODE.digit) source.at = numberEnd(text, source.at);
    else if (kind === CODE.open) {
      scanner.parens += 1;
      source.at += 1;
    } else if (kind === CODE.close) {
      if (scanner.parens > 0) scanner.parens -= 1;
      source.at += 1;
    } else {
      const done = scanSign(scanner, source, code);
      if (done !== "on") return done;
    }
    if (scanner.mode !== CODE_MODE) return null;
  }
  return null;
}

/** A sign that may mean something. */
function scanSign(scanner: Scanner, source: Source, code: number): Stop | "on" | null {
  const { text, at } = source;
  const next = text.charCodeAt(at + 1);
  if (code === CHAR.semicolon) return endStatement(scanner, source);
  if (code === CHAR.backslash) return scanBackslash(scanner, source, next);
  if (code === CHAR.colon) return scanColon(scanner, source, next);
  source.at = at + 1;
  if (code === CHAR.dash && next === CHAR.dash) source.at = lineCommentEnd(text, at);
  else if (code === CHAR.slash && next === CHAR.star) {
    source.at = at + 2;
    scanner.mode = { in: "comment", depth: 1 };
  } else if (code === CHAR.quote) {
    scanner.mode = { in: "quotes", quote: "'", backslashes: !scanner.standardStrings };
  } else if (code === CHAR.doubleQuote) {
    scanner.mode = { in: "quotes", quote: '"', backslashes: false };
  } else if (code === CHAR.dollar) {
    const bodyStart = dollarTagEnd(text, at);
    if (bodyStart > at) {
      source.at = bodyStart;
      scanner.mode = { in: "dollars", tag: text.slice(at, bodyStart) };
    }
  }
  return "on";
}

function endStatement(scanner: Scanner, source: Source): "semicolon" | "on" {
  source.at += 1;
  if (scanner.parens > 0 || scanner.begins > 0) return "on";
  flush(scanner, source);
  return "semicolon";
}

/** `\;` and `\:` put the sign itself into the buffer; any other backslash begins a meta-command. */
function scanBackslash(scanner: Scanner, source: Source, next: number): "backslash" | "on" {
  flush(scanner, source);
  skipTo(source, source.at + 1);
  if (next !== CHAR.semicolon && next !== CHAR.colon) return "backslash";
  source.at += 1;
  if (next === CHAR.semicolon) {
    scanner.joined += 1;
    scanner.names = 0;
    scanner.words = [];
    scanner.isRoutine = false;
  }
  return "on";
}

const REFERENCE =
  /:(?:([A-Za-z0-9_\u0080-\uffff]+)|'([A-Za-z0-9_\u0080-\uffff]+)'|"([A-Za-z0-9_\u0080-\uffff]+)"|\{\?([A-Za-z0-9_\u0080-\uffff]+)\})/y;

/** A reference to a variable at this position, which is that of a colon. */
export function referenceAt(text: string, at: number) {
  REFERENCE.lastIndex = at;
  const match = REFERENCE.exec(text);
  if (match === null) return null;
  const [whole, plain, literal, identifier, tested] = match;
  const end = at + whole.length;
  if (plain !== undefined) return { name: plain, form: "plain", end } as const;
  if (literal !== undefined) return { name: literal, form: "literal", end } as const;
  if (identifier !== undefined) return { name: identifier, form: "identifier", end } as const;
  return { name: tested!, form: "test", end } as const;
}

/** Null when the value of a variable is to be scanned first. */
function scanColon(scanner: Scanner, source: Source, next: number): "overflow" | "on" | null {
  const { text, at } = source;
  if (next === CHAR.colon || next === CHAR.equals) {
    source.at = at + 2;
    return "on";
  }
  const reference = referenceAt(text, at);
  if (reference === null) {
    source.at = at + 1;
    return "on";
  }
  const { name, form } = reference;
  const value = scanner.hooks.variable(name, form);
  const isRecursive = form === "plain" && scanner.sources.some((one) => one.variable === name);
  if (form !== "test" && (value === undefined || isRecursive)) {
    source.at = reference.end;
    return "on";
  }
  flush(scanner, source);
  const column = columnOf(scanner);
  skipTo(source, reference.end);
  if (form !== "plain") {
    put(scanner, expansion(form, value), column, true);
    return "on";
  }
  scanner.expanded += 1_000 + value!.length;
  if (scanner.expanded > MAX_EXPANDED) return "overflow";
  scanner.sources.push({ text: value!, from: 0, at: 0, variable: name, column });
  return null;
}

/** Characters that values may put into one line; each reference counts as a thousand more, for those that are empty. */
const MAX_EXPANDED = 64 * 1024 * 1024;

function expansion(form: "literal" | "identifier" | "test", value: string | undefined): string {
  if (form === "test") return value === undefined ? "FALSE" : "TRUE";
  return form === "literal" ? quoteLiteral(value!) : quoteIdentifier(value!);
}

/** What before a quote says which kind of string it begins, whatever standard_conforming_strings says. */
const PREFIX = /^(?:[eEbBxX]|[uU]&)'/;

/** A name, a keyword, or the letter before a quote. */
function scanName(scanner: Scanner, source: Source): void {
  const { text, at: start } = source;
  const end = nameEnd(text, start);
  source.at = end;
  const prefix = end === start + 1 ? PREFIX.exec(text.slice(start, start + 3))?.[0] : undefined;
  if (prefix !== undefined) {
    source.at = start + prefix.length;
    scanner.mode = { in: "quotes", quote: "'", backslashes: /^e/i.test(prefix) };
    return;
  }
  const isEarly = scanner.names < MAX_WORDS;
  scanner.names += 1;
  const { hooks, isRoutine } = scanner;
  const mayBeMarked = hooks.marked !== null && hooks.mayMark(end - start, text.charCodeAt(start));
  if (!isEarly && !isRoutine && !mayBeMarked) return;
  const word = text.slice(start, end).toLowerCase();
  if (isEarly) {
    scanner.words.push(word);
    scanner.isRoutine = scanner.words[0] === "create" && ROUTINE.test(scanner.words.join(" "));
  }
  if (scanner.isRoutine && scanner.parens === 0) countBlocks(scanner, word);
  if (mayBeMarked) {
    const column = scanner.sources.length === 1 ? start : columnOf(scanner);
    hooks.marked?.({ word, line: scanner.line!, column });
  }
}

function numberEnd(text: string, start: number): number {
  let end = start + 1;
  while (kindOf(text.charCodeAt(end)) === CODE.digit) end += 1;
  return kindOf(text.charCodeAt(end)) === CODE.name ? nameEnd(text, end) : end;
}

function nameEnd(text: string, start: number): number {
  let end = start + 1;
  while (end < text.length && isNameCode(text.charCodeAt(end))) end += 1;
  return end;
}

const MAX_WORDS = 4;
const ROUTINE = /^create (?:or replace )?(?:function|procedure)(?: |$)/;

/** Follows `begin … end` in a statement that creates a routine, as psql does: by words outside parentheses. */
function countBlocks(scanner: Scanner, word: string): void {
  if (word === "begin") scanner.begins += 1;
  else if (word === "case" && scanner.begins > 0) scanner.begins += 1;
  else if (word === "end" && scanner.begins > 0) scanner.begins -= 1;
}

/** White space and -- comments before a statement are not sent. */
function blankEnd(text: string, from: number): number {
  let at = from;
  for (;;) {
    while (at < text.length && isSpaceCode(text.charCodeAt(at))) at += 1;
    if (text.charCodeAt(at) !== CHAR.dash || text.charCodeAt(at + 1) !== CHAR.dash) return at;
    at = lineCommentEnd(text, at);
  }
}

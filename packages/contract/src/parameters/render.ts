/** The SQL that the engine is sent: `$n` for values, quoted names for identifiers, without the blocks that have no value. */
import type { RunParameter } from "../parameters.ts";
import { ParametersError } from "./errors.ts";
import { quotedIdentifier } from "./identifier.ts";
import { type ParameterUse, readTemplate, type Template } from "./template.ts";
import { isAll, type SqlType } from "./value.ts";

/** The value of `$n` in PostgreSQL's text form; null is NULL. */
export type BoundParameter = { type: SqlType; value: string | null };

/** A stretch of the rendered text from `at` on: copied from the template, or put in the place of `from` to `to`. */
type Stretch = { at: number; from: number; to: number; copied: boolean };

export type Rendered = { sql: string; params: BoundParameter[]; stretches: Stretch[] };

/**
 * Puts a run's parameters into its text. A parameter that is used twice is one `$n`. Throws `ParametersError` when the
 * text is no sound template, or lacks a value.
 */
export function renderParameters(sql: string, params: readonly RunParameter[]): Rendered {
  const template = readTemplate(sql);
  if (template.problems.length > 0) {
    throw new ParametersError(template.problems.map((problem) => ({ path: "sql", ...problem })));
  }
  const given = new Map(params.map((parameter) => [parameter.name, parameter]));
  const kept = keptBlocks(template, given);
  const text = new RenderedText(sql);
  const numbers = new Map<string, number>();
  const bound: BoundParameter[] = [];
  const place = (use: ParameterUse): void => {
    const { name, start, end } = use;
    const parameter = given.get(name);
    if (parameter === undefined) throw withoutValue(use);
    if (parameter.type === "identifier") {
      text.putName(start, end, nameOf(parameter, use));
      return;
    }
    const key = use.part === null ? name : `${name}.${use.part}`;
    let number = numbers.get(key);
    if (number === undefined) {
      number = bound.push(boundOf(parameter, key, use));
      numbers.set(key, number);
    }
    text.putNumber(start, end, number);
  };
  let copiedTo = 0;
  for (const { kind, index, start, end } of template.marks) {
    // Within a block that was left out.
    if (start < copiedTo) continue;
    text.copy(copiedTo, start);
    copiedTo = end;
    if (kind === "use") place(template.uses[index]!);
    else if (kind === "close") text.putSpace(start, end);
    // What ends before a block does not reach into it.
    else if (kept[index]) text.putSpace(start, start);
    else {
      copiedTo = template.blocks[index]!.end;
      text.putSpace(start, copiedTo);
    }
  }
  text.copy(copiedTo, sql.length);
  return { sql: text.toString(), params: bound, stretches: text.stretches };
}

/**
 * The place in the template of an offset in the rendered text. With `edge` "end" it is that of a span's end, and brackets
 * and blocks behind it that became blanks belong to the span.
 */
export function templateOffset(
  { sql, stretches }: Pick<Rendered, "sql" | "stretches">,
  offset: number,
  edge: "start" | "end" = "start",
): number {
  const wanted = edge === "end" ? offset - 1 : offset;
  let low = 0;
  let high = stretches.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (stretches[middle]!.at <= wanted) low = middle;
    else high = middle - 1;
  }
  const stretch = stretches[low];
  if (stretch === undefined) return offset;
  const place = stretch.copied
    ? Math.min(stretch.from + offset - stretch.at, stretch.to)
    : stretch[edge === "end" ? "to" : "from"];
  if (edge === "start") return place;
  let end = place;
  for (let index = low, from = offset; ; index += 1) {
    const next = stretches[index + 1];
    if (next === undefined || sql.slice(from, next.at).trim() !== "") return end;
    const isLast = index + 2 >= stretches.length;
    const text = sql.slice(next.at, isLast ? sql.length : stretches[index + 2]!.at);
    if (text.trim() !== "") return end;
    if (!next.copied) end = next.to;
    from = next.at;
  }
}

/** A block stays when all its own parameters have values; one that has only inner blocks, when one of those stays. */
function keptBlocks(
  { blocks, uses }: Template,
  given: ReadonlyMap<string, RunParameter>,
): boolean[] {
  const own: (boolean | undefined)[] = blocks.map(() => undefined);
  for (const { name, block } of uses) {
    if (block === null) continue;
    const parameter = given.get(name);
    own[block] = (own[block] ?? true) && parameter !== undefined && !isAll(parameter.given);
  }
  // Inner blocks have higher numbers than those around them.
  const wanted = blocks.map(() => false);
  for (let index = blocks.length - 1; index >= 0; index -= 1) {
    const parent = blocks[index]!.parent;
    wanted[index] = own[index] ?? wanted[index]!;
    if (parent !== null && wanted[index]) wanted[parent] = true;
  }
  return wanted;
}

function nameOf({ given }: RunParameter, use: ParameterUse): string {
  if (typeof given !== "string") throw withoutValue(use);
  return quotedIdentifier(given);
}

function boundOf(parameter: RunParameter, key: string, use: ParameterUse): BoundParameter {
  const bound = parameter.bound.find(({ name }) => name === key);
  if (bound === undefined) throw withoutValue(use);
  const value = Array.isArray(bound.value) ? arrayText(bound.value) : bound.value;
  return { type: bound.sql_type as SqlType, value };
}

function withoutValue({ name, start, end }: ParameterUse): ParametersError {
  return new ParametersError([{ path: "sql", message: `{{ ${name} }} has no value.`, start, end }]);
}

/** `{"a","b"}`, as PostgreSQL reads arrays of text. */
function arrayText(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replace(/["\\]/g, "\\$&")}"`).join(",")}}`;
}

/** Puts the text together so that what comes in the place of braces never joins what stands beside it. */
class RenderedText {
  readonly stretches: Stretch[] = [];
  readonly #template: string;
  readonly #pieces: string[] = [];
  #length = 0;
  #last = "";

  constructor(template: string) {
    this.#template = template;
  }

  copy(from: number, to: number): void {
    if (to > from) this.#add(this.#template.slice(from, to), from, to, true);
  }

  putNumber(from: number, to: number, number: number): void {
    this.#putApart(from, to, `$${number}`, /[A-Za-z0-9_$\u0080-\uffff]/);
  }

  putName(from: number, to: number, name: string): void {
    this.#putApart(from, to, name, /[^\s.,()]/);
  }

  /** In the place of brackets and of blocks that are left out. */
  putSpace(from: number, to: number): void {
    this.#add(" ", from, to, false);
  }

  toString(): string {
    return this.#pieces.join("");
  }

  #putApart(from: number, to: number, text: string, joins: RegExp): void {
    const before = joins.test(this.#last) ? " " : "";
    const after = joins.test(this.#template.charAt(to)) ? " " : "";
    this.#add(before + text + after, from, to, false);
  }

  #add(text: string, from: number, to: number, copied: boolean): void {
    this.stretches.push({ at: this.#length, from, to, copied });
    this.#pieces.push(text);
    this.#length += text.length;
    this.#last = text.charAt(text.length - 1);
  }
}

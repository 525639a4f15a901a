/** What the analysis notes of statements. */
import { scan } from "@quern/contract/postgres-lexer";
import type { Volatile } from "./analysis.ts";
import { AT_END } from "./byte-lines.ts";
import { isActive } from "./conditions.ts";
import { encodingFault, type Fault } from "./faults.ts";
import { clearText, type Marked, type Scanner, topSource } from "./scan-state.ts";
import { positionOfUnit } from "./source-map.ts";
import {
  bodiesIn,
  copyFacts,
  encodingSet,
  kindOfStatement,
  type StatementKind,
  standardStringsSet,
} from "./statement-facts.ts";
import { storedAfter, tablesWritten } from "./stored-expressions.ts";
import { mayBeVolatile, volatileKind } from "./volatility.ts";
import {
  addProblem,
  statementPlace,
  type Walk,
  type WalkFrame,
  type WalkStatement,
} from "./walk-state.ts";

const MAX_VOLATILE = 1_000;
/** As far as a call's parenthesis may be from its name. */
const NEAR = 40;

/** Notes the statement in the query buffer, or the last one when that is empty, and empties it. */
export function walkBuffer(walk: Walk, frame: WalkFrame): WalkStatement | null {
  const { scanner } = frame;
  const { text, segments, words, joined, isRoutine, began } = scanner;
  const statement =
    began === null ? frame.previous : { text, segments, words, joined, isRoutine, began };
  clearText(scanner);
  if (statement === null) return null;
  frame.previous = statement;
  if (statement.words.length > 0 || joined > 0) noteStatement(walk, frame, statement);
  return statement;
}

function noteStatement(walk: Walk, frame: WalkFrame, statement: WalkStatement): void {
  const { text, words, joined, began, isRoutine } = statement;
  walk.statements += 1;
  walk.last = text;
  const [first] = words;
  const kind = kindOfStatement(words);
  if (kind !== null) addKind(walk, frame, kind, began.line.number);
  if (first === "copy" || (joined > 0 && /copy/i.test(text))) noteCopy(walk, frame, statement);
  noteWrites(walk, text, first, joined > 0);
  if (first === "set") noteSetting(walk, frame, statement);
  if (first === "do") noteBodies(walk, frame, statement, "do");
  else if (isRoutine) noteBodies(walk, frame, statement, "routine");
}

export function addKind(walk: Walk, frame: WalkFrame, kind: StatementKind, line: number): void {
  if (!walk.kinds.has(kind)) walk.kinds.set(kind, { file: frame.path, line });
}

export function noteWrites(
  walk: Walk,
  text: string,
  first: string | undefined,
  joined = false,
): void {
  for (const table of tablesWritten(text, first, joined)) walk.writes.add(table);
}

const OUTSIDE: Fault = {
  code: "refused_command",
  message:
    "COPY with a program or a file of the server is refused to a superuser, too. Use \\copy with a file of the project.",
};

function noteCopy(walk: Walk, frame: WalkFrame, { text, began }: WalkStatement): void {
  const facts = copyFacts(text);
  if (facts.server_file) addKind(walk, frame, "copy_file", began.line.number);
  if (facts.program) addKind(walk, frame, "copy_program", began.line.number);
  if (walk.input.superuser === true && (facts.server_file || facts.program)) {
    addProblem(walk, frame, OUTSIDE, statementPlace(walk, frame, began));
  }
  for (let left = facts.from_stdin; left > 0; left -= 1) skipCopyData(frame);
}

/** Goes over the data of a COPY, which are the lines that follow. */
export function skipCopyData({ lines }: WalkFrame): void {
  while (lines.takeCopyData() !== AT_END);
}

function noteSetting(walk: Walk, frame: WalkFrame, { text, began }: WalkStatement): void {
  const encoding = encodingSet(text);
  const fault = encoding === null ? null : encodingFault(encoding);
  if (fault !== null) addProblem(walk, frame, fault, statementPlace(walk, frame, began));
  walk.standardStrings = standardStringsSet(text) ?? walk.standardStrings;
}

/** A word that the scanner found where it is code. */
export function markVolatile(walk: Walk, frame: WalkFrame, mark: Marked): void {
  const { word, line, column } = mark;
  if (!isActive(frame.conditions)) return;
  const end = column + word.length;
  // What came out of a variable has nothing of it behind its reference.
  const isHere = line.text.slice(column, end).toLowerCase() === word;
  const kind = volatileKind(word, isHere ? line.text.slice(end, end + NEAR) : "(");
  if (kind === null) return;
  addVolatile(walk, frame, { what: word, kind, ...placeIn(frame.scanner) }, line.number);
}

type Where = Pick<Volatile, "where" | "relation">;

/** A statement evaluates it as it runs. */
export const EVALUATED = { where: "statement", relation: null } as const satisfies Where;

/** What becomes of a call at which the scanner stands. */
function placeIn(scanner: Scanner): Where {
  if (scanner.isRoutine) return { where: "routine", relation: null };
  const [first] = scanner.words;
  // Of statements joined by \; the buffer holds those before, too.
  if ((first !== "create" && first !== "alter") || scanner.joined > 0) return EVALUATED;
  const { text, from, at } = topSource(scanner);
  const stored = storedAfter(scanner.text + text.slice(from, at));
  return stored === null ? EVALUATED : { where: "stored", ...stored };
}

function noteBodies(
  walk: Walk,
  frame: WalkFrame,
  { text, segments }: WalkStatement,
  where: "do" | "routine",
): void {
  for (const body of bodiesIn(text)) {
    for (const token of scan(body.text)) {
      const { start, end } = token;
      if (token.kind !== "word" || !mayBeVolatile(end - start, body.text.charCodeAt(start))) {
        continue;
      }
      const what = body.text.slice(start, end).toLowerCase();
      const kind = volatileKind(what, body.text.slice(end, end + NEAR));
      if (kind === null) continue;
      const line = positionOfUnit(segments, body.start + start)?.line ?? 1;
      addVolatile(walk, frame, { what, kind, where, relation: null }, line);
    }
  }
}

export function addVolatile(
  walk: Walk,
  { path: file }: WalkFrame,
  found: Omit<Volatile, "file" | "line">,
  line: number,
): void {
  if (walk.volatile.size >= MAX_VOLATILE) return;
  walk.volatile.set(`${found.what} ${found.where} ${found.relation} ${line} ${file}`, {
    ...found,
    file,
    line,
  });
}

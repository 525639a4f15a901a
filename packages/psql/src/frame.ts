/** Reads a file of a script: its lines, and between them the data of COPY. */
import { AT_END, ByteLines, type Line, NEEDS_MORE } from "./byte-lines.ts";
import { type Condition, isActive } from "./conditions.ts";
import { badLineFault, CUSTOM_DUMP } from "./faults.ts";
import { type Frame, placeOfLine, type Run, startOf } from "./run-state.ts";
import { createScanner } from "./scan-state.ts";
import { ScriptError } from "./script-error.ts";
import { isOn } from "./variables.ts";

export function frameOf(
  run: Run,
  path: string,
  chain: string[],
  bytes: Uint8Array | AsyncIterable<Uint8Array>,
): Frame {
  const whole = bytes instanceof Uint8Array;
  const conditions: Condition[] = [];
  return {
    path,
    chain: [...chain, path],
    lines: new ByteLines(whole ? bytes : null),
    rest: whole ? null : bytes[Symbol.asyncIterator](),
    scanner: createScanner({
      variable: (name) => (isActive(conditions) ? run.variables.get(name) : undefined),
      marked: null,
      mayMark: () => false,
    }),
    conditions,
    previous: null,
    copying: false,
    stops: isOn(run.variables, "ON_ERROR_STOP"),
  };
}

/** Null when more bytes are needed first. */
export function takeLine(run: Run, frame: Frame): Line | typeof AT_END | null {
  const line = frame.lines.takeLine();
  if (line === NEEDS_MORE) return null;
  if (line === AT_END) return line;
  if ("bad" in line) {
    const { number, offset } = line;
    const place = { ...placeOfLine(run, frame), line: number, end_line: number, offset };
    throw new ScriptError({ ...badLineFault(line), place, position: offset });
  }
  if (line.number === 1 && line.text.startsWith("PGDMP")) {
    throw new ScriptError({ ...CUSTOM_DUMP, place: startOf(frame.path) });
  }
  return line;
}

export async function nextLine(run: Run, frame: Frame): Promise<Line | typeof AT_END> {
  for (;;) {
    await readMore(frame);
    const line = takeLine(run, frame);
    if (line !== null) return line;
  }
}

/** The lines that follow, up to `\\.`: what a COPY … FROM STDIN asks for. */
export async function* inlineData(frame: Frame): AsyncGenerator<Uint8Array> {
  frame.copying = true;
  for (;;) {
    const piece = frame.lines.takeCopyData();
    if (piece === AT_END) break;
    if (piece === NEEDS_MORE) await readMore(frame);
    else yield piece;
  }
  frame.copying = false;
}

/** Goes over the data that a COPY which failed has left, as psql does. */
export async function skipData(frame: Frame): Promise<void> {
  while (frame.copying) {
    const piece = frame.lines.takeCopyData();
    if (piece === AT_END) frame.copying = false;
    else if (piece === NEEDS_MORE) await readMore(frame);
  }
}

/** Pushes the next piece of the file into its lines. */
async function readMore(frame: Frame): Promise<void> {
  const piece = await frame.rest?.next();
  if (piece === undefined || piece.done) frame.lines.end();
  else frame.lines.push(piece.value);
}

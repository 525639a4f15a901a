/** From positions in a text that was sent back to the file it came from. */
import { codeUnitOffset } from "@quern/contract/postgres-statement";
import type { Began, Segment } from "./scan-state.ts";

export type SourcePosition = { line: number; offset: number };

/** How many bytes of the line come before this column. */
export function offsetOf({ line, column }: Began): number {
  if (line.bytes === line.text.length) return line.offset + column;
  return line.offset + Buffer.byteLength(line.text.slice(0, column), "utf8");
}

/**
 * Where the character stands that the server means by `position`: in code points from 1 of the text whose segments these
 * are. In the value of a variable it is the reference to it.
 */
export function positionInFile(
  text: string,
  segments: Segment[],
  position: number,
): SourcePosition | null {
  return positionOfUnit(segments, codeUnitOffset(text, position));
}

/** The same of a UTF-16 code unit, from 0. */
export function positionOfUnit(segments: Segment[], unit: number): SourcePosition | null {
  let low = 0;
  let high = segments.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (segments[middle]!.start <= unit) low = middle;
    else high = middle - 1;
  }
  const segment = segments[low];
  if (segment === undefined) return null;
  const ahead = segment.expanded ? 0 : unit - segment.start;
  const column = Math.min(segment.column + ahead, segment.line.text.length);
  return { line: segment.line.number, offset: offsetOf({ line: segment.line, column }) };
}

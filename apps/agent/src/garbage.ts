/**
 * V8 looks for garbage when the heap has grown by so much, which after thousands of rows is more than all that is in use,
 * and buffers do not count in it at all: of 12 MB that are compressed in pieces it would keep every piece.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What they leave is 1 to 2 MB; looking at everything takes 10 to 30 ms. */
const SWEEP_AFTER_ROWS = 2_000;
/** Looking at what was just made takes 1 ms. */
const SWEEP_AFTER_BYTES = 2 * 1024 * 1024;

setFlagsFromString("--expose-gc");
/** Only contexts that are made from now on have it. */
const collect: (options?: { type: "minor" }) => void = runInNewContext("gc");

let rows = 0;
let bytes = 0;

/** So many rows were given to somebody who will have read them when the next statement is asked. */
export function noteRows(count: number): void {
  rows += count;
}

/** To be called before a statement is asked. Frees what those before it have left, when it is much. */
export function sweepRows(): void {
  if (rows < SWEEP_AFTER_ROWS) return;
  rows = 0;
  collect();
}

/** A buffer of so many bytes is not needed any more. */
export function noteBuffer(size: number): void {
  bytes += size;
  if (bytes < SWEEP_AFTER_BYTES) return;
  bytes = 0;
  collect({ type: "minor" });
}

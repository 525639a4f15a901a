import type { ScriptProblem } from "./script-error.ts";
import type { Place } from "./session.ts";

/** The files a script may read, by path in the tree (`a/b.sql`). */
export type ScriptFiles = {
  /** The bytes of the file, at once or in pieces of any size; null when the tree has no such file. */
  read(path: string): Promise<Uint8Array | AsyncIterable<Uint8Array> | null>;
};

export type Script = {
  files: ScriptFiles;
  /** Path of the file to begin with. */
  entry: string;
  /** What `psql -v name=value` would set. */
  variables: Record<string, string>;
  /** Where the rows of statements go. */
  rows: "result" | "discard";
};

/** What a script tells while it runs. Each may be waited for, so that a slow listener slows the script. */
export type ScriptEvents = {
  /** A text is about to be sent, or \c is about to connect. */
  began(place: Place): void | Promise<void>;
  /** A line of \echo and \qecho ("out") or \warn and of errors that were passed over ("err"), with its line end. */
  output(text: string, stream: "out" | "err"): void | Promise<void>;
};

/** What a script that came to its end was. One that did not throws a ScriptError or what its session threw. */
export type ScriptOutcome = {
  /** Texts sent, those of \gexec included. */
  statements: number;
  /** Errors of the server that were passed over because the script had set ON_ERROR_STOP off. */
  passed_over: ScriptProblem[];
  /** The last statement sent; null when there was none. */
  last: Place | null;
};

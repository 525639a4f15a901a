/** What a script needs of a session with a server. The interpreter does no I/O: it asks one of these. */

/** Where a statement or a meta-command stands. */
export type Place = {
  /** Path in the tree. */
  file: string;
  /** Line on which it begins, counted from 1. */
  line: number;
  /** Line on which it ends: the one that psql names in its messages. */
  end_line: number;
  /** Where it begins, in bytes from the start of the file (a byte order mark counts). */
  offset: number;
  /** The how-manieth statement of the run, counted from 1; 0 before the first. Meta-commands do not count. */
  statement: number;
};

/** Where the rows of a text go: into the answer of the script, nowhere, or into the interpreter (\gset, \gexec). */
export type RowsTo =
  | { to: "result" }
  | { to: "discard" }
  | { to: "collect"; max_rows: number; max_bytes: number };

export type QueryRequest = {
  sql: string;
  /**
   * The statement is alone in its text, so it may go by the extended protocol. Otherwise the text holds several, which
   * were joined by \; and must go as one simple query: they share a transaction.
   */
  single: boolean;
  place: Place;
  rows: RowsTo;
  /** Values of \bind, in text format and without types; null when there was no \bind. */
  params: string[] | null;
  /**
   * Called each time the server asks for the data of a COPY … FROM STDIN, and only then. The data need not be read to
   * its end. The line `\.` is not in it.
   */
  copyData(): AsyncIterable<Uint8Array>;
};

/** What the server said of one statement. */
export type Answer = {
  /** Its command tag, such as `INSERT 0 5`; null for an empty statement. */
  command: string | null;
  /** How many rows came back. */
  rows: number;
};

/** The last answer with rows of a text that was to be collected. Values as the server writes them as text. */
export type Collected = { columns: string[]; rows: (string | null)[][] };

/** An error of the server after which the session goes on. */
export type ServerError = {
  sqlstate: string;
  message: string;
  /** Where in the text that was sent, in characters (code points) from 1. */
  position: number | null;
  detail: string | null;
  hint: string | null;
};

export type QueryOutcome = {
  /** Of each statement that was completed. */
  answers: Answer[];
  error: ServerError | null;
  /** Null unless rows were to be collected and a statement that returns rows was completed. */
  collected: Collected | null;
};

export type ServerInfo = {
  database: string;
  user: string;
  host: string;
  port: number;
  /** As the server reports it, such as `18.4`. */
  server_version: string;
  /** As `server_version_num`, such as 180004. */
  server_version_num: number;
  /** client_encoding as the server last reported it. */
  encoding: string;
  /** As the server last reported it; decides what a backslash in '…' is. */
  standard_conforming_strings: boolean;
};

/**
 * One session with a server, as a script needs it. An error of the server is a value of the outcome. What is thrown
 * ends the script whatever ON_ERROR_STOP says: a lost connection, a limit, a cancel, rows that do not fit in `collect`
 * (`ScriptError` with `too_many_rows`).
 */
export type ScriptSession = {
  query(request: QueryRequest): Promise<QueryOutcome>;
  transaction(): "idle" | "open" | "failed";
  /** \c: a new session in place of the old one; null keeps what it was. Throws when it cannot be had. */
  connect(to: { database: string | null; user: string | null }): Promise<void>;
  info(): ServerInfo;
};

/** The meta-commands of psql, how their arguments are read, and what becomes of each here. */
import type { ArgumentForm } from "./arguments.ts";

export type CommandKind =
  | "include"
  | "include_relative"
  | "set"
  | "unset"
  | "if"
  | "elif"
  | "else"
  | "endif"
  | "gset"
  | "gexec"
  | "send"
  | "bind"
  | "copy"
  | "connect"
  | "echo"
  | "warn"
  | "encoding"
  | "restrict"
  | "unrestrict"
  | "quit"
  | "reset"
  | "print"
  | "out"
  | "errverbose"
  | "display"
  | "refused"
  | "unsupported";

export type Command = {
  kind: CommandKind;
  form: ArgumentForm;
  /** More arguments than these are passed over with a warning. */
  max: number;
  /** Semicolons at the end of an argument are not part of it. */
  strip: boolean;
  /** Of a refused or unsupported one: why, and what to do instead. */
  reason: string;
};

const MANY = 10_000;

function command(kind: CommandKind, max: number, strip: boolean, form?: ArgumentForm): Command {
  return { kind, max, strip, form: form ?? "words", reason: "" };
}

function barred(kind: "refused" | "unsupported", reason: string, form?: ArgumentForm): Command {
  return { kind, reason, form: form ?? "words", max: MANY, strip: false };
}

const OUTSIDE =
  "a script reads the project's files and the database, and nothing else of the machine";
const ASKS = "nobody is there to answer while a script runs; pass a variable";
const LOOKS = "it only shows the catalog; select from pg_catalog or information_schema";
const INTERACTIVE = "it is for a person at a terminal; leave it out";
const WRITES = "a script cannot write files; select the rows, and they are in the result";

const include = command("include", 1, true);
const includeRelative = command("include_relative", 1, true);
const display = command("display", 2, true);
const echo = command("echo", MANY, false);
const send = command("send", 1, false, "pipe");
const connect = command("connect", 5, true, "connection");
const quit = command("quit", 0, true);
const reset = command("reset", 0, true);
const print = command("print", 0, true);
const out = command("out", 1, true, "pipe");
const edits = barred("unsupported", INTERACTIVE, "line");
const looks = barred("unsupported", LOOKS);
const pipelines = barred("unsupported", "statements are sent one by one; leave it out");

const COMMANDS: Record<string, Command> = {
  i: include,
  include,
  ir: includeRelative,
  include_relative: includeRelative,
  set: command("set", MANY, false),
  unset: command("unset", 1, false),
  if: command("if", MANY, false),
  elif: command("elif", MANY, false),
  else: command("else", 0, false),
  endif: command("endif", 0, false),
  gset: command("gset", 1, false),
  gexec: command("gexec", 0, false),
  g: send,
  gx: send,
  bind: command("bind", MANY, false),
  copy: command("copy", 1, false, "line"),
  c: connect,
  connect,
  echo,
  qecho: echo,
  warn: command("warn", MANY, false),
  encoding: command("encoding", 1, false),
  restrict: command("restrict", 1, true),
  unrestrict: command("unrestrict", 1, true),
  q: quit,
  quit,
  r: reset,
  reset,
  p: print,
  print,
  o: out,
  out,
  errverbose: command("errverbose", 0, true),
  a: display,
  C: display,
  f: display,
  H: display,
  html: display,
  pset: display,
  t: display,
  T: display,
  timing: display,
  x: display,
  copyright: display,
  "!": barred("refused", `a script cannot start programs: ${OUTSIDE}`, "line"),
  cd: barred("refused", "a script stays in the project's tree; write the path in \\i"),
  setenv: barred("refused", `there is no environment: ${OUTSIDE}`),
  getenv: barred("refused", `there is no environment: ${OUTSIDE}; pass a variable`),
  w: barred("refused", WRITES, "pipe"),
  write: barred("refused", WRITES, "pipe"),
  s: barred("refused", WRITES),
  prompt: barred("refused", ASKS),
  password: barred("refused", ASKS),
  watch: barred("refused", "it never ends; run the job again instead"),
  e: edits,
  edit: edits,
  ef: edits,
  ev: edits,
  h: edits,
  help: edits,
  "?": edits,
  sf: barred("unsupported", "select pg_get_functiondef(…) instead", "line"),
  "sf+": barred("unsupported", "select pg_get_functiondef(…) instead", "line"),
  sv: barred("unsupported", "select pg_get_viewdef(…) instead", "line"),
  "sv+": barred("unsupported", "select pg_get_viewdef(…) instead", "line"),
  l: looks,
  "l+": looks,
  list: looks,
  "list+": looks,
  z: looks,
  zS: looks,
  conninfo: barred("unsupported", "select current_database(), current_user instead"),
  crosstabview: barred("unsupported", "use a pivot of your own, or crosstab() of tablefunc"),
  gdesc: barred("unsupported", "use pg_typeof() on the columns instead"),
  parse: barred("unsupported", "use prepare and execute instead"),
  bind_named: barred("unsupported", "use prepare and execute instead"),
  close: barred("unsupported", "use deallocate instead"),
  close_prepared: barred("unsupported", "use deallocate instead"),
  startpipeline: pipelines,
  endpipeline: pipelines,
  syncpipeline: pipelines,
  sendpipeline: pipelines,
  flush: pipelines,
  flushrequest: pipelines,
  getresults: pipelines,
};

const largeObjects = barred(
  "refused",
  "large objects are read from files outside the database; use lo_from_bytea() instead",
);

/** The command of this name; null when psql has none of this name. */
export function findCommand(name: string): Command | null {
  if (Object.hasOwn(COMMANDS, name)) return COMMANDS[name]!;
  if (name.startsWith("lo_")) return largeObjects;
  return DESCRIBES.test(name) ? looks : null;
}

/** \d, \dt+, \dfS … by the letters that psql's own describe commands have. */
const DESCRIBES =
  /^d(?:A[cfop]?|ddp|config|rds|rg|R[ps]|F[dpt]?|e[stuw]|f[anptw]*|P[tin]*|[abcCdDEgilLmnoOpstTuvxyX]+)?[S+x]*$/;

/** All names, for the documentation's test. */
export function commandNames(): string[] {
  return Object.keys(COMMANDS);
}

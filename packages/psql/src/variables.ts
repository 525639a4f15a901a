/** The variables of a script, with the special ones of psql: those refuse values that they do not know. */
import { parseBoolean } from "./booleans.ts";
import type { ServerInfo } from "./session.ts";

type Special = {
  first: string;
  /** What \unset makes of it, and \set without a value. */
  unset: string;
  empty: string;
  accepts: (value: string) => boolean;
  expects: string;
};

const isBoolean = (value: string) => parseBoolean(value) !== null;
const isInteger = (value: string) => /^[+-]?[0-9]{1,9}$/.test(value);

function boolean(first: "on" | "off"): Special {
  return { first, unset: "off", empty: "on", accepts: isBoolean, expects: "on or off" };
}

function integer(first: string): Special {
  return { first, unset: first, empty: "", accepts: isInteger, expects: "a whole number" };
}

function choice(first: string, values: string[], empty = ""): Special {
  const accepts = (value: string) =>
    values.includes(value.toLowerCase()) || (empty !== "" && isBoolean(value));
  return { first, unset: first, empty, accepts, expects: values.join(", ") };
}

const SPECIAL: Record<string, Special> = {
  AUTOCOMMIT: boolean("on"),
  COMP_KEYWORD_CASE: choice("preserve-upper", [
    "lower",
    "upper",
    "preserve-lower",
    "preserve-upper",
  ]),
  ECHO: choice("none", ["none", "errors", "queries", "all"]),
  ECHO_HIDDEN: choice("off", ["on", "off", "noexec"], "on"),
  FETCH_COUNT: integer("0"),
  HIDE_TABLEAM: boolean("off"),
  HIDE_TOAST_COMPRESSION: boolean("off"),
  HISTCONTROL: choice("none", ["none", "ignorespace", "ignoredups", "ignoreboth"]),
  HISTSIZE: integer("500"),
  IGNOREEOF: integer("0"),
  ON_ERROR_ROLLBACK: choice("off", ["on", "off", "interactive"], "on"),
  ON_ERROR_STOP: boolean("on"),
  QUIET: boolean("off"),
  SHOW_ALL_RESULTS: boolean("on"),
  SHOW_CONTEXT: choice("errors", ["never", "errors", "always"]),
  SINGLELINE: boolean("off"),
  SINGLESTEP: boolean("off"),
  VERBOSITY: choice("default", ["default", "verbose", "terse", "sqlstate"]),
};

const BY_RUNNING = ["ERROR", "LAST_ERROR_MESSAGE", "LAST_ERROR_SQLSTATE", "ROW_COUNT", "SQLSTATE"];
const BY_CONNECTING = [
  "DBNAME",
  "ENCODING",
  "HOST",
  "PORT",
  "SERVER_VERSION_NAME",
  "SERVER_VERSION_NUM",
  "USER",
];
/** The psql whose rules are followed. */
const VERSION = {
  VERSION: "PostgreSQL 18.0 (Quern)",
  VERSION_NAME: "18.0",
  VERSION_NUM: "180000",
};

export function isSpecial(name: string): boolean {
  return Object.hasOwn(SPECIAL, name);
}

/** What statements leave behind, so that only the run knows it. */
export function isSetByRunning(name: string): boolean {
  return BY_RUNNING.includes(name);
}

/** What the session says when it begins. */
export function isSetByConnecting(name: string): boolean {
  return BY_CONNECTING.includes(name);
}

export function isVariableName(name: string): boolean {
  return /^[A-Za-z0-9_\u0080-\uffff]+$/.test(name);
}

const MAX_VALUE = 16 * 1024 * 1024;

/** The value a variable gets, null for none; or what is wrong. */
export function admitValue(
  name: string,
  value: string | null,
): { value: string | null } | { problem: string } {
  if (!isVariableName(name)) {
    return {
      problem: `“${name}” is no name of a variable: those have letters, digits and _ only.`,
    };
  }
  if (value !== null && value.length > MAX_VALUE) {
    return { problem: `The value of ${name} has more than ${MAX_VALUE} characters.` };
  }
  if (value?.includes("\0")) return { problem: `The value of ${name} holds a NUL.` };
  if (!isSpecial(name)) return { value };
  const special = SPECIAL[name]!;
  const given = value === null ? special.unset : value || special.empty;
  if (special.accepts(given)) return { value: given };
  return { problem: `“${given}” is no value of ${name}: that takes ${special.expects}.` };
}

/** What is set before a script begins, without what the session says. */
export function firstVariables(): Map<string, string> {
  const variables = new Map<string, string>(Object.entries(VERSION));
  for (const [name, { first }] of Object.entries(SPECIAL)) variables.set(name, first);
  variables.set("LAST_ERROR_MESSAGE", "");
  variables.set("LAST_ERROR_SQLSTATE", "00000");
  return variables;
}

/** What psql sets when it has connected. */
export function setServerVariables(variables: Map<string, string>, info: ServerInfo): void {
  variables.set("DBNAME", info.database);
  variables.set("USER", info.user);
  variables.set("HOST", info.host);
  variables.set("PORT", String(info.port));
  variables.set("ENCODING", info.encoding);
  variables.set("SERVER_VERSION_NAME", info.server_version);
  variables.set("SERVER_VERSION_NUM", String(info.server_version_num));
}

export function isOn(variables: ReadonlyMap<string, string>, name: string): boolean {
  return parseBoolean(variables.get(name) ?? "off") === true;
}

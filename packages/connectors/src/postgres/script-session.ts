/**
 * A session in which psql's interpreter runs a script. It leaves the session's settings as the server and the roles have
 * them, since what a script makes may depend on them, and puts no comments into what is sent.
 */
import { scan } from "@quern/contract/postgres-lexer";
import type { QueryOutcome, QueryRequest, ScriptSession, ServerInfo } from "@quern/psql/session";
import type { BackendHandle, Target } from "../connector.ts";
import { bind, describePortal, executePortal, parse, simpleQuery, sync } from "./messages.ts";
import { askExtended } from "./script-extended.ts";
import { askQuietly } from "./script-quiet.ts";
import { answerRows, type ScriptRows } from "./script-rows.ts";
import { askForResult } from "./script-simple.ts";
import { openScriptWire, type ScriptWire } from "./script-wire.ts";
import { signIn, WATCH_CLIENT } from "./session.ts";
import { wireError } from "./wire-errors.ts";

export type ScriptSessionOptions = ScriptRows & {
  /** Server settings from the start of each session, by name. */
  settings: Record<string, string>;
  /** Told of each session before anything of the script is sent in it; what comes next waits for the promise. */
  onSession(handle: BackendHandle, target: Target): Promise<void>;
  onNotice(text: string): void;
};

export type OpenScriptSession = ScriptSession & { close(): void };

/** What a psql without a terminal would be called: scripts may keep it, and layers of equal scripts are to be equal. */
const APPLICATION_NAME = "psql";
const REPAIRED =
  "WARNING: some text that came back is not UTF-8, since this database or client_encoding promises none: such bytes became \u{FFFD}";

/** Throws ConnectorError, as all that the session gives does, or ScriptError. */
export async function openScriptSession(
  target: Target,
  options: ScriptSessionOptions,
): Promise<OpenScriptSession> {
  let at = target;
  let parameters = new Map<string, string>();
  let wire = await connect(target, parameters, options);
  const open = answerRows(options);
  let warned = false;
  let known: { config: Target["config"]; reports: number; info: ServerInfo } | null = null;

  function onRepair(): (() => void) | null {
    const promised =
      parameters.get("client_encoding") === "UTF8" &&
      parameters.get("server_encoding") !== "SQL_ASCII";
    if (promised) return null;
    return () => {
      if (!warned) options.onNotice(REPAIRED);
      warned = true;
    };
  }

  async function ask(request: QueryRequest): Promise<QueryOutcome> {
    const { sql, params, single } = request;
    if (sql.includes("\0")) return withNul(sql);
    if (request.rows.to !== "result") {
      const messages = params === null ? [simpleQuery(sql)] : boundQuery(sql, params);
      return await askQuietly(wire, request, messages);
    }
    if (params !== null || (single && returnsRows(sql))) {
      const { max_rows } = options.limits;
      return await askExtended(wire, request, open, { max_rows, onRepair: onRepair() });
    }
    return await askForResult(wire, request, [simpleQuery(sql)], open, onRepair());
  }

  return {
    async query(request) {
      try {
        return await ask(request);
      } catch (error) {
        throw wireError(error, options.limits.max_cell_bytes);
      }
    },
    transaction: () => wire.transaction(),
    async connect({ database, user }) {
      const config = {
        ...at.config,
        database: database ?? at.config.database,
        user: user ?? at.config.user,
      };
      // A password is one role's; without it the server says whether it lets that role in.
      const secret = config.user === at.config.user ? at.secret : null;
      const reported = new Map<string, string>();
      const next = { ...at, config, secret };
      const opened = await connect(next, reported, options);
      wire.destroy();
      wire = opened;
      parameters = reported;
      at = next;
    },
    info() {
      // It is asked for at each line, and changes hardly ever.
      const { config } = at;
      if (known?.config !== config || known.reports !== wire.reports()) {
        known = { config, reports: wire.reports(), info: infoOf(at, wire) };
      }
      return known.info;
    },
    close: () => wire.destroy(),
  };
}

const REPORTED = [
  "server_version",
  "server_version_num",
  "server_encoding",
  "client_encoding",
  "standard_conforming_strings",
] as const;

type Reported = { pid: number; backend_start: string } & Record<(typeof REPORTED)[number], string>;

const QUESTION = `select ${WATCH_CLIENT} as watch,
  pg_catalog.pg_backend_pid() as pid,
  (select extract(epoch from a.backend_start)::text
     from pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) a) as backend_start,
  ${REPORTED.map((name) => `pg_catalog.current_setting('${name}') as ${name}`).join(", ")}`;

async function connect(
  target: Target,
  parameters: Map<string, string>,
  options: ScriptSessionOptions,
): Promise<ScriptWire> {
  const { settings } = options;
  const asked = { application_name: APPLICATION_NAME, settings };
  const { client, socket, row } = await signIn<Reported>(target, asked, QUESTION);
  const { pid, backend_start } = row;
  for (const name of REPORTED) parameters.set(name, row[name]);
  const handle = { pid, backend_start };
  const session = {
    client,
    socket,
    handle,
    server_encoding: row.server_encoding,
    destroy: () => socket.destroy(),
  };
  try {
    await options.onSession(handle, target);
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return openScriptWire(session, parameters, {
    // A row may hold two of the biggest cells, and many smaller ones.
    max_row_bytes: options.limits.max_cell_bytes * 2,
    onNotice: options.onNotice,
  });
}

function infoOf({ config }: Target, wire: ScriptWire): ServerInfo {
  return {
    database: config.database,
    user: config.user,
    host: config.host,
    port: config.port,
    server_version: wire.parameter("server_version"),
    server_version_num: Number(wire.parameter("server_version_num")),
    encoding: wire.parameter("client_encoding"),
    standard_conforming_strings: wire.parameter("standard_conforming_strings") !== "off",
  };
}

function boundQuery(sql: string, params: string[]): Buffer[] {
  const bound = bind("", params, [0]);
  return [parse("", sql, []), bound, describePortal(), executePortal(0), sync()];
}

/** The protocol ends a text at its first NUL: what is behind it would be left out in silence. */
function withNul(sql: string): QueryOutcome {
  const error = {
    sqlstate: "22021",
    message: 'invalid byte sequence for encoding "UTF8": 0x00',
    position: [...sql.slice(0, sql.indexOf("\0"))].length + 1,
    detail: null,
    hint: null,
  };
  return { answers: [], error, collected: null };
}

const GIVES_ROWS = new Set(["select", "values", "table", "with", "show", "explain", "fetch", "("]);
const MAY_RETURN = new Set(["insert", "update", "delete", "merge"]);

/** Whether a statement is likely to give rows. The answer changes how they are stored, not what they are. */
function returnsRows(sql: string): boolean {
  let first: string | null = null;
  for (const { kind, start, end } of scan(sql)) {
    const text = kind === "other" ? "" : sql.slice(start, end).toLowerCase();
    if (first === null) {
      first = text;
      if (!MAY_RETURN.has(text)) return GIVES_ROWS.has(text) || text === "execute";
    }
    if (kind === "word" && text === "returning") return true;
  }
  return false;
}

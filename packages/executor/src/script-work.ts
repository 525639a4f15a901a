/** A psql script: read from files, run in a session of its own, its answers kept or thrown away. */
import { createReadStream, readFileSync, statSync } from "node:fs";
import { safeText } from "@quern/connectors/errors";
import { openScriptSession } from "@quern/connectors/postgres/script-session";
import { scriptErrorCode } from "@quern/connectors/postgres/server-errors";
import { runScript } from "@quern/psql/run-script";
import type { ScriptFiles } from "@quern/psql/script";
import { ScriptError } from "@quern/psql/script-error";
import type { Place } from "@quern/psql/session";
import { openResultWriter } from "@quern/results/write/writer";
import type { ExecutorError, RunLink, RunYield, ScriptRequest, ScriptYield } from "./messages.ts";
import { executorError, RunFailure } from "./run-errors.ts";
import { scriptPlaces } from "./script-places.ts";
import { scriptSink } from "./script-sink.ts";
import { recordingSink, whenAllowed } from "./sink.ts";

const PLACE_MS = 250;
const MAX_OUTPUT = 64 * 1024;
const MAX_PASSED_OVER = 100;
/** A file up to this is read at once, and without waiting: the process has nothing else to do. */
const WHOLE_BYTES = 1024 * 1024;

/** Notes in `given` what the script gives as it goes. Throws RunFailure. */
export async function runScriptRequest(
  request: ScriptRequest,
  duckdb_memory_bytes: number,
  link: RunLink,
  given: Omit<RunYield, "cpu_ms" | "peak_rss" | "rss">,
): Promise<void> {
  const script = emptyYield();
  given.script = script;
  const places = scriptPlaces(request);
  const writer = openResultWriter(request.directory, {
    memory_limit_bytes: duckdb_memory_bytes,
    keep_small_in_memory: true,
    onPart: (part, data) => {
      given.parts.push(part);
      link.send({ type: "part", part, statement: part.part === 0 ? sink.begun() : null, data });
    },
  });
  const sink = recordingSink(writer, link, given);
  const following = followPlaces(link, script);
  try {
    await runInSession(request, script, link, {
      began: following.began,
      spanOf: places.spanOf,
      sink: scriptSink(writer, sink, given),
      onNotice: (text) => sink.notice(`${where(script.ended_at_place)}${text}`),
    });
  } catch (error) {
    throw new RunFailure(failureOf(error, request, script, places));
  } finally {
    following.stop();
    await writer.close();
  }
}

type Hooks = Pick<Parameters<typeof openScriptSession>[1], "spanOf" | "sink" | "onNotice"> & {
  began(place: Place): void;
};

async function runInSession(
  request: ScriptRequest,
  script: ScriptYield,
  link: RunLink,
  { began, ...hooks }: Hooks,
): Promise<void> {
  const { target, limits, entry, variables, rows } = request;
  let isFirst = true;
  const session = await openScriptSession(target, {
    ...hooks,
    limits,
    settings: settingsOf(request.session),
    async onSession(handle, to) {
      if (isFirst) await whenAllowed(link)(handle);
      else {
        const allowed = link.allowed();
        link.send({ type: "moved", handle, target: to });
        await allowed;
      }
      isFirst = false;
    },
  });
  const output = boundedText(MAX_OUTPUT);
  try {
    const files = filesOf(request.files);
    const outcome = await runScript({ files, entry, variables, rows }, session, {
      began,
      output: output.add,
    });
    script.passed_over = outcome.passed_over.slice(0, MAX_PASSED_OVER);
  } finally {
    script.output = output.text();
    script.transaction = session.transaction();
    session.close();
  }
}

function emptyYield(): ScriptYield {
  return {
    place: null,
    error_code: null,
    position: null,
    statements: 0,
    transaction: "idle",
    ended_at_place: null,
    output: "",
    passed_over: [],
  };
}

function settingsOf({ statement_timeout_ms, settings }: ScriptRequest["session"]) {
  if (statement_timeout_ms === undefined) return settings ?? {};
  return { ...settings, statement_timeout: String(statement_timeout_ms) };
}

/** Notes the statement at work, and tells of one that goes on for a while. */
function followPlaces(link: RunLink, script: ScriptYield) {
  let told: Place | null = null;
  const timer = setInterval(() => {
    const place = script.ended_at_place;
    if (place === null || place === told) return;
    told = place;
    link.send({ type: "place", place });
  }, PLACE_MS);
  return {
    began(place: Place) {
      script.ended_at_place = place;
      script.statements = place.statement;
    },
    stop: () => clearInterval(timer),
  };
}

function filesOf(paths: Record<string, string>): ScriptFiles {
  return {
    async read(path) {
      const file = Object.hasOwn(paths, path) ? paths[path] : undefined;
      if (file === undefined) return null;
      if (statSync(file).size <= WHOLE_BYTES) return readFileSync(file);
      return createReadStream(file, { highWaterMark: 256 * 1024 });
    },
  };
}

function boundedText(max: number) {
  let text = "";
  let left = 0;
  return {
    add(more: string): void {
      if (text.length + more.length > max) left += more.length;
      else text += more;
    },
    text: () => safeText(left === 0 ? text : `${text}… (${left} more characters)\n`, max * 2),
  };
}

function where(place: Place | null): string {
  return place === null ? "" : `${place.file}:${place.end_line}: `;
}

function failureOf(
  error: unknown,
  { entry, target }: ScriptRequest,
  script: ScriptYield,
  places: ReturnType<typeof scriptPlaces>,
): ExecutorError {
  if (!(error instanceof ScriptError)) {
    script.place = script.ended_at_place;
    const { file = null, line = null } = script.place ?? {};
    return { ...executorError(error, target.secret?.password ?? ""), file, line };
  }
  const { code, message, place, sqlstate, position, detail, hint } = error.problem;
  script.place = place;
  script.error_code = code;
  script.position = position === null ? null : places.offsetIn(place.file, position);
  return {
    code: code === "sql_error" ? scriptErrorCode(sqlstate ?? "", message) : "script_error",
    message: safeText(message),
    sqlstate,
    // The run's own text is the entry's.
    position: place.file === entry ? script.position : null,
    detail: detail === null ? null : safeText(detail),
    hint: hint === null ? null : safeText(hint),
    file: place.file,
    line: place.line,
  };
}

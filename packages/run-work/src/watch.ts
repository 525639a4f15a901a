/** Follows one run through its phases, for metrics, traces and the log. */
import type { RunError } from "@quern/contract/run-error";
import type { Span } from "@quern/runtime/spans";
import type { ClaimedRun } from "@quern/store/queue";
import type { RunInstruments } from "./instruments.ts";

/** `storing` keeps the parts, `finishing` writes the end of the run; metrics count both as storing. */
export type Phase = "connecting" | "executing" | "streaming" | "storing" | "finishing";

const SPANS: Record<Phase, string> = {
  connecting: "connect",
  executing: "execute",
  streaming: "stream",
  storing: "store",
  finishing: "finish",
};

export type RunEnd = {
  status: "succeeded" | "failed" | "canceled";
  error: Pick<RunError, "code"> | null;
  rows: number;
  bytes: number;
  cancel_confirmed: boolean | null;
};

export type RunWatch = {
  /** Trace context of the run's span, or what its request sent. */
  readonly traceparent: string | null;
  /** Says what it runs on, once that is known. */
  on(connector: string): void;
  /** Ends the phase before. A phase that comes again, as of a second statement, is the same one. */
  begin(phase: Phase): void;
  /** The run's row is final. `cancel_ms`: since somebody asked to cancel it. */
  ended(end: RunEnd, cancel_ms: number | null): void;
  /** Of an ended run, for the log. */
  summary(): Record<string, unknown>;
  /** The run was ended elsewhere, or could not be ended. Does nothing after `ended`. */
  abandoned(reason: string): void;
};

export function watchRun(instruments: RunInstruments, run: ClaimedRun, claim_ms = 0): RunWatch {
  const span = startSpans(instruments, run, claim_ms);
  const seconds = new Map<Phase, number>();
  let connector = "none";
  let phase: { name: Phase; since: number; span: Span } | null = null;
  let over = false;
  let end: RunEnd | null = null;

  function endPhase(error?: string): void {
    if (phase === null) return;
    const spent = (performance.now() - phase.since) / 1000;
    seconds.set(phase.name, (seconds.get(phase.name) ?? 0) + spent);
    phase.span.end(error);
    phase = null;
  }

  function observe(outcome: string): void {
    const labels = { kind: run.kind, connector, outcome };
    const { runSeconds } = instruments;
    runSeconds.observe({ ...labels, phase: "queued" }, Math.max(0, run.waited_ms / 1000));
    for (const name of ["connecting", "executing", "streaming"] as const) {
      const spent = seconds.get(name);
      if (spent !== undefined) runSeconds.observe({ ...labels, phase: name }, spent);
    }
    const storing = (seconds.get("storing") ?? 0) + (seconds.get("finishing") ?? 0);
    runSeconds.observe({ ...labels, phase: "storing" }, storing);
    instruments.runsEnded.inc(labels);
  }

  return {
    traceparent: span.traceparent,
    on(type) {
      connector = type;
      span.set({ "quern.connector": type });
    },
    begin(name) {
      if (over || phase?.name === name) return;
      endPhase();
      phase = { name, since: performance.now(), span: span.child(SPANS[name]) };
    },
    ended(given, cancel_ms) {
      if (over) return;
      endPhase();
      over = true;
      end = given;
      const { status, error, rows, bytes, cancel_confirmed } = given;
      const outcome = error?.code ?? status;
      observe(outcome);
      instruments.rows.inc({ kind: run.kind, connector }, rows);
      instruments.bytes.inc({ kind: run.kind, connector }, bytes);
      if (cancel_ms !== null && cancel_confirmed !== null) {
        const confirmed = String(cancel_confirmed);
        instruments.cancelSeconds.observe({ confirmed }, Math.max(0, cancel_ms / 1000));
      }
      span.set({ "quern.outcome": outcome, "quern.rows": rows, "quern.bytes": bytes });
      span.end(error?.code);
    },
    summary() {
      const times = [...seconds].map(([name, spent]) => [
        `${name}_s`,
        Math.round(spent * 1e4) / 1e4,
      ]);
      return {
        kind: run.kind,
        datasource_id: run.datasource_id,
        status: end?.status,
        code: end?.error?.code,
        rows: end?.rows,
        bytes: end?.bytes,
        queued_s: Math.round(run.waited_ms) / 1000,
        ...Object.fromEntries(times),
      };
    },
    abandoned(reason) {
      if (over) return;
      endPhase(reason);
      over = true;
      span.set({ "quern.outcome": reason });
      span.end(reason);
    },
  };
}

/** The run's span, and beside it what went before: its time in the queue, and the claim. */
function startSpans({ tracer }: RunInstruments, run: ClaimedRun, claim_ms: number): Span {
  const attributes = {
    "quern.run_id": run.id,
    "quern.kind": run.kind,
    "quern.attempt": run.attempt,
    ...(run.datasource_id === null ? {} : { "quern.datasource_id": run.datasource_id }),
  };
  if (tracer.enabled) {
    const before = { attributes, began_ms_ago: run.waited_ms + claim_ms };
    tracer.start("queue wait", run.traceparent, before).end();
    tracer.start("claim", run.traceparent, { attributes, began_ms_ago: claim_ms }).end();
  }
  return tracer.start("run", run.traceparent, { kind: "consumer", attributes });
}

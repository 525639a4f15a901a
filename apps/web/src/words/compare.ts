import type { Run } from "@quern/contract/runs";
import { t } from "../i18n/language.ts";
import { formatByteLimit, formatBytes } from "./bytes.ts";
import { formatCount, formatDecimal } from "./count.ts";
import { formatDuration } from "./duration.ts";
import { boundWords, givenWords } from "./parameters.ts";
import { PHASE_NAMES, type PhaseKey, runPhases } from "./run-phases.ts";
import { STATUS_WORDS } from "./runs.ts";

export type TimingRow = {
  key: PhaseKey | "total";
  name: string;
  /** Milliseconds; null when the run did not get there. */
  mine: number | null;
  other: number | null;
  /** `mine − other`, ms; null when one is missing. */
  difference: number | null;
};

/** What two runs spent in each phase, and in all. `now` (ms) ends what goes on. */
export function compareTimings(mine: Run, other: Run, now: number): TimingRow[] {
  const [a, b] = [runPhases(mine, now), runPhases(other, now)];
  const keys = (Object.keys(PHASE_NAMES) as PhaseKey[]).filter((key) =>
    [...a, ...b].some((phase) => phase.key === key),
  );
  const sum = (phases: typeof a) => phases.reduce((all, phase) => all + phase.ms, 0);
  const row = (key: TimingRow["key"], name: string, left: number | null, right: number | null) => ({
    key,
    name,
    mine: left,
    other: right,
    difference: left === null || right === null ? null : left - right,
  });
  const msOf = (phases: typeof a, key: PhaseKey) =>
    phases.find((phase) => phase.key === key)?.ms ?? null;
  return [
    ...keys.map((key) => row(key, PHASE_NAMES[key], msOf(a, key), msOf(b, key))),
    row("total", t("In all"), sum(a), sum(b)),
  ];
}

/** `+1.20 s (3.1×)`, `−40 ms`, `the same`: what a phase took more or less than in the other run. */
export function differenceWords({ mine, other, difference }: TimingRow): string {
  if (difference === null || mine === null || other === null) return "—";
  if (Math.abs(difference) < 1) return t("the same");
  const sign = difference > 0 ? "+" : "−";
  const ratio = other > 0 ? mine / other : null;
  const factor =
    ratio !== null && (ratio >= 1.5 || ratio <= 0.67) && Math.max(mine, other) >= 5
      ? ` (${ratio >= 10 ? Math.round(ratio) : formatDecimal(ratio, ratio < 0.1 ? 2 : 1)}×)`
      : "";
  return `${sign}${formatDuration(Math.abs(difference))}${factor}`;
}

export type FactRow = { name: string; mine: string; other: string; differs: boolean };

/** What two runs gave and were allowed, side by side; limits only where they differ. */
export function compareFacts(mine: Run, other: Run): FactRow[] {
  const both = (name: string, of: (run: Run) => string): FactRow => {
    const [left, right] = [of(mine), of(other)];
    return { name, mine: left, other: right, differs: left !== right };
  };
  /** Never the same twice: shown, but no difference to look at. */
  const vitals = [
    both("CPU", (run) => (run.cpu_ms === null ? "—" : formatDuration(run.cpu_ms))),
    both(t("Memory at most"), (run) => (run.peak_rss === null ? "—" : formatBytes(run.peak_rss))),
  ];
  const rows = [
    both(t("Status"), (run) => STATUS_WORDS[run.status]),
    both(t("Rows"), (run) =>
      run.truncated ? t("{rows} (cut at a limit)", { rows: run.rows }) : formatCount(run.rows),
    ),
    both(t("Size"), (run) => formatBytes(run.bytes)),
    ...vitals.map((row) => ({ ...row, differs: false })),
  ];
  const settings = [
    both(t("Version of the query"), (run) => (run.query === null ? "—" : `v${run.query.version}`)),
    both(t("Datasource"), (run) => run.datasource?.name ?? "—"),
    both(t("Timeout"), (run) => formatDuration(run.limits.timeout_ms)),
    both(t("Rows at most"), (run) => formatCount(run.limits.max_rows)),
    both(t("Size at most"), (run) => formatByteLimit(run.limits.max_bytes)),
    both(t("Statements"), (run) => formatCount(run.statements.length)),
  ];
  return [...rows, ...settings.filter((row) => row.differs)];
}

/** The parameters of both runs by name, with what was bound; `—` where a run had none of that name. */
export function compareParameters(mine: Run, other: Run): FactRow[] {
  const names = [...new Set([...mine.params, ...other.params].map((each) => each.name))];
  const boundOf = (run: Run, name: string): string => {
    const param = run.params.find((each) => each.name === name);
    if (param === undefined) return "—";
    const bound = param.bound.map((each) => boundWords(each.value)).join(" … ");
    const given = givenWords(param.given);
    return bound === "" || bound === given ? given : `${given} → ${bound}`;
  };
  return names.map((name) => {
    const [left, right] = [boundOf(mine, name), boundOf(other, name)];
    return { name, mine: left, other: right, differs: left !== right };
  });
}

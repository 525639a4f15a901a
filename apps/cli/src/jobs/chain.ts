/** The chain of a job's files: which state was there, which is to be made, and why. */
import type { Job, JobStep } from "@quern/contract/jobs";
import type { Colours } from "../colours.ts";
import { listTable } from "../formats/table.ts";
import { duration, size } from "../formats/times.ts";

const REASONS: Record<string, string> = {
  ready: "in the cache",
  never_built: "never built",
  evicted: "evicted to make room",
  expired: "kept no longer than asked for",
  no_cache: "the cache is not used",
  exported: "in the shared store",
  imported: "from the shared store",
  not_kept: "a later state in the cache has it",
  shared: "another job built it",
};

/** A reason in words; one that this version does not know as it is. */
export function reasonWords(reason: string): string {
  return REASONS[reason] ?? reason.replaceAll("_", " ");
}

/** `12 of 14 files are in the cache; 2 are to be run, from seed/030.sql on (never built).` */
export function planWords({ steps }: Pick<Job, "steps">): string {
  const files = steps.filter(({ path }) => path !== "");
  const hits = files.filter(({ outcome }) => outcome === "hit").length;
  const first = files.find(({ outcome }) => outcome !== "hit");
  const count = `${hits} of ${files.length} files are in the cache`;
  if (files.length === 0) return "The head runs on an empty database.";
  if (first === undefined) return `${count}: only the head is to be run.`;
  const left = files.length - hits;
  return `${count}; ${left} ${left === 1 ? "is" : "are"} to be run, from ${first.path} on (${reasonWords(first.reason)}).`;
}

/** Every file with its outcome, why, and what is known of its state. */
export function chainTable(steps: readonly JobStep[], colours: Colours): string {
  const { green, yellow, red, dim } = colours;
  const paint = {
    hit: green,
    built: green,
    pending: yellow,
    building: yellow,
    failed: red,
    skipped: dim,
  };
  const rows = steps.map((step) => [
    String(step.n),
    step.path === "" ? "(empty database)" : step.path,
    paint[step.outcome](step.outcome.padEnd(8)),
    step.duration_ms === null ? "" : duration(step.duration_ms),
    step.bytes === null ? "" : size(step.bytes),
    step.state_key.slice(0, 12),
    [
      reasonWords(step.reason),
      ...(step.volatile.length > 0 ? [`calls ${step.volatile.join(", ")}`] : []),
    ].join("; "),
  ]);
  return listTable(["#", "file", "outcome", "time", "layer", "state", "why"], rows, colours);
}

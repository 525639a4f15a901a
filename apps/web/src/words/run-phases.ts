import type { Run } from "@quern/contract/runs";

export type Phase = {
  key: "queued" | "prepared" | "first" | "reading";
  name: string;
  from: string;
  ms: number;
  /** Still under way. */
  open: boolean;
};

type Times = Pick<Run, "queued_at" | "claimed_at" | "started_at" | "first_row_at" | "finished_at">;

/** The phases that a run went through, in order, with what it spent in each. `now` ends the open one. */
export function runPhases(run: Times, now: number): Phase[] {
  const rowless = run.finished_at !== null && run.first_row_at === null;
  const marks: [Phase["key"], string, string | null][] = [
    ["queued", "Waited for a runner", run.queued_at],
    ["prepared", "Connected and prepared", run.claimed_at],
    ["first", rowless ? "Ran, without rows" : "Until the first row", run.started_at],
    ["reading", "Read and stored rows", run.first_row_at],
  ];
  const reached = marks.filter((mark): mark is [Phase["key"], string, string] => mark[2] !== null);
  return reached.map(([key, name, from], index) => {
    const next = reached[index + 1]?.[2] ?? run.finished_at;
    const end = next === null ? now : Date.parse(next);
    return { key, name, from, ms: Math.max(0, end - Date.parse(from)), open: next === null };
  });
}

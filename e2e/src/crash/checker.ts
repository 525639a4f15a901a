/** Counts what must not be, after the dust has settled. */
import { join } from "node:path";
import { sql } from "kysely";
import { Client } from "pg";
import { filesUnder } from "./files.ts";
import type { Site } from "./site.ts";
import { KINDS, type Kind, LARGE_ROWS, type PlannedRun } from "./workload.ts";

type EndedRun = {
  id: string;
  idempotency_key: string;
  status: string;
  code: string | null;
  sqlstate: string | null;
  rows: number;
  leased: boolean;
  ends: number;
};

export type Verdict = {
  runs: number;
  /** Acknowledged and not there, or not ended, or succeeded without having done its SQL. */
  lost: string[];
  /** Done, ended or enqueued more than once. */
  duplicated: string[];
  /** Everything else that must not be. */
  unexpected: string[];
  /** How the runs of each kind ended, `failed: runner_lost` and so on. */
  ends: Record<Kind, Record<string, number>>;
};

/** What harm may do to any run. */
const HARMED = ["runner_lost", "executor_crashed", "datasource_unreachable"];
/** Its backend was ended by an administrator. */
const ENDED_BACKEND = "57P01";

/** Nothing may be at work any more. `acknowledged` maps the words of runs to their ids. */
export async function check(
  site: Site,
  planned: readonly PlannedRun[],
  acknowledged: ReadonlyMap<string, string>,
): Promise<Verdict> {
  const runs = await readEnds(site);
  const witnesses = await countWitnesses(site.customerUrl);
  const verdict: Verdict = {
    runs: planned.length,
    lost: [],
    duplicated: [],
    unexpected: [],
    ends: Object.fromEntries(KINDS.map((kind) => [kind, {}])) as Verdict["ends"],
  };
  for (const plan of planned) {
    const run = runs.get(plan.word);
    if (run === undefined || run.id !== acknowledged.get(plan.word))
      verdict.lost.push(`${plan.word}: acknowledged, and not there`);
    else judge(plan, run, witnesses.get(plan.word) ?? 0, verdict);
  }
  const words = new Set(planned.map(({ word }) => word));
  for (const word of runs.keys())
    if (!words.has(word)) verdict.unexpected.push(`${word}: a run that nobody asked for`);
  for (const word of witnesses.keys())
    if (!words.has(word)) verdict.unexpected.push(`${word}: a witness of no run`);
  verdict.unexpected.push(...(await checkParts(site)));
  return verdict;
}

function judge(plan: PlannedRun, run: EndedRun, witnessed: number, verdict: Verdict): void {
  const end = run.code === null ? run.status : `${run.status}: ${run.code}`;
  const ends = verdict.ends[plan.kind];
  ends[end] = (ends[end] ?? 0) + 1;
  const what = `${plan.word} (${plan.kind}, ${run.id}): ${end}`;

  if (run.status === "queued" || run.status === "running")
    verdict.lost.push(`${what}, and has not ended${run.leased ? "" : "; it has no live lease"}`);
  if (run.status === "succeeded" && witnessed === 0)
    verdict.lost.push(`${what}, and its SQL was not done`);
  if (witnessed > 1) verdict.duplicated.push(`${what}, and its SQL was done ${witnessed} times`);
  if (run.ends > 1) verdict.duplicated.push(`${what}, and it ended ${run.ends} times`);
  if (!mayEndSo(plan.kind, run)) verdict.unexpected.push(`${what} ${run.sqlstate ?? ""}`);
  if (plan.kind === "large" && run.status === "succeeded" && run.rows !== LARGE_ROWS)
    verdict.unexpected.push(`${what} with ${run.rows} rows`);
}

function mayEndSo(kind: Kind, { status, code, sqlstate }: EndedRun): boolean {
  if (status === "queued" || status === "running") return true;
  if (status === "failed" && code !== null && HARMED.includes(code)) return true;
  if (status === "failed" && code === "sql_error" && sqlstate === ENDED_BACKEND) return true;
  if (kind === "failing") return code === "sql_error" && sqlstate === "22012";
  return status === "succeeded" || (kind === "canceled" && status === "canceled");
}

async function readEnds({ db }: Site): Promise<Map<string, EndedRun>> {
  const { rows } = await sql<EndedRun>`
    select id, idempotency_key, status, error ->> 'code' as code, error ->> 'sqlstate' as sqlstate, rows,
      lease_until > clock_timestamp() as leased,
      (select count(*) from ends where ends.run_id = runs.id) as ends
    from runs where idempotency_key is not null`.execute(db);
  return new Map(rows.map((run) => [run.idempotency_key, run]));
}

async function countWitnesses(url: string): Promise<Map<string, number>> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ word: string; count: number }>(
    "select word, count(*)::int as count from witness group by word",
  );
  await client.end();
  return new Map(rows.map(({ word, count }) => [word, count]));
}

/** Files of the result store and rows that name them, both ways; and parts against the rows that they hold. */
async function checkParts({ db, directory }: Site): Promise<string[]> {
  const { rows: parts } = await sql<{ location: string }>`
    select location from result_parts where store = 'file'`.execute(db);
  const known = new Set(parts.map(({ location }) => location));
  const stored = new Set(filesUnder(join(directory, "results")));
  const { rows: short } = await sql<{ run_id: string }>`
    select run_id from run_statements as statement
    where columns is not null and rows <> coalesce((
      select sum(part.rows) from result_parts as part
      where part.run_id = statement.run_id and part.statement = statement.index), 0)`.execute(db);
  return [
    ...[...known].filter((key) => !stored.has(key)).map((key) => `${key}: a part that is missing`),
    ...[...stored].filter((key) => !known.has(key)).map((key) => `${key}: a file of no result`),
    ...short.map(({ run_id }) => `${run_id}: parts hold other rows than the manifest says`),
    ...filesUnder(join(directory, "work")).map((file) => `work/${file}: left behind`),
  ];
}

/** Evaluates the rules that are due, of one database after the other. Any number of processes may, at the same time. */
import type { RuleState } from "@quern/contract/health/findings";
import { type Database, inTransaction } from "@quern/store/db";
import { sql } from "kysely";
import { notApplicable, notEnough, say } from "./finding.ts";
import { keepFindings } from "./keep-findings.ts";
import { allRules } from "./registry.ts";
import type { Judgement, Rule, Subject } from "./rule.ts";
import { noteScore } from "./scores.ts";
import { type CollectorStates, missingFor } from "./sections.ts";

/** What a process that died had in hand is due again after this. */
const LEASE_MS = 5 * 60_000;
/** What could not be told is asked again sooner than its rule's own time: after this, or a twelfth of it. */
const RETRY_MS = 5 * 60_000;
const RETRIES = 12;
/** What was not found again is looked for at least so often, so that what was mended is resolved within hours. */
const RECHECK_MS = 60 * 60_000;
/** An agent that sent nothing for so long, or for so many of its intervals, tells nothing of now. */
const SILENT_MS = 15 * 60_000;
const SILENT_INTERVALS = 5;
const ENGINES: Record<Subject["type"], string> = {
  ...{ postgres: "PostgreSQL", mysql: "MySQL", mariadb: "MariaDB" },
};

export type Evaluated = { rule: string; state: RuleState; findings: number; seconds: number };
/** A rule threw: a mistake in the rule, or our database is away. */
export type Failure = { rule: string; database_id: string; error: unknown };

export type EvaluateOptions = {
  now?: Date;
  rules?: ReadonlyMap<string, Rule>;
  onFailure?: (failure: Failure) => void;
};

type Claimed = Omit<Subject, "db" | "now"> & {
  collectors: CollectorStates;
  last_taken_at: Date | null;
  interval_s: number | null;
};

/** Makes each rule due for each database that does not have it yet. */
export async function enlistRules(
  db: Database,
  { now = new Date(), rules }: Pick<EvaluateOptions, "now" | "rules"> = {},
): Promise<void> {
  const ids = [...(rules ?? (await allRules())).keys()];
  await sql`
    insert into health_rule_states (database_id, rule, state, due_at)
    select databases.id, rule, 'not_enough_data', ${now}
    from health_databases as databases cross join unnest(${ids}::text[]) as rule
    where not exists (
      select from health_rule_states as states where states.database_id = databases.id and states.rule = rule.rule)
    on conflict do nothing`.execute(db);
}

/** Makes all rules of a database due at once. */
export async function evaluateSoon(
  db: Database,
  database_id: string,
  now: Date = new Date(),
): Promise<void> {
  await sql`
    update health_rule_states set due_at = ${now} where database_id = ${database_id} and due_at > ${now}`.execute(
    db,
  );
}

/**
 * Evaluates the due rules of one database: the one that has waited longest. Undefined when nothing is due. A rule that
 * throws costs itself alone: it is told to `onFailure`, and its findings stay as they are.
 */
export async function evaluateNext(
  db: Database,
  options: EvaluateOptions = {},
): Promise<Evaluated[] | undefined> {
  const { now = new Date(), onFailure = () => {} } = options;
  const rules = options.rules ?? (await allRules());
  const lease = new Date(now.getTime() + LEASE_MS);
  const claimed = await claim(db, [...rules.keys()], now, lease);
  if (claimed === undefined) return undefined;
  const found = await findSubject(db, claimed.database_id);
  // Forgotten in between; its states went with it.
  if (found === undefined) return [];
  const { collectors, last_taken_at, interval_s, ...who } = found;
  const subject: Subject = { ...who, db, now };
  const silent = silence(now, last_taken_at, interval_s);
  const evaluated: Evaluated[] = [];
  for (const id of claimed.rules) {
    const rule = rules.get(id)!;
    const began = performance.now();
    let concluded: { state: RuleState; findings: number } | undefined;
    try {
      const judgement = silent ?? (await judge(rule, subject, collectors));
      concluded = await conclude(db, subject, rule, judgement, lease);
    } catch (error) {
      onFailure({ rule: id, database_id: subject.database_id, error });
      concluded = await conclude(db, subject, rule, FAILED, lease);
    }
    const seconds = (performance.now() - began) / 1000;
    if (concluded) evaluated.push({ rule: id, ...concluded, seconds });
  }
  await noteScore(db, subject.database_id, now, rules);
  return evaluated;
}

const FAILED: Judgement = {
  state: "not_enough_data",
  reason: "The rule failed; the log of the runner says why. It is tried again.",
  hint: null,
};

async function claim(db: Database, ids: readonly string[], now: Date, lease: Date) {
  const { rows } = await sql<{ database_id: string; rule: string }>`
    with first as (
      select database_id from health_rule_states
      where due_at <= ${now} and rule = any(${ids})
      order by due_at limit 1 for update skip locked
    ), due as (
      select states.database_id, states.rule
      from health_rule_states as states join first on first.database_id = states.database_id
      where states.due_at <= ${now} and states.rule = any(${ids})
      for update of states skip locked
    )
    update health_rule_states as states set due_at = ${lease}
    from due where states.database_id = due.database_id and states.rule = due.rule
    returning states.database_id, states.rule`.execute(db);
  const [first] = rows;
  return first && { database_id: first.database_id, rules: rows.map(({ rule }) => rule).sort() };
}

async function findSubject(db: Database, database_id: string): Promise<Claimed | undefined> {
  const { rows } = await sql<Claimed>`
    select databases.org_id, databases.id as database_id, databases.server_id, databases.name as database_name,
      servers.type, servers.version_num, servers.provider, servers.in_recovery, databases.collectors,
      databases.last_taken_at, databases.interval_s,
      databases.id = (
        select id from health_databases as others where others.server_id = databases.server_id
        order by is_main desc, first_seen_at, id limit 1) as is_main
    from health_databases as databases join health_servers as servers on servers.id = databases.server_id
    where databases.id = ${database_id}`.execute(db);
  return rows[0];
}

function silence(
  now: Date,
  last_taken_at: Date | null,
  interval_s: number | null,
): Judgement | undefined {
  const usual_ms = (interval_s ?? 0) * 1000 * SILENT_INTERVALS;
  const age_ms = last_taken_at === null ? undefined : now.getTime() - last_taken_at.getTime();
  if (age_ms !== undefined && age_ms <= Math.max(SILENT_MS, usual_ms)) return undefined;
  return notEnough(
    last_taken_at === null
      ? "The agent has sent nothing yet."
      : say("The agent has sent nothing since {at}.", { at: last_taken_at.toISOString() }),
  );
}

async function judge(
  rule: Rule,
  subject: Subject,
  collectors: CollectorStates,
): Promise<Judgement> {
  if (!rule.engines.includes(subject.type))
    return notApplicable(say("Not a rule for {engine}.", { engine: ENGINES[subject.type] }));
  if (rule.of === "server" && !subject.is_main)
    return notApplicable("Said once for the server, at the database its own numbers come by.");
  return (await missingFor(rule, subject, collectors)) ?? (await rule.judge(subject));
}

/** Keeps the outcome, unless somebody took the rule over meanwhile: then it is theirs to say. */
async function conclude(
  db: Database,
  subject: Subject,
  rule: Rule,
  judgement: Judgement,
  lease: Date,
): Promise<{ state: RuleState; findings: number } | undefined> {
  const found = judgement.state === "judged" ? judgement.found : [];
  const state =
    judgement.state !== "judged" ? judgement.state : found.length > 0 ? "finding" : "ok";
  const reason =
    judgement.state === "judged"
      ? { ...(judgement.noted && { noted: judgement.noted }) }
      : { reason: judgement.reason, message: judgement.message ?? null, hint: judgement.hint };
  const every_ms = rule.every_s * 1000;
  const wait_ms =
    state === "not_enough_data"
      ? Math.min(every_ms, Math.max(RETRY_MS, every_ms / RETRIES))
      : every_ms;
  const due_at = new Date(subject.now.getTime() + wait_ms);
  return inTransaction(db, async (trx) => {
    const { numAffectedRows } = await sql`
      update health_rule_states
      -- What a rule noted stays while it cannot judge.
      set reason = ${JSON.stringify(reason)}::jsonb || case when ${judgement.state === "judged"} then '{}'
          else jsonb_strip_nulls(jsonb_build_object('noted', reason -> 'noted')) end,
        state = ${state}, evaluated_at = ${subject.now}, due_at = ${due_at}
      where database_id = ${subject.database_id} and rule = ${rule.id} and due_at = ${lease}`.execute(
      trx,
    );
    if (numAffectedRows === 0n) return undefined;
    // What cannot be told says nothing of what was found before; what does not apply any more ends it.
    const told = judgement.state === "judged" || judgement.state === "not_applicable";
    const pending = told ? await keepFindings(trx, subject, rule, found) : 0;
    if (pending > 0 && wait_ms > RECHECK_MS)
      await sql`
        update health_rule_states set due_at = ${new Date(subject.now.getTime() + RECHECK_MS)}
        where database_id = ${subject.database_id} and rule = ${rule.id}`.execute(trx);
    return { state, findings: found.length };
  });
}

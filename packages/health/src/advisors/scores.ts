/** Scores as they were computed, so that lists need not compute them. */
import type { HealthScore } from "@quern/contract/health/databases";
import type { RuleState } from "@quern/contract/health/findings";
import type { Database } from "@quern/store/db";
import { sql } from "kysely";
import { allRules } from "./registry.ts";
import type { Rule } from "./rule.ts";
import { type ScoredFinding, scoreOf } from "./score.ts";

/** A score that stays the same is noted once in so long, so that its line has points. */
const SAME = "1 hour";

/** Computes the score of a database and keeps it when it is another than the last. Null when nothing could be judged. */
export async function noteScore(
  db: Database,
  database_id: string,
  now: Date = new Date(),
  rules?: ReadonlyMap<string, Rule>,
): Promise<HealthScore | null> {
  const { rows: states } = await sql<{ rule: string; state: RuleState }>`
    select rule, state from health_rule_states
    where database_id = ${database_id} and evaluated_at is not null`.execute(db);
  const { rows: findings } = await sql<ScoredFinding>`
    select id, rule, severity from health_findings
    where database_id = ${database_id} and resolved_at is null and muted_at is null
      and (snoozed_until is null or snoozed_until <= ${now})
    order by severity = 'critical' desc, severity = 'warning' desc, id`.execute(db);
  const byRule = new Map(states.map(({ rule, state }) => [rule, state]));
  const score = scoreOf(rules ?? (await allRules()), byRule, findings, now);
  if (score === null) return null;
  const categories = JSON.stringify(score.categories);
  await sql`
    insert into health_scores (database_id, at, score, coverage, capped_by, categories)
    select ${database_id}, ${now}, ${score.score}, ${score.coverage}, ${score.capped_by}, ${categories}::jsonb
    where not exists (
      select from (
        select * from health_scores where database_id = ${database_id} order by at desc limit 1) as last
      where last.at > ${now}::timestamptz - ${SAME}::interval and last.score = ${score.score}
        and last.coverage = ${score.coverage} and last.capped_by is not distinct from ${score.capped_by}
        and last.categories = ${categories}::jsonb)
    on conflict (database_id, at) do update
    set score = excluded.score, coverage = excluded.coverage, capped_by = excluded.capped_by,
      categories = excluded.categories`.execute(db);
  return score;
}

type ScoreRow = Omit<HealthScore, "at"> & { at: Date };

/** The score of a database as of its last evaluation. */
export async function readScore(db: Database, database_id: string): Promise<HealthScore | null> {
  const { rows } = await sql<ScoreRow>`
    select score, coverage, capped_by, categories, at from health_scores
    where database_id = ${database_id} order by at desc limit 1`.execute(db);
  const [row] = rows;
  return row ? { ...row, at: row.at.toISOString() } : null;
}

/** Takes what one evaluation of a rule found into the history of findings. */
import type { Severity } from "@quern/contract/health/findings";
import type { Database } from "@quern/store/db";
import { sql } from "kysely";
import type { Found, Rule, Subject } from "./rule.ts";

/** A finding that is not found again is resolved after so many evaluations in a row. */
const CLEAN_EVALUATIONS = 3;
/** Of one rule in one database; the gravest stay. */
const MOST = 500;
/** Changes of severity that an open finding remembers. */
const SEVERITIES = 50;

const QUIET_REASON = "Off until somebody asks for it: unmute it to see it.";

const ORDER: Record<Severity, number> = { critical: 0, warning: 1, info: 2 };

/**
 * Opens, keeps and resolves findings of `rule`. What comes back after it was resolved is a new row that takes over how
 * it was muted or snoozed. One that becomes critical is an event. Call it in a transaction. How many are open that were
 * not found this time is returned.
 */
export async function keepFindings(
  db: Database,
  subject: Subject,
  rule: Pick<Rule, "id" | "title" | "quiet">,
  all: readonly Found[],
): Promise<number> {
  const { database_id, now } = subject;
  const { rows: open } = await sql<{ object: string; severity: Severity }>`
    select object, severity from health_findings
    where database_id = ${database_id} and rule = ${rule.id} and resolved_at is null
    order by id for update`.execute(db);
  const found = gravest(all);
  if (open.length === 0 && found.length === 0) return 0;
  const before = new Map(open.map(({ object, severity }) => [object, severity]));
  await keepOpen(
    db,
    subject,
    rule.id,
    found.filter(({ object }) => before.has(object)),
  );
  await openNew(
    db,
    subject,
    rule,
    found.filter(({ object }) => !before.has(object)),
  );
  const { rows: clean } = await sql<{ open: boolean }>`
    update health_findings
    set evaluations_clean = evaluations_clean + 1,
      resolved_at = case when evaluations_clean + 1 >= ${CLEAN_EVALUATIONS} then ${now}::timestamptz end
    where database_id = ${database_id} and rule = ${rule.id} and resolved_at is null
      and not (object = any(${found.map(({ object }) => object)}::text[]))
    returning resolved_at is null as open`.execute(db);
  const critical = found.filter(
    ({ object, severity }) => severity === "critical" && before.get(object) !== "critical",
  );
  await noteCritical(db, subject, rule, critical);
  return clean.filter((each) => each.open).length;
}

/** One of each object, the gravest first. */
function gravest(all: readonly Found[]): Found[] {
  const sorted = [...all].sort(
    (left, right) =>
      ORDER[left.severity] - ORDER[right.severity] || compare(left.object, right.object),
  );
  const byObject = new Map<string, Found>();
  for (const each of sorted) if (!byObject.has(each.object)) byObject.set(each.object, each);
  return [...byObject.values()].slice(0, MOST);
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

const recordset = (found: readonly Found[]) => {
  const rows = found.map(({ window, ...each }) => ({
    ...each,
    window_from: window?.from ?? null,
    window_to: window?.to ?? null,
  }));
  return sql`jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as found (object text, severity text, evidence jsonb,
    confidence text, window_from timestamptz, window_to timestamptz, statement_id bigint, fix jsonb)`;
};

async function keepOpen(
  db: Database,
  { database_id, now }: Subject,
  rule: string,
  found: readonly Found[],
): Promise<void> {
  if (found.length === 0) return;
  await sql`
    update health_findings as findings
    set severity = found.severity, evidence = found.evidence, confidence = found.confidence,
      window_from = found.window_from, window_to = found.window_to, fix = nullif(found.fix, 'null'),
      statement_id = (select id from health_statements where id = found.statement_id),
      last_seen_at = ${now}, evaluations_clean = 0,
      severities = case
        when findings.severity = found.severity then findings.severities
        when jsonb_array_length(findings.severities) >= ${SEVERITIES} then findings.severities - 0
        else findings.severities end
        || case when findings.severity = found.severity then '[]' else jsonb_build_array(jsonb_build_object(
          'severity', findings.severity,
          'first_seen_at', coalesce(findings.severities -> -1 -> 'changed_at', to_jsonb(findings.first_seen_at)),
          'last_seen_at', findings.last_seen_at, 'changed_at', ${now}::timestamptz)) end
    from ${recordset(found)}
    where findings.database_id = ${database_id} and findings.rule = ${rule} and findings.resolved_at is null
      and findings.object = found.object`.execute(db);
}

async function openNew(
  db: Database,
  { org_id, server_id, database_id, now }: Subject,
  { id: rule, quiet = false }: Pick<Rule, "id" | "quiet">,
  found: readonly Found[],
): Promise<void> {
  if (found.length === 0) return;
  // Who unmuted it once wants to see it, also when it comes back.
  const silent = sql`${quiet} and earlier.first_seen_at is null`;
  await sql`
    insert into health_findings (org_id, server_id, database_id, rule, object, severity, evidence, window_from, window_to,
      confidence, statement_id, fix, first_seen_at, last_seen_at, snoozed_until, muted_at, muted_reason, muted_by)
    select ${org_id}, ${server_id}, ${database_id}, ${rule}, found.object, found.severity, found.evidence,
      found.window_from, found.window_to, found.confidence,
      (select id from health_statements where id = found.statement_id), nullif(found.fix, 'null'),
      ${now}, ${now}, earlier.snoozed_until, case when ${silent} then ${now}::timestamptz else earlier.muted_at end,
      case when ${silent} then ${QUIET_REASON} else earlier.muted_reason end, earlier.muted_by
    from ${recordset(found)}
      left join lateral (
        select first_seen_at, case when snoozed_until > ${now} then snoozed_until end as snoozed_until, muted_at, muted_reason, muted_by
        from health_findings as findings
        where findings.database_id = ${database_id} and findings.rule = ${rule} and findings.object = found.object
        order by first_seen_at desc limit 1
      ) as earlier on true`.execute(db);
}

/** Of those that nobody muted. */
async function noteCritical(
  db: Database,
  { org_id, server_id, database_id, now }: Subject,
  { id, title }: Pick<Rule, "id" | "title">,
  found: readonly Found[],
): Promise<void> {
  if (found.length === 0) return;
  await sql`
    insert into health_events (org_id, server_id, database_id, at, type, subject, details, source)
    select ${org_id}, ${server_id}, ${database_id}, ${now}, 'finding', nullif(object, ''),
      jsonb_build_object('finding_id', id, 'rule', rule, 'title', ${title}::text, 'severity', severity), 'advisor'
    from health_findings
    where database_id = ${database_id} and rule = ${id} and resolved_at is null and muted_at is null
      and object = any(${found.map(({ object }) => object)}::text[])`.execute(db);
}

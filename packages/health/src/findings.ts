/** Findings and rules as the pages show them. */
import type { Category } from "@quern/contract/health/databases";
import type {
  Evidence,
  Finding,
  Message,
  RuleResult,
  Severity,
} from "@quern/contract/health/findings";
import type { Database } from "@quern/store/db";
import { isUuid, toPage } from "@quern/store/page";
import { type RawBuilder, sql } from "kysely";
import { allRules } from "./advisors/registry.ts";
import type { Fix, Rule } from "./advisors/rule.ts";

export type FindingFilter = {
  database_id?: string | undefined;
  status?: "open" | "snoozed" | "muted" | "resolved" | "all" | undefined;
  severity?: Severity | undefined;
  category?: Category | undefined;
  rule?: string | undefined;
  object?: string | undefined;
  statement_id?: string | undefined;
  search?: string | undefined;
};

type Row = {
  id: string;
  rule: string;
  severity: Severity;
  database: Finding["database"];
  object: string;
  statement_id: string | null;
  evidence: Evidence[];
  confidence: Finding["confidence"];
  fix: Fix | null;
  window_from: Date | null;
  window_to: Date | null;
  first_seen_at: Date;
  last_seen_at: Date;
  resolved_at: Date | null;
  snoozed_until: Date | null;
  snoozed: { at: string; by: string | null } | null;
  muted_at: Date | null;
  muted_reason: string | null;
  muted_by: string | null;
  history: { first_seen_at: string; last_seen_at: string; severity: Severity }[];
  place: string;
};

/** Findings of the organisation, the gravest and then the newest first. */
export async function listFindings(
  db: Database,
  org_id: string,
  filter: FindingFilter,
  page: { limit: number; cursor?: string | undefined },
  now: Date = new Date(),
): Promise<{ items: Finding[]; next_cursor: string | null }> {
  const rules = await allRules();
  const ofCategory = [...rules.values()]
    .filter(({ category }) => category === filter.category)
    .map(({ id }) => id);
  const conditions = [
    sql`findings.org_id = ${org_id}`,
    statusIs(filter.status ?? "open", now),
    ...(filter.database_id ? [sql`findings.database_id = ${filter.database_id}`] : []),
    ...(filter.severity ? [sql`findings.severity = ${filter.severity}`] : []),
    ...(filter.category ? [sql`findings.rule = any(${ofCategory})`] : []),
    ...(filter.rule ? [sql`findings.rule = ${filter.rule}`] : []),
    ...(filter.object === undefined ? [] : [sql`findings.object = ${filter.object}`]),
    ...(filter.statement_id ? [sql`findings.statement_id = ${filter.statement_id}`] : []),
    ...(filter.search ? [matches(filter.search, rules)] : []),
    ...afterCursor(page.cursor),
  ];
  const rows = await selectFindings(db, sql.join(conditions, sql` and `), page.limit + 1, now);
  const { items, next_cursor } = toPage(rows, page.limit, (last) => last.place);
  return { items: await Promise.all(items.map(toFinding)), next_cursor };
}

/** One finding of the organisation. */
export async function readFinding(
  db: Database,
  org_id: string,
  id: string,
  now: Date = new Date(),
): Promise<Finding | undefined> {
  const where = sql`findings.org_id = ${org_id} and findings.id = ${id}`;
  const [row] = await selectFindings(db, where, 1, now);
  return row && toFinding(row);
}

function statusIs(status: FindingFilter["status"], now: Date): RawBuilder<unknown> {
  const snoozed = sql`coalesce(findings.snoozed_until > ${now}, false)`;
  if (status === "all") return sql`true`;
  if (status === "resolved") return sql`findings.resolved_at is not null`;
  if (status === "muted")
    return sql`findings.resolved_at is null and findings.muted_at is not null`;
  const live = sql`findings.resolved_at is null and findings.muted_at is null`;
  return status === "snoozed" ? sql`${live} and ${snoozed}` : sql`${live} and not ${snoozed}`;
}

/** Every word of `search` is in the rule's name or title, the object, or the name of the database or server. */
function matches(search: string, rules: ReadonlyMap<string, Rule>): RawBuilder<unknown> {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean).slice(0, 10);
  const each = words.map((word) => {
    const named = [...rules.values()]
      .filter(({ title }) => title.toLowerCase().includes(word))
      .map(({ id }) => id);
    return sql`(findings.rule = any(${named}) or strpos(findings.rule || ' ' || lower(findings.object), ${word}) > 0
      or strpos(lower(databases.name || ' ' || servers.name), ${word}) > 0)`;
  });
  return each.length === 0 ? sql`true` : sql`(${sql.join(each, sql` and `)})`;
}

const RANK = sql`case findings.severity when 'critical' then 0 when 'warning' then 1 else 2 end`;
/** Grows with age. */
const AGE = sql`-(extract(epoch from findings.first_seen_at) * 1000000)::bigint`;

/** Rows after the place that the last page ended with; a cursor that is none starts anew. */
function afterCursor(cursor: string | undefined): RawBuilder<unknown>[] {
  const [rank = "", age = "", id = ""] = cursor?.split("_") ?? [];
  if (!/^[0-2]$/.test(rank) || !/^-?\d{1,17}$/.test(age) || !isUuid(id)) return [];
  return [
    sql`(${RANK}, ${AGE}, findings.id) > (${Number(rank)}::integer, ${age}::bigint, ${id}::uuid)`,
  ];
}

async function selectFindings(
  db: Database,
  where: RawBuilder<unknown>,
  limit: number,
  now: Date,
): Promise<Row[]> {
  const { rows } = await sql<Row>`
    select findings.id, findings.rule, findings.severity, findings.object, findings.statement_id::text, findings.evidence,
      findings.confidence, findings.fix, findings.window_from, findings.window_to, findings.first_seen_at,
      findings.last_seen_at, findings.resolved_at, findings.snoozed_until, findings.muted_at, findings.muted_reason,
      case when findings.snoozed_until > ${now} then (
        select jsonb_build_object('at', audit_log.at, 'by', snoozers.name)
        from audit_log left join users as snoozers on snoozers.id = audit_log.user_id
        where resource_type = 'finding' and resource_id = findings.id and action = 'finding.snoozed'
        order by audit_log.at desc limit 1) end as snoozed,
      muters.name as muted_by,
      jsonb_build_object('id', databases.id, 'name', databases.name, 'server_name', servers.name) as database,
      ${RANK} || '_' || ${AGE} || '_' || findings.id as place,
      coalesce((
        select jsonb_agg(spell order by (spell ->> 'first_seen_at')::timestamptz desc)
        from (
          select jsonb_array_elements(earlier.severities) as spell
          from health_findings as earlier
          where earlier.database_id = findings.database_id and earlier.rule = findings.rule
            and earlier.object = findings.object and earlier.first_seen_at <= findings.first_seen_at
          union all
          select jsonb_build_object('severity', earlier.severity, 'last_seen_at', earlier.last_seen_at,
            'first_seen_at', coalesce(earlier.severities -> -1 -> 'changed_at', to_jsonb(earlier.first_seen_at)))
          from health_findings as earlier
          where earlier.database_id = findings.database_id and earlier.rule = findings.rule
            and earlier.object = findings.object and earlier.first_seen_at < findings.first_seen_at
        ) as spells
        where (spell ->> 'last_seen_at')::timestamptz > ${now}::timestamptz - interval '90 days'), '[]') as history
    from health_findings as findings
      join health_databases as databases on databases.id = findings.database_id
      join health_servers as servers on servers.id = findings.server_id
      left join users as muters on muters.id = findings.muted_by
    where ${where}
    order by ${RANK}, ${AGE}, findings.id
    limit ${limit}`.execute(db);
  return rows;
}

async function toFinding(row: Row): Promise<Finding> {
  const rule = (await allRules()).get(row.rule);
  const { window_from, window_to, muted_at, muted_reason } = row;
  return {
    ...{ id: row.id, rule: row.rule, title: rule?.title ?? row.rule },
    category: rule?.category ?? "performance",
    ...{ severity: row.severity, database: row.database, object: row.object },
    ...{ statement_id: row.statement_id, explanation: rule?.explanation ?? "" },
    evidence: row.evidence,
    window:
      window_from && window_to
        ? { from: window_from.toISOString(), to: window_to.toISOString() }
        : null,
    ...{ confidence: row.confidence, source: rule?.source ?? "" },
    // What was found before fixes had a message has none.
    fix: row.fix && { ...row.fix, message: row.fix.message ?? null },
    first_seen_at: row.first_seen_at.toISOString(),
    last_seen_at: row.last_seen_at.toISOString(),
    resolved_at: row.resolved_at?.toISOString() ?? null,
    snoozed_until: row.snoozed_until?.toISOString() ?? null,
    snoozed: row.snoozed && { ...row.snoozed, at: new Date(row.snoozed.at).toISOString() },
    muted: muted_at
      ? { at: muted_at.toISOString(), reason: muted_reason ?? "", by: row.muted_by }
      : null,
    history: row.history.map(({ severity, first_seen_at, last_seen_at }) => ({
      first_seen_at: new Date(first_seen_at).toISOString(),
      last_seen_at: new Date(last_seen_at).toISOString(),
      severity,
    })),
  };
}

export type FindingChange = {
  snoozed_until?: string | null | undefined;
  muted_reason?: string | null | undefined;
};

/** Snoozes or mutes, or undoes it. Returns the database that it is of; undefined when there is no such finding. */
export async function changeFinding(
  db: Database,
  actor: { org_id: string; user_id: string | null },
  id: string,
  { snoozed_until, muted_reason }: FindingChange,
): Promise<string | undefined> {
  const muted = muted_reason ?? null;
  const changes = [
    ...(snoozed_until === undefined ? [] : [sql`snoozed_until = ${snoozed_until}::timestamptz`]),
    ...(muted_reason === undefined
      ? []
      : [
          sql`muted_reason = ${muted}::text`,
          sql`muted_at = case when ${muted}::text is not null then coalesce(muted_at, now()) end`,
          sql`muted_by = case when ${muted}::text is not null then ${actor.user_id}::uuid end`,
        ]),
    sql`object = object`,
  ];
  const { rows } = await sql<{ database_id: string }>`
    update health_findings set ${sql.join(changes)}
    where org_id = ${actor.org_id} and id = ${id} returning database_id`.execute(db);
  return rows[0]?.database_id;
}

type StateRow = {
  rule: string;
  state: RuleResult["state"];
  reason: { reason?: string; message?: Message | null; hint?: string | null };
  evaluated_at: Date | null;
  findings: number;
};

/** Every rule and how it stands for a database of the organisation. Undefined when there is no such database. */
export async function listRuleResults(
  db: Database,
  org_id: string,
  database_id: string,
): Promise<RuleResult[] | undefined> {
  const { rows: known } = await sql`
    select from health_databases where org_id = ${org_id} and id = ${database_id}`.execute(db);
  if (known.length === 0) return undefined;
  const { rows } = await sql<StateRow>`
    select states.rule, states.state, states.reason, states.evaluated_at,
      (select count(*) from health_findings as findings where findings.database_id = states.database_id
        and findings.rule = states.rule and findings.resolved_at is null) as findings
    from health_rule_states as states where states.database_id = ${database_id}`.execute(db);
  const byRule = new Map(rows.map((row) => [row.rule, row]));
  return [...(await allRules()).values()].map(({ id, title, category, explanation, source }) => {
    const row = byRule.get(id);
    const evaluated = row?.evaluated_at ?? null;
    return {
      ...{ rule: id, title, category, explanation, source },
      state: row?.state ?? "not_enough_data",
      reason: evaluated === null ? "It was not evaluated yet." : (row?.reason.reason ?? null),
      message: evaluated === null ? null : (row?.reason.message ?? null),
      hint: row?.reason.hint ?? null,
      findings: row?.findings ?? 0,
      evaluated_at: evaluated?.toISOString() ?? null,
    };
  });
}

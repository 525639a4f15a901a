/** Whether what a rule needs is there: a section that failed or never came becomes a state by itself. */
import type { CollectorResult } from "@quern/contract/agent/payload";
import { sql } from "kysely";
import { once } from "./facts.ts";
import { notEnough, say, untold } from "./finding.ts";
import type { Judgement, Rule, Section, Subject } from "./rule.ts";

export type CollectorStates = Record<
  string,
  Pick<CollectorResult, "status" | "code" | "hint" | "rows">
>;

/** Collectors whose section of another database of the same server says the same. */
const OF_SERVER = new Set<Section>(["server", "settings", "activity"]);

/** Why `rule` cannot be judged; undefined when all is there. */
export async function missingFor(
  rule: Rule,
  subject: Subject,
  collectors: CollectorStates,
): Promise<Judgement | undefined> {
  const present = await sectionsOf(subject);
  for (const section of rule.needs) {
    const result = collectors[section];
    // With rows, a part of it is hidden or failed, and the rest is there.
    const failed =
      result !== undefined && result.status !== "ok" && result.code !== null && !result.rows;
    if (failed && !(OF_SERVER.has(section) && present.has(section)))
      return failureOf(section, result);
    if (!present.has(section)) {
      const reason = say("The agent has not sent {what} yet.", { what: WORDS[section] });
      return notEnough(reason, result?.hint ?? null);
    }
  }
  return undefined;
}

function failureOf(section: Section, { code, hint }: CollectorStates[string]): Judgement {
  const what = WORDS[section];
  if (code === "not_supported")
    return untold("not_applicable", say("This server has no {what}.", { what }), hint);
  if (code === "no_permission")
    return untold("no_permission", say("The agent's role may not read {what}.", { what }), hint);
  const values = { what, code: code ?? "" };
  return notEnough(say("The agent could not read {what} ({code}).", values), hint);
}

const WORDS: Record<Section, string> = {
  statements: "statistics of statements",
  tables: "statistics of tables",
  indexes: "statistics of indexes",
  schema: "the schema",
  sequences: "sequences",
  bloat: "estimates of bloat",
  column_statistics: "statistics of columns",
  settings: "settings",
  server: "statistics of the server",
  activity: "samples of sessions",
};

/** Why `section` is not there, as the state of a rule that cannot say anything without it. */
export async function whyMissing(subject: Subject, section: Section): Promise<Judgement> {
  const { rows } = await sql<{ result: CollectorStates[string] | null }>`
    select collectors -> ${section} as result from health_databases
    where id = ${subject.database_id}`.execute(subject.db);
  const result = rows[0]?.result;
  if (result && result.status !== "ok" && result.code !== null) return failureOf(section, result);
  return notEnough(say("The agent has not sent {what} yet.", { what: WORDS[section] }));
}

/** Sections of which something was stored, for this database or for its server. */
export function sectionsOf(subject: Subject): Promise<ReadonlySet<Section>> {
  return once(subject, "sections", async () => {
    const { db, database_id, server_id, now } = subject;
    const { rows } = await sql<{ section: Section }>`
      select distinct section from health_documents
      where database_id = ${database_id} and section <> 'server'
      union all
      select 'server' where exists (
        select from health_documents join health_databases as databases on databases.id = database_id
        where databases.server_id = ${server_id} and section = 'server')
      union all
      select 'statements' where exists (select from health_statements where database_id = ${database_id})
      union all
      select 'schema' where exists (select from health_schema_versions where database_id = ${database_id})
      union all
      select 'settings' where exists (select from health_settings where server_id = ${server_id})
      union all
      select 'activity' where exists (
        select from health_activity
        where server_id = ${server_id} and at between ${now}::timestamptz - interval '1 hour' and ${now})`.execute(
      db,
    );
    return new Set(rows.map(({ section }) => section));
  });
}

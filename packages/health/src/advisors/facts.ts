/** What rules ask of the store, each read once for all rules of an evaluation. */
import type { StatisticsSnapshot } from "@quern/contract/agent/column-statistics";
import type {
  BloatEstimate,
  IndexStats,
  SequenceStats,
  TableStats,
} from "@quern/contract/agent/relations";
import type { SchemaSnapshot } from "@quern/contract/agent/schema";
import type { ServerStats } from "@quern/contract/agent/server";
import type { StatementsState } from "@quern/contract/agent/statements";
import { sql } from "kysely";
import type { Section, Subject } from "./rule.ts";

const known = new WeakMap<Subject, Map<string, Promise<unknown>>>();

/** What `work` gives, asked once for this subject under `key`. */
export function once<T>(subject: Subject, key: string, work: () => Promise<T>): Promise<T> {
  const facts = known.get(subject) ?? new Map<string, Promise<unknown>>();
  known.set(subject, facts);
  const found = facts.get(key) ?? work();
  facts.set(key, found);
  return found as Promise<T>;
}

/** A section as it was last read, and when that was. */
export type Document<T> = { at: Date; body: T };

type Documents = {
  tables: TableStats[];
  indexes: IndexStats[];
  sequences: SequenceStats[];
  bloat: BloatEstimate[];
  column_statistics: StatisticsSnapshot;
  statements: StatementsState;
};

/** The newest document of a section of the database. Undefined when none came yet. */
export function documentOf<S extends keyof Documents>(
  subject: Subject,
  section: S,
): Promise<Document<Documents[S]> | undefined> {
  return once(subject, `document ${section}`, async () => {
    const { rows } = await sql<Document<Documents[S]>>`
      select at, body from health_documents
      where database_id = ${subject.database_id} and section = ${section}
      order by day desc limit 1`.execute(subject.db);
    return rows[0];
  });
}

/** What is known of the whole server, by whichever of its databases it came. */
export function serverOf(subject: Subject): Promise<Document<ServerStats> | undefined> {
  return once(subject, "document server", async () => {
    const { rows } = await sql<Document<ServerStats>>`
      select documents.at, documents.body
      from health_databases as databases join health_documents as documents on documents.database_id = databases.id
      where databases.server_id = ${subject.server_id} and documents.section = 'server'
      order by documents.day desc, documents.at desc, databases.id limit 1`.execute(subject.db);
    return rows[0];
  });
}

export type SchemaFacts = SchemaSnapshot & { from_at: Date; last_seen_at: Date };

/** The schema as it is now, from when on it has been so. Undefined when none came yet. */
export function schemaOf(subject: Subject): Promise<SchemaFacts | undefined> {
  return once(subject, "schema", async () => {
    const { rows } = await sql<{ body: SchemaSnapshot; from_at: Date; last_seen_at: Date }>`
      select schemas.body, versions.from_at, versions.last_seen_at
      from health_schema_versions as versions
        join health_schemas as schemas on schemas.org_id = ${subject.org_id} and schemas.hash = versions.hash
      where versions.database_id = ${subject.database_id}
      order by versions.from_at desc limit 1`.execute(subject.db);
    const [found] = rows;
    return found && { ...found.body, from_at: found.from_at, last_seen_at: found.last_seen_at };
  });
}

/** Settings of the server by name, in the units of pg_settings. */
export function settingsOf(subject: Subject): Promise<ReadonlyMap<string, string | null>> {
  return once(subject, "settings", async () => {
    const { rows } = await sql<{ name: string; value: string | null }>`
      select name, value from health_settings
      where server_id = ${subject.server_id} and until_at is null`.execute(subject.db);
    return new Map(rows.map(({ name, value }) => [name, value]));
  });
}

/** Why a section that a rule can do without is not there: what the agent says of reading it. */
export function hintOf(subject: Subject, section: Section): Promise<string | null> {
  return once(subject, `hint ${section}`, async () => {
    const { rows } = await sql<{ hint: string | null }>`
      select collectors -> ${section} ->> 'hint' as hint from health_databases
      where id = ${subject.database_id}`.execute(subject.db);
    return rows[0]?.hint ?? null;
  });
}

/** What `rule` noted when it last judged this database. */
export async function notedBy(
  { db, database_id }: Subject,
  rule: string,
): Promise<Readonly<Record<string, string>>> {
  const { rows } = await sql<{ noted: Record<string, string> | null }>`
    select reason -> 'noted' as noted from health_rule_states
    where database_id = ${database_id} and rule = ${rule}`.execute(db);
  return rows[0]?.noted ?? {};
}

/** A setting as a number; `otherwise` where it was not sent. */
export function numberOf(
  settings: ReadonlyMap<string, string | null>,
  name: string,
  otherwise: number,
): number {
  const value = settings.get(name);
  const number = value == null || value.trim() === "" ? Number.NaN : Number(value);
  return Number.isFinite(number) ? number : otherwise;
}

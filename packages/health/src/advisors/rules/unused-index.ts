import type { IndexStats, TableStats } from "@quern/contract/agent/relations";
import type { SchemaConstraint, SchemaIndex, SchemaSnapshot } from "@quern/contract/agent/schema";
import type { Severity } from "@quern/contract/health/findings";
import { documentOf, schemaOf, serverOf } from "../facts.ts";
import { keyOf, rowsOf, tablesOf, tableWork, type WorkWindow } from "../facts-relations.ts";
import { fact, fixBy, found, judged, notApplicable, notEnough, say } from "../finding.ts";
import { dropStatement, isDroppable, supportsKey } from "../index-shape.ts";
import { type IndexUse, indexUse, otherNodes } from "../index-usage.ts";
import { qualified } from "../names.ts";
import type { Found, Rule, Subject } from "../rule.ts";

const DAYS = 35;
const DAY_MS = 24 * 60 * 60 * 1000;
const SMALL_BYTES = 1024 * 1024;
const LARGE_BYTES = 100 * 1024 * 1024;
/** Rows written in a day, each of which the index had to follow. */
const MANY_WRITES = 1_000_000;

export const rule: Rule = {
  id: "unused-index",
  title: "Index that nothing uses",
  category: "storage",
  explanation:
    "No query used it for weeks, on no server of the cluster. Every write still keeps it up to date, and it takes up memory, disk and backup.",
  source:
    "pganalyze: no scan for 35 days; from 1 MiB. Warning (own) from 100 MiB or a million rows written a day.",
  weight: { info: 1, warning: 4, critical: 4 },
  caps: false,
  of: "database",
  every_s: 6 * 3600,
  needs: ["indexes", "schema"],
  engines: ["postgres"],
  async judge(subject) {
    if (subject.in_recovery)
      return notApplicable("Indexes are judged at the primary, over all servers of the cluster.");
    const from = new Date(subject.now.getTime() - DAYS * DAY_MS);
    const nodes = await otherNodes(subject);
    const schema = (await schemaOf(subject))!;
    if (schema.constraints === undefined)
      return notEnough("This agent does not say what indexes are for; Quern's own does.");
    // Another primary of the cluster is a restored copy, and stands for no replica.
    const replicas = nodes.filter(({ in_recovery }) => in_recovery !== false).length;
    const unwatched = await unwatchedReplicas(subject, replicas);
    if (unwatched > 0)
      return notEnough(
        say("{n} of the replicas are not monitored: what is unused here may be used there.", {
          n: unwatched,
        }),
        "Let the agent read the replicas, too.",
      );
    const uses = [await indexUse(subject, subject.database_id, from)];
    for (const { database_id } of nodes) uses.push(await indexUse(subject, database_id, from));
    const stats = new Map(
      (await documentOf(subject, "indexes"))!.body.map((each) => [
        keyOf(each.schema, each.index),
        each,
      ]),
    );
    const families = candidates(schema, stats);
    const verdicts = families.map((family) => ({
      family,
      ...verdictOf(family, uses, stats, from),
    }));
    const unknown = verdicts.filter(({ verdict }) => verdict === "unknown");
    const young = [...uses[0]!.values()].every(({ watched_since }) => watched_since > from);
    const none = verdicts.every(({ verdict }) => verdict !== "unused");
    if (none && unknown.length > 0 && (young || unknown.length === verdicts.length)) {
      const watched = Math.min(...unknown.map(({ watched_since }) => watched_since.getTime()));
      const days = Math.max(0, Math.floor((subject.now.getTime() - watched) / DAY_MS));
      const values = { n: days, of: DAYS };
      return notEnough(say("{n} of {of} days were observed without a loss of counters.", values));
    }
    const tables = await tablesOf(subject);
    const work = await tableWork(subject, 24);
    const window = (watched_since: Date) => ({
      from: watched_since > from ? watched_since : from,
      to: subject.now,
    });
    return judged(
      verdicts
        .filter(({ verdict }) => verdict === "unused")
        .map(({ family, watched_since }) => ({
          ...findingOf(family, { stats, tables, work, schema, servers: uses.length }),
          window: window(watched_since),
        })),
    );
  },
};

type Known = {
  stats: ReadonlyMap<string, IndexStats>;
  tables: ReadonlyMap<string, TableStats>;
  work: WorkWindow;
  schema: SchemaSnapshot;
  servers: number;
};

function findingOf({ root, members }: Family, known: Known): Found {
  const { stats, tables, work, schema, servers } = known;
  const size = members.reduce((sum, each) => sum + sizeOf(each, stats), 0);
  const writes = members.reduce((sum, { schema: of, table }) => {
    const { n_tup_ins, n_tup_upd, n_tup_hot_upd } = work.workOf(of, table);
    return sum + n_tup_ins + n_tup_upd - (n_tup_hot_upd ?? 0);
  }, 0);
  const table = tables.get(keyOf(root.schema, root.table));
  // Without statistics of the expression the planner may not see what the index is good for.
  const blind = root.keys?.some(({ column }) => column === null) && (table?.reltuples ?? 0) < 0;
  const heavy = size >= LARGE_BYTES || writes >= MANY_WRITES;
  const severity: Severity = heavy && !blind ? "warning" : "info";
  const whole = members.length > 1;
  const evidence = [
    fact("table", qualified({ schema: root.schema, name: root.table }), "text"),
    fact("size_bytes", size, "bytes", LARGE_BYTES),
    fact("scans", 0, "count"),
    fact("days_observed", DAYS, "count", DAYS),
    fact("servers", servers, "count"),
    fact("writes_per_day", writes, "count", MANY_WRITES),
    fact("table_rows", rowsOf(table), "count"),
    ...(whole ? [fact("partitions", members.length, "count")] : []),
    ...(root.definition ? [fact("definition", root.definition, "sql")] : []),
  ];
  const words =
    "Drop it. Keep its definition for the way back, and think of what runs once a quarter or a year.";
  const fix = fixBy(dropStatement(root, schema.tables), words, true);
  return found(qualified(root), severity, evidence, { confidence: blind ? "low" : "high", fix });
}

/** Replicas that are connected beyond those that are monitored. Subscribers of logical replication have no indexes of ours. */
async function unwatchedReplicas(subject: Subject, watched: number): Promise<number> {
  const server = (await serverOf(subject))?.body;
  const logical = (server?.slots ?? []).filter(({ type, active }) => type === "logical" && active);
  return Math.max(0, (server?.replicas ?? []).length - logical.length - watched);
}

type Family = { root: SchemaIndex; members: SchemaIndex[] };

/** Indexes that could be dropped and are worth it; those of partitions under the one they belong to. */
function candidates(schema: SchemaSnapshot, stats: ReadonlyMap<string, IndexStats>): Family[] {
  const children = new Map<string, SchemaIndex[]>();
  for (const index of schema.indexes)
    if (index.parent) children.set(index.parent, [...(children.get(index.parent) ?? []), index]);
  const membersOf = (index: SchemaIndex): SchemaIndex[] => {
    const own = children.get(`${index.schema}.${index.name}`);
    return own === undefined ? [index] : own.flatMap(membersOf);
  };
  const keys = (schema.constraints ?? []).filter(({ type }) => type === "f");
  return schema.indexes
    .filter((index) => isDroppable(index) && !index.is_clustered && index.is_valid !== false)
    .filter((index) => !isOnlySupport(index, schema.indexes, keys))
    .map((root) => ({ root, members: membersOf(root) }))
    .filter(
      ({ members }) => members.reduce((sum, each) => sum + sizeOf(each, stats), 0) >= SMALL_BYTES,
    );
}

function sizeOf(index: SchemaIndex, stats: ReadonlyMap<string, IndexStats>): number {
  return Number(stats.get(keyOf(index.schema, index.name))?.size_bytes ?? index.size_bytes ?? 0);
}

/** Deletes in the referenced table need it, which no statistics of scans may have shown yet. */
function isOnlySupport(
  index: SchemaIndex,
  all: readonly SchemaIndex[],
  keys: readonly SchemaConstraint[],
): boolean {
  const sameTable = (other: { schema: string; table: string }) =>
    other.schema === index.schema && other.table === index.table;
  return keys
    .filter((key) => sameTable(key) && supportsKey(index, key))
    .some(
      (key) => !all.some((other) => other !== index && sameTable(other) && supportsKey(other, key)),
    );
}

/** used and unused are certain; unknown: not watched for long enough. */
function verdictOf(
  { members }: Family,
  uses: readonly ReadonlyMap<string, IndexUse>[],
  stats: ReadonlyMap<string, IndexStats>,
  from: Date,
): { verdict: "used" | "unused" | "unknown"; watched_since: Date } {
  let watched_since = new Date(0);
  for (const [place, use] of uses.entries()) {
    for (const member of members) {
      const key = keyOf(member.schema, member.name);
      const seen = use.get(key);
      if (seen?.used) return { verdict: "used", watched_since };
      const last = place === 0 ? Date.parse(stats.get(key)?.last_idx_scan ?? "") : Number.NaN;
      if (last > from.getTime()) return { verdict: "used", watched_since };
      // The server itself remembers a scan, and that it was the last.
      const since = last <= from.getTime() ? new Date(last) : seen?.watched_since;
      if (since === undefined) return { verdict: "unknown", watched_since: new Date() };
      if (since > watched_since) watched_since = since;
    }
  }
  return { verdict: watched_since <= from ? "unused" : "unknown", watched_since };
}

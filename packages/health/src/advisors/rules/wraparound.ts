import type { TableStats } from "@quern/contract/agent/relations";
import type { Severity } from "@quern/contract/health/findings";
import { sql } from "kysely";
import { documentOf, numberOf, serverOf, settingsOf } from "../facts.ts";
import { fact, fixBy, found, judged, notEnough } from "../finding.ts";
import { qualified } from "../names.ts";
import type { Found, Rule, Subject } from "../rule.ts";

const ALL = 2 ** 31;
/** By default of xids and of multixacts; before 14 there is no such setting, and the age is as grave. */
const FAILSAFE = 1_600_000_000;
const DAYS = 3;
const SHOWN = 20;

export const rule: Rule = {
  id: "wraparound",
  title: "Transaction ids are running out",
  category: "horizon",
  explanation:
    "PostgreSQL has two thousand million transaction ids in front of a row. Old rows have to be frozen by vacuum before they run out; when they do, the server takes no more writes.",
  source:
    "Of autovacuum_freeze_max_age: info from 100 % (a forced vacuum is normal), warning from 110 %, critical from 125 % (pgMonitor); of all ids warning from 50 %, critical from 80 % (pganalyze), at vacuum_failsafe_age, or less than 3 days before it (own).",
  weight: { info: 3, warning: 25, critical: 80 },
  caps: true,
  of: "database",
  every_s: 300,
  needs: ["server"],
  engines: ["postgres"],
  async judge(subject) {
    const { body } = (await serverOf(subject))!;
    const own = body.databases.find(({ name }) => name === subject.database_name);
    if (own === undefined)
      return notEnough("What the agent sends of the server does not name this database.");
    const settings = await settingsOf(subject);
    const xid: Limits = {
      freeze_max: numberOf(settings, "autovacuum_freeze_max_age", 200_000_000),
      failsafe: numberOf(settings, "vacuum_failsafe_age", FAILSAFE),
    };
    const mxid: Limits = {
      freeze_max: numberOf(settings, "autovacuum_multixact_freeze_max_age", 400_000_000),
      failsafe: numberOf(settings, "vacuum_multixact_failsafe_age", FAILSAFE),
    };
    const rate = await idsPerDay(subject);
    const tables = (await documentOf(subject, "tables"))?.body ?? [];
    return judged([
      ...ofDatabase("xid", Number(own.frozen_xid_age), xid, rate, tables),
      ...ofDatabase("mxid", Number(own.min_mxid_age), mxid, null, tables),
      ...ofTables(tables, { xid, mxid }),
    ]);
  },
};

/** Transactions a day, from how the age grew over the last day wherever it grew. Null before two hours were seen. */
async function idsPerDay({ db, database_id, now }: Subject): Promise<number | null> {
  const { rows } = await sql<{ grown: number; days: number }>`
    with ages as (
      select at, (values ->> 'frozen_xid_age')::float8 as age,
        lag((values ->> 'frozen_xid_age')::float8) over (order by at) as before
      from health_metric_points
      where subject_id = ${database_id} and at > ${now}::timestamptz - interval '1 day' and at <= ${now}
        and values ? 'frozen_xid_age'
    )
    select coalesce(sum(greatest(age - before, 0)), 0)::float8 as grown,
      coalesce(extract(epoch from max(at) - min(at)) / 86400, 0)::float8 as days
    from ages`.execute(db);
  const { grown, days } = rows[0]!;
  return days < 2 / 24 ? null : grown / days;
}

export function ageSeverity(
  age: number,
  freeze_max: number,
  failsafe: number,
): { severity: Severity; threshold: number } | undefined {
  const critical = Math.min(freeze_max * 1.25, ALL * 0.8, failsafe);
  const warning = Math.min(freeze_max * 1.1, ALL * 0.5);
  if (age >= critical) return { severity: "critical", threshold: critical };
  if (age >= warning) return { severity: "warning", threshold: warning };
  return age > freeze_max ? { severity: "info", threshold: freeze_max } : undefined;
}

type Kind = "xid" | "mxid";
type Limits = { freeze_max: number; failsafe: number };

function ofDatabase(
  kind: Kind,
  age: number,
  { freeze_max, failsafe }: Limits,
  per_day: number | null,
  tables: readonly TableStats[],
): Found[] {
  const days = per_day !== null && per_day > 0 ? Math.max(0, failsafe - age) / per_day : null;
  const soon = days !== null && days < DAYS;
  const judgedAge = ageSeverity(age, freeze_max, failsafe);
  if (judgedAge === undefined && !soon) return [];
  const severity = soon ? "critical" : judgedAge!.severity;
  const oldest = [...tables]
    .map((table) => ({ table, age: ageOf(table, kind) }))
    .sort((left, right) => right.age - left.age)[0];
  const evidence = [
    fact(kind === "xid" ? "age" : "multixact_age", age, "xids", judgedAge?.threshold ?? failsafe),
    fact("freeze_max_age", freeze_max, "xids"),
    fact("share_of_all", age / ALL, "ratio", 0.5),
    ...(per_day === null ? [] : [fact("ids_per_day", Math.round(per_day), "xids")]),
    ...(days === null ? [] : [fact("days_to_failsafe", Math.floor(days), "count", DAYS)]),
  ];
  const name = oldest && qualified({ schema: oldest.table.schema, name: oldest.table.table });
  const words =
    "Freeze the oldest tables first, and look for what holds the horizon: behind it nothing can be frozen.";
  const fix = fixBy(
    name ? `vacuum (freeze, verbose) ${name};` : "vacuum (freeze, verbose);",
    words,
  );
  return [found(kind === "xid" ? "" : "multixacts", severity, evidence, { fix })];
}

function ageOf(table: TableStats, kind: Kind): number {
  return kind === "xid"
    ? Math.max(Number(table.frozen_xid_age ?? 0), Number(table.toast?.frozen_xid_age ?? 0))
    : Number(table.min_mxid_age ?? 0);
}

const AGE_KEYS: Record<Kind, string> = { xid: "age", mxid: "multixact_age" };
const OPTIONS: Record<Kind, string> = {
  xid: "autovacuum_freeze_max_age",
  mxid: "autovacuum_multixact_freeze_max_age",
};

type Old = { kind: Kind; age: number; limit: number; severity: Severity; threshold: number };

/** Tables past their own limit, which a storage parameter may lower: the oldest, from warning on. */
function ofTables(tables: readonly TableStats[], limits: Record<Kind, Limits>): Found[] {
  return tables
    .flatMap((table) => {
      const old = (["xid", "mxid"] as const).flatMap((kind) => oldOf(table, kind, limits[kind]));
      const [worst] = old.sort((left, right) => shareOf(right) - shareOf(left));
      return worst === undefined ? [] : [{ table, ...worst }];
    })
    .sort((left, right) => shareOf(right) - shareOf(left))
    .slice(0, SHOWN)
    .map(({ table, kind, age, limit, severity, threshold }) => {
      const object = qualified({ schema: table.schema, name: table.table });
      const evidence = [
        fact(AGE_KEYS[kind], age, "xids", threshold),
        fact("freeze_max_age", limit, "xids"),
        fact("last_autovacuum", table.last_autovacuum, "time"),
      ];
      const sql = `vacuum (freeze, verbose) ${object};`;
      const words = "Vacuum it by hand, without a cost limit: it goes faster than autovacuum.";
      return found(object, severity, evidence, { fix: fixBy(sql, words) });
    });
}

/** How far it is beyond its limit. */
const shareOf = ({ age, limit }: Pick<Old, "age" | "limit">) => age / limit;

function oldOf(table: TableStats, kind: Kind, { freeze_max, failsafe }: Limits): Old[] {
  const option = Number(table.options?.[OPTIONS[kind]] ?? Number.NaN);
  const limit = Number.isFinite(option) ? Math.min(option, freeze_max) : freeze_max;
  const age = ageOf(table, kind);
  const judgedAge = ageSeverity(age, limit, failsafe);
  if (judgedAge === undefined || judgedAge.severity === "info") return [];
  return [{ kind, age, limit, ...judgedAge }];
}

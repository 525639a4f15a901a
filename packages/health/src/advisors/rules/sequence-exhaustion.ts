import type { SequenceStats } from "@quern/contract/agent/relations";
import type { Severity } from "@quern/contract/health/findings";
import { sql } from "kysely";
import { documentOf, hintOf } from "../facts.ts";
import { keyOf } from "../facts-relations.ts";
import { fact, fixBy, found, judged } from "../finding.ts";
import { qualified, quoted } from "../names.ts";
import type { Fix, Rule, Subject } from "../rule.ts";

const WARNING = 0.8;
const CRITICAL = 0.95;
const DAYS_LEFT = 30;
/** The rate is taken over at most so many days. */
const RATE_DAYS = 14;

export const rule: Rule = {
  id: "sequence-exhaustion",
  title: "Sequence that is running out of numbers",
  category: "horizon",
  explanation:
    "At its last number inserts fail. The end is that of the sequence or of the column it fills, whichever comes first: a bigint sequence on an integer column ends at 2,147,483,647.",
  source:
    "Used from 80 % warning, from 95 % critical (check_postgres, Dasha); fewer than 30 days left at the rate so far critical (own).",
  weight: { info: 2, warning: 20, critical: 70 },
  caps: true,
  of: "database",
  every_s: 900,
  needs: ["sequences"],
  engines: ["postgres"],
  async judge(subject) {
    const document = (await documentOf(subject, "sequences"))!;
    const finite = document.body.filter(({ cycles }) => !cycles);
    if (finite.length > 0 && finite.every(({ readable }) => !readable)) {
      const reason = "The agent's role may not read where sequences are.";
      const hint =
        (await hintOf(subject, "sequences")) ??
        "Create the helper functions: quern-agent --print-helper-sql";
      return { state: "no_permission", reason, hint };
    }
    const before = await sequencesBefore(subject, document.at);
    return judged(
      finite.flatMap((sequence) => {
        const use = sequenceUse(sequence);
        if (use === undefined) return [];
        const days = daysLeft(sequence, use.left, before, document.at);
        const severity = severityOf(use.share, days);
        if (severity === undefined) return [];
        const columns = sequence.columns
          .map(
            ({ schema, table, column }) =>
              `${qualified({ schema, name: table })}.${quoted(column)}`,
          )
          .join(", ");
        const evidence = [
          fact("used", use.share, "ratio", severity === "critical" ? CRITICAL : WARNING),
          fact("last_value", String(sequence.last_value), "text"),
          fact("ends_at", String(use.end), "text"),
          fact("numbers_left", Number(use.left), "count"),
          ...(columns === "" ? [] : [fact("columns", columns, "text")]),
          ...(days === null ? [] : [fact("days_left", Math.floor(days), "count", DAYS_LEFT)]),
        ];
        const object = qualified({ schema: sequence.schema, name: sequence.sequence });
        return [found(object, severity, evidence, { fix: fixOf(sequence, object) })];
      }),
    );
  },
};

function severityOf(share: number, days: number | null): Severity | undefined {
  if (share >= CRITICAL || (days !== null && days < DAYS_LEFT)) return "critical";
  return share >= WARNING ? "warning" : undefined;
}

type Use = { share: number; end: bigint; left: bigint };

/** How much of what it can give is given. Descending ones are mirrored; undefined for one that was never used or may not be read. */
export function sequenceUse(sequence: SequenceStats): Use | undefined {
  if (!sequence.readable || sequence.last_value === null) return undefined;
  const [least, most] = [BigInt(sequence.min_value), BigInt(sequence.max_value)];
  const last = BigInt(sequence.last_value);
  const step = BigInt(sequence.increment);
  const size = step < 0n ? -step : step;
  if (step < 0n) {
    const ends = sequence.columns.flatMap(({ max_value }) =>
      max_value === null ? [] : [-BigInt(max_value) - 1n],
    );
    const end = ascending([least, ...ends]).at(-1)!;
    return { share: shareOf(most - last, most - end), end, left: (last - end) / size };
  }
  const ends = sequence.columns.flatMap(({ max_value }) =>
    max_value === null ? [] : [BigInt(max_value)],
  );
  const end = ascending([most, ...ends])[0]!;
  return { share: shareOf(last - least, end - least), end, left: (end - last) / size };
}

function ascending(values: readonly bigint[]): bigint[] {
  return [...values].sort((left, right) => (left < right ? -1 : 1));
}

/** To a ten thousandth, which is exact for numbers of any size. */
function shareOf(part: bigint, whole: bigint): number {
  return whole <= 0n ? 1 : Number((part * 10_000n) / whole) / 10_000;
}

type Before = { at: Date; values: ReadonlyMap<string, bigint> };

/** The sequences as they were on the oldest of the last days, at least one day ago. */
async function sequencesBefore(subject: Subject, at: Date): Promise<Before | undefined> {
  const { rows } = await sql<{ at: Date; body: SequenceStats[] }>`
    select at, body from health_documents
    where database_id = ${subject.database_id} and section = 'sequences'
      and at < ${at}::timestamptz - interval '20 hours'
      and at > ${at}::timestamptz - make_interval(days => ${RATE_DAYS})
    order by day limit 1`.execute(subject.db);
  const [row] = rows;
  if (row === undefined) return undefined;
  const values = row.body.flatMap(({ schema, sequence, last_value }) =>
    last_value === null ? [] : [[keyOf(schema, sequence), BigInt(last_value)] as const],
  );
  return { at: row.at, values: new Map(values) };
}

function daysLeft(
  { schema, sequence, last_value, increment }: SequenceStats,
  left: bigint,
  before: Before | undefined,
  at: Date,
): number | null {
  const old = before?.values.get(keyOf(schema, sequence));
  if (before === undefined || old === undefined || last_value === null) return null;
  const given = Number(BigInt(last_value) - old) / Number(increment);
  const days = (at.getTime() - before.at.getTime()) / 86_400_000;
  return given > 0 ? Number(left) / (given / days) : null;
}

function fixOf({ columns, data_type }: SequenceStats, object: string): Fix {
  const narrow = columns.filter(({ data_type: type }) => type !== "bigint");
  const statements = [
    ...narrow.map(
      ({ schema, table, column }) =>
        `alter table ${qualified({ schema, name: table })} alter column ${quoted(column)} type bigint;`,
    ),
    ...(data_type === "bigint" ? [] : [`alter sequence ${object} as bigint;`]),
  ];
  if (statements.length > 0)
    return fixBy(
      statements.join("\n"),
      "Changing the column rewrites the table under a lock, and columns that refer to it need the same. On a large table add a bigint column, fill it in batches and swap. To win time: let the sequence go on below zero.",
      true,
    );
  return fixBy(
    `alter sequence ${object} no minvalue no maxvalue;`,
    "It ends where it was told to: let it go on to the end of its type, if the application can take that.",
  );
}

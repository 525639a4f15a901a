/** Statistics of the columns of a stored result. */
import type { Cell, Column } from "@quern/contract/results";
import { formatDate, formatFloat, formatTimestamp } from "../read/format.ts";
import { streamStored } from "../read/rows.ts";
import { decimalMean, decimalSum, type Sum } from "./decimals.ts";
import { openFileSource } from "./file-source.ts";
import { keyOf, type StoredColumn, scaleOf, textOf } from "./order-keys.ts";
import type { Relation, StagedResult } from "./source.ts";
import type { WorkDatabase } from "./work-database.ts";

const column = (name: string, type: Column["type"], source_type: string): Column => ({
  name,
  type,
  source_type,
});

export const STATISTICS_COLUMNS: Column[] = [
  column("column", "int4", "integer"),
  column("name", "text", "text"),
  column("nulls", "int8", "bigint"),
  column("distinct", "int8", "bigint"),
  column("min", "text", "text"),
  column("max", "text", "text"),
  column("mean", "text", "text"),
  column("sum", "text", "text"),
  column("true_count", "int8", "bigint"),
  column("top", "json", "json"),
  column("histogram", "json", "json"),
  column("distinct_is_exact", "bool", "boolean"),
];

/** In results of more rows, columns that seem to have more values than `MANY_VALUES` are estimated. */
const MANY_ROWS = 1_000_000;
const MANY_VALUES = 100_000;
const TOP = 10;
const BUCKETS = 20;
/** Long texts are shown by their beginning, with `…`. */
const SHOWN_CHARACTERS = 1_000;

type Basic = {
  nulls: string;
  least: string | null;
  greatest: string | null;
  sum: string | null;
  mean: string | null;
  trues: string | null;
};

/** One row of STATISTICS_COLUMNS for a column. */
export async function describeColumn(
  database: WorkDatabase,
  source: StagedResult,
  relation: Relation,
  stored: StoredColumn,
): Promise<Cell[]> {
  const key = keyOf(stored);
  const [basic] = await database.ask<Basic>(basicSql(relation, stored, key));
  if (basic === undefined) throw new Error("an aggregate gave no row");
  const nulls = Number(basic.nulls);
  const count = source.rows - nulls;
  const sums = await sumsOf(source, stored, basic, count);
  const values = await valuesOf(database, source, relation, stored, key);
  return [
    stored.index,
    stored.column.name,
    String(nulls),
    String(values.distinct),
    count === 0 ? null : shown(stored, basic.least),
    count === 0 ? null : shown(stored, basic.greatest),
    sums.mean,
    sums.sum,
    basic.trues,
    values.top === null ? null : JSON.stringify(values.top),
    await histogramOf(database, relation, stored),
    values.exact,
  ];
}

function basicSql(relation: Relation, stored: StoredColumn, key: string): string {
  const cell = `c${stored.index}`;
  const text = textOf(stored);
  const byKey = key !== cell;
  const least = byKey ? `arg_min(${text}, ${key})` : `min(${cell})::varchar`;
  const greatest = byKey ? `arg_max(${text}, ${key})` : `max(${cell})::varchar`;
  const [sum, mean] = {
    int: [`sum(${cell}::hugeint)::varchar`, "null"],
    float: [`fsum(${cell}::double)::varchar`, `favg(${cell}::double)::varchar`],
    number: [stored.kind.kind === "decimal" ? `sum(${cell})::varchar` : "null", "null"],
  }[stored.order as "int" | "float" | "number"] ?? ["null", "null"];
  const trues = stored.order === "bool" ? `count_if(${cell})::varchar` : "null";
  return `select (count(*) - count(${key}))::varchar as nulls, left(${least}, ${SHOWN_CHARACTERS + 1}) as least,
    left(${greatest}, ${SHOWN_CHARACTERS + 1}) as greatest, ${sum} as sum, ${mean} as mean, ${trues} as trues from ${relation.sql}`;
}

/** Sum and mean as text: exact for integers and decimals. */
async function sumsOf(
  source: StagedResult,
  stored: StoredColumn,
  basic: Basic,
  count: number,
): Promise<{ sum: string | null; mean: string | null }> {
  if (count === 0) return { sum: null, mean: null };
  switch (stored.order) {
    case "int":
      return { sum: basic.sum, mean: decimalMean(basic.sum ?? "0", count) };
    case "float":
      return { sum: floatText(basic.sum), mean: floatText(basic.mean) };
    case "number": {
      const isText = stored.kind.kind === "text";
      const sum = isText
        ? await sumOfTexts(source, stored)
        : await withSpecials(source, stored, basic.sum);
      return { sum, mean: decimalMean(sum, count) };
    }
    default:
      return { sum: null, mean: null };
  }
}

/** DuckDB's decimals have 38 digits at most; these have any number. */
async function sumOfTexts(source: StagedResult, stored: StoredColumn): Promise<string> {
  const sum: Sum = decimalSum();
  for await (const text of textsOf(source, stored.index, (row, place) => row[place])) sum.add(text);
  return sum.text();
}

async function withSpecials(
  source: StagedResult,
  stored: StoredColumn,
  plain: string | null,
): Promise<string> {
  const sum = decimalSum();
  if (plain !== null) sum.add(plain);
  if (stored.side) {
    for await (const text of textsOf(source, stored.index, (row, _, side) => row[side]))
      sum.add(text);
  }
  return sum.text(scaleOf(stored));
}

async function* textsOf(
  source: StagedResult,
  index: number,
  pick: (row: unknown[], place: number, side: number) => unknown,
): AsyncGenerator<string> {
  const paths = new Map(source.parts.map(({ part, path }) => [part, path]));
  const open = ({ part }: { part: number }) => openFileSource(paths.get(part) ?? "");
  for await (const { rows, escapes } of streamStored(source, open)) {
    const side = source.columns.length + escapes.indexOf(index);
    for (const row of rows) {
      const text = pick(row, index, side);
      if (typeof text === "string") yield text;
    }
  }
}

type Values = {
  distinct: number;
  exact: boolean;
  top: { value: string | null; count: number }[] | null;
};

async function valuesOf(
  database: WorkDatabase,
  source: StagedResult,
  relation: Relation,
  stored: StoredColumn,
  key: string,
): Promise<Values> {
  if (source.rows > MANY_ROWS) {
    const [estimate] = await database.ask<{ n: string }>(
      `select approx_count_distinct(${key})::varchar as n from ${relation.sql}`,
    );
    const distinct = Number(estimate?.n ?? 0);
    if (distinct > MANY_VALUES) return { distinct, exact: false, top: null };
  }
  await database.run(
    `create or replace temp table counted as
       select ${key} as k, any_value(${textOf(stored)}) as t, count(*) as n from ${relation.sql} where ${key} is not null group by 1`,
  );
  const [counted] = await database.ask<{ n: string }>("select count(*)::varchar as n from counted");
  const top = await database.ask<{ value: string | null; count: number }>(
    `select left(t, ${SHOWN_CHARACTERS + 1}) as value, n as count from counted order by n desc, k limit ${TOP}`,
  );
  await database.run("drop table counted");
  return {
    distinct: Number(counted?.n ?? 0),
    exact: true,
    top: top.map(({ value, count }) => ({ value: shown(stored, value), count })),
  };
}

/** `[{from, to, count}]`: parts of equal width between the least and the greatest finite value; null for texts. */
async function histogramOf(
  database: WorkDatabase,
  relation: Relation,
  stored: StoredColumn,
): Promise<string | null> {
  const value = magnitudeOf(stored);
  if (value === null) return null;
  const buckets = await database.ask<{ low: number; high: number; bucket: number; count: number }>(`
    with magnitudes as (select ${value} as v from ${relation.sql}),
      finite as (select v from magnitudes where v is not null and isfinite(v)),
      ends as (select min(v) as low, max(v) as high from finite)
    select low, high, case when high > low then least(${BUCKETS - 1}, floor((v - low) / (high - low) * ${BUCKETS}))::integer else 0 end as bucket,
      count(*) as count
    from finite, ends where isfinite(high - low) group by low, high, bucket order by bucket`);
  const first = buckets[0];
  if (first === undefined) return null;
  const { low, high } = first;
  const number = high > low ? BUCKETS : 1;
  const edge = (index: number) =>
    magnitudeText(stored, index === number ? high : low + ((high - low) * index) / number);
  const counts = new Map(buckets.map(({ bucket, count }) => [bucket, count]));
  return JSON.stringify(
    Array.from({ length: number }, (_, index) => ({
      from: edge(index),
      to: edge(index + 1),
      count: counts.get(index) ?? 0,
    })),
  );
}

/** SQL of a cell as a double; what has none (infinity) is NULL. */
function magnitudeOf(stored: StoredColumn): string | null {
  const cell = `c${stored.index}`;
  switch (stored.order) {
    case "int":
    case "float":
      return `${cell}::double`;
    case "number":
      return `try_cast(${cell} as double)`;
    case "date":
      return `(${cell} - date '1970-01-01')::double`;
    case "timestamp":
      return `case when not isinf(${cell}) then epoch_us(${cell})::double end`;
    default:
      return null;
  }
}

function magnitudeText({ order, column }: StoredColumn, value: number): string {
  if (order === "date") return formatDate(Math.floor(value));
  if (order === "timestamp")
    return formatTimestamp(BigInt(Math.floor(value)), column.type === "timestamptz" ? "+00" : "");
  return String(value);
}

function shown(stored: StoredColumn, text: string | null): string | null {
  if (text === null) return null;
  if (stored.order === "float")
    return stored.kind.kind === "float8" ? floatText(text) : floatWord(text);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}

function floatText(text: string | null): string | null {
  return text === null ? null : (floatWord(text) ?? text);
}

/** DuckDB's text of a float as the API writes it. */
function floatWord(text: string): string {
  const word = { nan: "NaN", inf: "Infinity", "-inf": "-Infinity" }[text.toLowerCase()];
  return word ?? String(formatFloat(Number(text)));
}

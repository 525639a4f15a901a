/** A sample of rows: which tables it is of, the statements that read them, and the script that puts them into the sandbox. */
import type { SchemaSnapshot, SchemaTable } from "@quern/contract/agent/schema";
import type { SampledTable, TrialGap } from "@quern/contract/health/trials";
import { literal } from "@quern/contract/postgres-literal";
import type { Cell } from "@quern/contract/results";
import { qualified, quoted } from "../advisors/names.ts";
import { gap, type Item, several } from "./ddl.ts";
import { jsonLiteral } from "./json-literal.ts";
import type { StatisticsItem } from "./statistics.ts";

/** One table of a sample. `of` is about how many rows it has; null where that is not known. */
export type SampleTable = {
  table: string;
  schema: string;
  name: string;
  columns: string[];
  sql: string;
  of: number | null;
};

/** As it is kept beside the job: the run of each table, and what became of it. */
export type KeptSample = { rows: number; tables: SampledTable[]; taken: boolean };

const MOST_TABLES = 8;

/** Tables whose rows are to be copied: of partitions the whole table. `touched` are in the order of their weight. */
export function sampleTables(
  touched: readonly SchemaTable[],
  { tables }: SchemaSnapshot,
  sizes: readonly StatisticsItem[],
  rows: number,
): { sampled: SampleTable[]; gaps: TrialGap[] } {
  const byName = new Map(tables.map((table) => [`${table.schema}.${table.name}`, table]));
  const roots = new Set(touched.map((table) => rootOf(table, byName)));
  const all = [...roots].filter(({ kind = "r" }) => kind !== "v" && kind !== "f");
  const of = sizesOf(sizes, byName);
  const sampled = all.slice(0, MOST_TABLES).flatMap((table) => {
    const columns = table.columns
      .filter(({ generated = "" }) => generated === "")
      .map(({ name }) => name);
    if (columns.length === 0) return [];
    const size = of.get(table);
    const { schema, name } = table;
    return [
      {
        ...{ table: qualified(table), schema, name, columns },
        sql: sampleSql(table, columns, size, rows),
        of: size === undefined || size.t <= 0 ? null : size.t,
      },
    ];
  });
  return { sampled, gaps: several("table", Math.max(0, all.length - MOST_TABLES), "sampled") };
}

type Size = { p: number; t: number };

/** Partitions count for the whole table, which has no rows of its own. */
function sizesOf(
  sizes: readonly StatisticsItem[],
  byName: ReadonlyMap<string, SchemaTable>,
): Map<SchemaTable, Size> {
  const found = new Map<SchemaTable, Size>();
  for (const { s, n, p, t } of sizes) {
    const table = byName.get(`${s}.${n}`);
    if (table === undefined || table.kind === "p") continue;
    const root = rootOf(table, byName);
    const before = found.get(root) ?? { p: 0, t: 0 };
    found.set(root, { p: before.p + p, t: before.t + t });
  }
  return found;
}

function rootOf(table: SchemaTable, byName: ReadonlyMap<string, SchemaTable>): SchemaTable {
  let at = table;
  for (let depth = 0; depth < 20; depth += 1) {
    const parent = byName.get(at.parent ?? "");
    if (parent?.kind !== "p") return at;
    at = parent;
  }
  return at;
}

/** Fewer pages give rows that stand beside each other, or none. */
const FEWEST_PAGES = 20;

/**
 * Rows of pages taken at random, in the text that PostgreSQL itself reads again. Of a small table rows are taken at
 * random, and all of one that has no more than `rows`, or whose size is not known.
 */
function sampleSql(
  table: SchemaTable,
  columns: readonly string[],
  size: Size | undefined,
  rows: number,
): string {
  const texts = columns.map((column) => `${quoted(column)}::text`).join(", ");
  const only = table.kind === "p" || table.kind === "m" ? "" : "only ";
  return [
    "-- A sample of rows, to try the fix of a finding on a sandbox.",
    `select ${texts}`,
    `from ${only}${qualified(table)}${sampling(size, rows)} limit ${rows}`,
  ].join("\n");
}

function sampling(size: Size | undefined, rows: number): string {
  if (size === undefined || size.t <= rows) return "";
  const percent = (share: number) => Number((Math.min(share, 1) * 100).toPrecision(4));
  const pages = Math.max((1.3 * rows) / size.t, size.p > 0 ? FEWEST_PAGES / size.p : 1);
  return pages < 0.5
    ? ` tablesample system (${percent(pages)})`
    : ` tablesample bernoulli (${percent((1.1 * rows) / size.t)})`;
}

const fileOf = (place: number) => `rows/${place + 1}.tsv`;

/** The copied rows as files of the trial, in COPY's text format. `rows` of a table that could not be read are empty. */
export function rowFiles(all: readonly (readonly Cell[][])[]): Record<string, { content: string }> {
  return Object.fromEntries(
    all.map((rows, place) => [fileOf(place), { content: rows.map(lineOf).join("") }]),
  );
}

const ESCAPED: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\t": "\\t",
  "\n": "\\n",
  "\r": "\\r",
};

function lineOf(row: readonly Cell[]): string {
  const cells = row.map((cell) =>
    cell === null ? "\\N" : String(cell).replace(/[\\\t\n\r]/g, (each) => ESCAPED[each] ?? each),
  );
  return `${cells.join("\t")}\n`;
}

/** Loads the rows by way of tables of texts, so that one that does not fit costs its table and not the trial. */
export function fillScript(sampled: readonly SampleTable[]): string {
  return sampled
    .flatMap(({ schema, name, columns }, place) => [
      `create unlogged table quern_trial.rows_${place + 1} (${columns.map((_, at) => `c${at + 1} text`).join(", ")});`,
      `\\copy quern_trial.rows_${place + 1} from ${literal(fileOf(place))}`,
      `call quern_trial.fill(${jsonLiteral({ s: schema, n: name, from: `rows_${place + 1}`, columns })});`,
      `drop table quern_trial.rows_${place + 1};`,
    ])
    .map((line) => `${line}\n`)
    .join("");
}

/**
 * Foreign keys apart from what is made before the rows are there: what they refer to may not be in the sample, so they are made
 * without a look at the rows.
 */
export function withoutForeignKeys(items: readonly Item[]): {
  items: Item[];
  keys: Item[];
  gaps: TrialGap[];
} {
  const isKey = (each: Item) =>
    each.kind === "constraint" && "sql" in each && /\bforeign key\b/i.test(each.sql);
  const keys = items.filter(isKey).map((each) => {
    if (!("sql" in each) || /\bnot valid\s*$/i.test(each.sql)) return each;
    return { ...each, sql: `${each.sql} not valid` };
  });
  return {
    items: items.filter((each) => !isKey(each)),
    keys,
    gaps: keys.map(({ object }) =>
      gap("constraint", object, "sampled", { how: "replaced", detail: "not valid" }),
    ),
  };
}

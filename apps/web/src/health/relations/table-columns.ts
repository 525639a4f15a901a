/** The columns of the tables tab. */
import type { DatabaseType } from "@quern/contract/agent/payload";
import type { TableTotals } from "@quern/contract/health/relations";
import { t } from "../../i18n/language.ts";
import { formatCount, formatEstimate } from "../../words/count.ts";
import { exactInstant, formatAge } from "../../words/instants.ts";
import { exactValue, formatValue } from "../values.ts";
import type { LongColumn } from "./long-table.ts";
import { pressureWords } from "./relation-words.ts";

type Column = LongColumn<TableTotals>;
const count = (value: number | null) => (value === null ? "–" : formatEstimate(value));
const exact = (value: number | null) => (value === null ? t("not known") : formatCount(value));
const bytes = (value: number | null) => formatValue(value, "bytes");
const writesOf = ({ n_tup_ins, n_tup_upd, n_tup_del }: TableTotals) =>
  n_tup_ins === null && n_tup_upd === null && n_tup_del === null
    ? null
    : (n_tup_ins ?? 0) + (n_tup_upd ?? 0) + (n_tup_del ?? 0);
/** The newer of the two. */
const lastVacuumOf = ({ last_vacuum, last_autovacuum }: TableTotals): string | null =>
  [last_vacuum, last_autovacuum]
    .filter((at) => at !== null)
    .sort()
    .at(-1) ?? null;

const COLUMNS: Column[] = [
  {
    ...{ name: "table", label: t("Table"), order: "name", ascending: true },
    words: ({ schema, name }) => `${schema}.${name}`,
    hover: ({ schema, name }) => `${schema}.${name}`,
  },
  {
    ...{ name: "size", label: t("Size"), order: "size", right: true, look: "w-24 @max-md:w-20" },
    title: t("With its indexes and TOAST"),
    words: ({ size_bytes }) => bytes(size_bytes),
    hover: (row) =>
      [
        exactValue(row.size_bytes, "bytes"),
        t("{size} of rows", { size: bytes(row.heap_bytes) }),
        ...(row.toast_bytes === null
          ? []
          : [t("{size} of TOAST", { size: bytes(row.toast_bytes) })]),
        t("{size} of indexes", { size: bytes(row.index_bytes) }),
      ].join("\n"),
  },
  {
    ...{ name: "growth", label: t("Growth"), order: "growth", right: true },
    ...{ look: "w-24 @max-2xl:hidden", title: t("Of its size over the range") },
    words: ({ growth_bytes }) =>
      growth_bytes !== null && growth_bytes > 0 ? `+${bytes(growth_bytes)}` : bytes(growth_bytes),
    hover: ({ growth_bytes }) => exactValue(growth_bytes, "bytes"),
  },
  {
    ...{ name: "rows", label: t("Rows"), right: true, look: "w-20 @max-xl:hidden" },
    title: t("As the planner estimates them"),
    words: ({ rows_estimate }) => count(rows_estimate),
    hover: ({ rows_estimate }) => exact(rows_estimate),
  },
  {
    ...{ name: "dead", label: t("Dead rows"), order: "dead", right: true },
    look: "w-28 @max-3xl:hidden",
    words: ({ n_dead_tup, dead_ratio }) =>
      dead_ratio === null
        ? count(n_dead_tup)
        : t("{count}, {share}", {
            count: count(n_dead_tup),
            share: formatValue(dead_ratio, "ratio"),
          }),
    hover: ({ n_dead_tup, n_live_tup }) =>
      t("{dead} dead, {live} live", { dead: exact(n_dead_tup), live: exact(n_live_tup) }),
  },
  {
    ...{ name: "pressure", label: t("Pressure"), order: "pressure", right: true },
    look: "w-26 @max-md:w-20",
    title: t("Dead rows by the number at which autovacuum comes: from 1 on it is due."),
    words: ({ vacuum_pressure }) => pressureWords(vacuum_pressure),
    hover: ({ vacuum_pressure }) => exactValue(vacuum_pressure, "count"),
  },
  {
    ...{ name: "vacuumed", label: t("Vacuumed"), right: true, look: "w-24 @max-4xl:hidden" },
    title: t("When it was last vacuumed, by hand or by autovacuum"),
    words: (row) => {
      const at = lastVacuumOf(row);
      return at === null ? t("never") : formatAge(at);
    },
    hover: (row) => {
      const at = lastVacuumOf(row);
      return at === null ? t("Not since statistics were last reset") : exactInstant(at);
    },
  },
  {
    ...{ name: "seq_scan", label: t("Seq. scans"), order: "seq_scan", right: true },
    look: "w-26 @max-4xl:hidden",
    title: t("Scans of the whole table in the range; first what read the most rows"),
    words: ({ seq_scan }) => count(seq_scan),
    hover: ({ seq_scan, seq_tup_read }) =>
      [
        seq_scan === null ? t("not known") : t("{n} scan | {n} scans", { n: seq_scan }),
        ...(seq_tup_read === null ? [] : [t("{n} row read | {n} rows read", { n: seq_tup_read })]),
      ].join(", "),
  },
  {
    ...{ name: "idx_scan", label: t("Index scans"), right: true, look: "w-24 @max-5xl:hidden" },
    words: ({ idx_scan }) => count(idx_scan),
    hover: ({ idx_scan }) => exact(idx_scan),
  },
  {
    ...{ name: "writes", label: t("Writes"), order: "writes", right: true },
    ...{
      look: "w-20 @max-4xl:hidden",
      title: t("Rows inserted, updated and deleted in the range"),
    },
    words: (row) => count(writesOf(row)),
    hover: (row) =>
      t("{inserted} inserted, {updated} updated, {deleted} deleted", {
        ...{ inserted: exact(row.n_tup_ins), updated: exact(row.n_tup_upd) },
        deleted: exact(row.n_tup_del),
      }),
  },
  {
    ...{ name: "bloat", label: t("Bloat"), order: "bloat", right: true },
    ...{ look: "w-22 @max-5xl:hidden", title: t("Space that holds nothing, as estimated") },
    words: ({ bloat_bytes }) => bytes(bloat_bytes),
    hover: ({ bloat_bytes }) =>
      bloat_bytes === null
        ? t("The agent may not estimate it, or has not yet")
        : exactValue(bloat_bytes, "bytes"),
  },
  {
    ...{ name: "freeze_age", label: t("Freeze age"), order: "freeze_age", right: true },
    look: "w-24 @max-5xl:hidden",
    title: t("Transactions since the oldest row was last frozen"),
    words: ({ frozen_xid_age }) => count(frozen_xid_age),
    hover: ({ frozen_xid_age }) => exact(frozen_xid_age),
  },
];

/** What comes of keeping old rows in the table, and scans: other engines do not do the one, nor count the other. */
const OF_POSTGRES = new Set([
  ...["dead", "pressure", "vacuumed", "seq_scan", "idx_scan", "bloat", "freeze_age"],
]);

export function tableColumns(type: DatabaseType): Column[] {
  return type === "postgres" ? COLUMNS : COLUMNS.filter(({ name }) => !OF_POSTGRES.has(name));
}

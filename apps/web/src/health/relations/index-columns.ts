/** The columns of the indexes tab, and of the indexes of a table. */
import type { DatabaseType } from "@quern/contract/agent/payload";
import type { IndexTotals } from "@quern/contract/health/relations";
import { t } from "../../i18n/language.ts";
import { formatEstimate } from "../../words/count.ts";
import { exactInstant, formatAge } from "../../words/instants.ts";
import { exactValue, formatValue } from "../values.ts";
import type { LongColumn } from "./long-table.ts";
import { definitionTail, keptBecause, shortName } from "./relation-words.ts";

type Column = LongColumn<IndexTotals>;
const bytes = (value: number | null) => formatValue(value, "bytes");
const age = (at: string | null, none: string) => (at === null ? none : formatAge(at));

export const INDEX_COLUMNS: Column[] = [
  {
    ...{ name: "index", label: t("Index"), order: "name", ascending: true },
    words: ({ name }) => name,
    hover: ({ schema, name, definition }) => definition ?? `${schema}.${name}`,
  },
  {
    ...{ name: "table", label: t("Table"), look: "w-40 @max-3xl:hidden" },
    words: ({ schema, table }) => shortName({ schema, name: table }),
    hover: ({ schema, table }) => `${schema}.${table}`,
  },
  {
    ...{ name: "definition", label: t("Keys"), look: "w-56 @max-5xl:hidden" },
    words: definitionTail,
    hover: ({ definition }) => definition ?? undefined,
  },
  {
    ...{ name: "size", label: t("Size"), order: "size", right: true, look: "w-22" },
    words: ({ size_bytes }) => bytes(size_bytes),
    hover: ({ size_bytes }) => exactValue(size_bytes, "bytes"),
  },
  {
    ...{ name: "growth", label: t("Growth"), order: "growth", right: true },
    ...{ look: "w-22 @max-3xl:hidden", title: t("Of its size over the range") },
    words: ({ growth_bytes }) =>
      growth_bytes !== null && growth_bytes > 0 ? `+${bytes(growth_bytes)}` : bytes(growth_bytes),
    hover: ({ growth_bytes }) => exactValue(growth_bytes, "bytes"),
  },
  {
    ...{
      name: "scans",
      label: t("Scans"),
      order: "scans",
      right: true,
      look: "w-20 @max-lg:hidden",
    },
    title: t("In the range"),
    words: ({ idx_scan }) => (idx_scan === null ? "–" : formatEstimate(idx_scan)),
    hover: ({ idx_scan, idx_tup_read }) =>
      idx_scan === null
        ? t("not known")
        : [
            t("{n} scan | {n} scans", { n: idx_scan }),
            ...(idx_tup_read === null
              ? []
              : [t("{n} entry read | {n} entries read", { n: idx_tup_read })]),
          ].join(", "),
  },
  {
    ...{ name: "used", label: t("Last used"), right: true, look: "w-24 @max-xl:hidden" },
    title: t("The server says it from PostgreSQL 16 on"),
    words: ({ last_idx_scan }) => age(last_idx_scan, "–"),
    hover: ({ last_idx_scan }) =>
      last_idx_scan === null ? t("not known") : exactInstant(last_idx_scan),
  },
  {
    ...{ name: "unused", label: t("Unused since"), order: "unused", right: true },
    look: "w-28",
    title: t("Not scanned since then, or since it is watched"),
    words: ({ unused_since }) => age(unused_since, "–"),
    hover: (row) =>
      row.unused_since === null
        ? t("It is in use")
        : [exactInstant(row.unused_since), keptBecause(row)]
            .filter((each) => each !== null)
            .join("\n"),
  },
  {
    ...{ name: "bloat", label: t("Bloat"), order: "bloat", right: true },
    ...{ look: "w-20 @max-4xl:hidden", title: t("Space that holds nothing, as estimated") },
    words: ({ bloat_bytes }) => bytes(bloat_bytes),
    hover: ({ bloat_bytes }) =>
      bloat_bytes === null
        ? t("The agent may not estimate it, or has not yet")
        : exactValue(bloat_bytes, "bytes"),
  },
];

/** Other engines do not count how often an index is scanned, nor is the space in it estimated. */
const OF_POSTGRES = new Set(["scans", "used", "unused", "bloat"]);

export function indexColumns(type: DatabaseType): Column[] {
  return type === "postgres"
    ? INDEX_COLUMNS
    : INDEX_COLUMNS.filter(({ name }) => !OF_POSTGRES.has(name));
}

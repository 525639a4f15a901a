/** The columns of the statements tab: each a way to be expensive, and an order. */
import type { DatabaseType } from "@quern/contract/agent/payload";
import type { StatementTotals } from "@quern/contract/health/statements";
import { t } from "../../i18n/language.ts";
import { formatBytes } from "../../words/bytes.ts";
import { formatCount, formatEstimate } from "../../words/count.ts";
import { formatDuration } from "../../words/duration.ts";
import type { LongColumn } from "../relations/long-table.ts";
import { exactValue, formatChange, formatValue } from "../values.ts";
import {
  blocksWords,
  callTime,
  ioBlocks,
  ioHover,
  KINDS,
  statementLine,
} from "./statement-words.ts";

type Column = LongColumn<StatementTotals>;
const short = (count: number) => (count < 100_000 ? formatCount(count) : formatEstimate(count));

export const STATEMENT_COLUMNS: Column[] = [
  {
    ...{ name: "statement", label: t("Statement"), words: (row) => statementLine(row) },
    hover: (row) => statementLine(row, 1_500),
  },
  {
    ...{ name: "user", label: t("Role"), look: "w-28 @max-7xl:hidden" },
    words: ({ user_name }) => user_name ?? "–",
    hover: ({ user_name, kind }) => `${user_name ?? t("not known")}, ${KINDS[kind]}`,
  },
  {
    ...{ name: "time", label: t("Time"), order: "time", right: true },
    ...{ look: "w-55 @max-3xl:w-25", title: t("Time in all, and its share of all statements") },
    words: ({ total_time_ms }) => formatDuration(total_time_ms),
    hover: ({ total_time_ms, share }) =>
      t("{time}, {share} of the time of all statements", {
        time: exactValue(total_time_ms, "ms"),
        share: formatValue(share, "ratio"),
      }),
  },
  {
    ...{ name: "calls", label: t("Calls"), order: "calls", right: true },
    look: "w-20 @max-2xl:hidden",
    words: ({ calls }) => short(calls),
    hover: ({ calls }) => formatCount(calls),
  },
  {
    ...{ name: "mean", label: t("Mean"), order: "mean", right: true, look: "w-18" },
    title: t("Time of one call on average"),
    words: ({ mean_time_ms }) => callTime(mean_time_ms),
    hover: ({ mean_time_ms }) => exactValue(mean_time_ms, "ms"),
  },
  {
    ...{ name: "change", label: t("Change", { as: "noun" }), order: "change", right: true },
    look: "w-22 @max-xl:hidden",
    title: t("The mean against the same time a week before; first what costs the most time more"),
    words: ({ mean_time_before_ms, mean_time_ms }) =>
      formatChange(mean_time_before_ms, mean_time_ms) ?? "–",
    hover: ({ mean_time_before_ms, mean_time_ms }) =>
      mean_time_before_ms === null
        ? t("It was not called at the same time a week before")
        : t("{now} now, {before} a week before", {
            now: exactValue(mean_time_ms, "ms"),
            before: exactValue(mean_time_before_ms, "ms"),
          }),
  },
  {
    ...{ name: "rows", label: t("Rows"), order: "rows", right: true, look: "w-20 @max-4xl:hidden" },
    words: ({ rows }) => short(rows),
    hover: ({ rows }) => formatCount(rows),
  },
  {
    ...{ name: "io", label: t("Blocks"), order: "io", right: true, look: "w-22 @max-4xl:hidden" },
    title: t("Blocks read and changed, as bytes"),
    words: (row) => blocksWords(ioBlocks(row)),
    hover: ioHover,
  },
  {
    ...{ name: "temp", label: t("Temporary"), order: "temp", right: true },
    ...{ look: "w-24 @max-5xl:hidden", title: t("Temporary files that it wrote") },
    words: ({ temp_blks_written }) => blocksWords(temp_blks_written),
    hover: ({ temp_blks_written }) =>
      temp_blks_written === null
        ? t("not known")
        : t("{n} block | {n} blocks", { n: temp_blks_written }),
  },
  {
    ...{ name: "wal", label: t("WAL"), order: "wal", right: true, look: "w-20 @max-5xl:hidden" },
    words: ({ wal_bytes }) => (wal_bytes === null ? "–" : formatBytes(wal_bytes)),
    hover: ({ wal_bytes }) => exactValue(wal_bytes, "bytes"),
  },
];

/** What other engines do not count statement by statement. */
const OF_POSTGRES = new Set(["user", "io", "temp", "wal"]);

export function statementColumns(type: DatabaseType): Column[] {
  return type === "postgres"
    ? STATEMENT_COLUMNS
    : STATEMENT_COLUMNS.filter(({ name }) => !OF_POSTGRES.has(name));
}

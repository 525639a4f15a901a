/** Statements in words: kinds, texts that cannot be had, and what got slower. */
import type { StatementDetails, StatementTotals } from "@quern/contract/health/statements";
import { t } from "../../i18n/language.ts";
import { formatBytes } from "../../words/bytes.ts";
import { formatCount, formatDecimal } from "../../words/count.ts";
import { formatDuration } from "../../words/duration.ts";
import type { Fact } from "../../words/run-facts.ts";
import { sqlLine } from "../../words/sql-line.ts";
import { exactValue, formatValue } from "../values.ts";

/** PostgreSQL's usual block, in bytes. */
export const BLOCK = 8192;

/** By SQL's own words, which are the same in every language. */
export const KINDS: Record<StatementTotals["kind"], string> = {
  select: "SELECT",
  insert: "INSERT",
  update: "UPDATE",
  delete: "DELETE",
  merge: "MERGE",
  utility: t("Utility"),
  unknown: t("Unknown kind"),
};

const NO_TEXT: Record<string, string> = {
  hidden: t("The agent’s role may not see this text"),
  truncated: t("The server cut this text, so it is not sent"),
  unparsable: t("This text could not be read, so it is not sent"),
};

/** Why a statement has no text; null when it has one. */
export function noTextWords({ query, text_state }: Pick<StatementTotals, "query" | "text_state">) {
  if (query !== null && text_state !== "hidden") return null;
  return NO_TEXT[text_state ?? ""] ?? t("Its text has not come yet");
}

/** Time of one call: with a tenth where a millisecond says too little. */
export function callTime(ms: number | null): string {
  if (ms === null) return "–";
  return ms >= 0.95 && ms < 9.95 ? `${formatDecimal(ms, 1)} ms` : formatDuration(ms);
}

/** On one line, for lists. */
export function statementLine(
  statement: Pick<StatementTotals, "query" | "text_state" | "query_hash">,
  length = 300,
): string {
  const why = noTextWords(statement);
  return why === null
    ? sqlLine(statement.query ?? "", length)
    : t("{why} ({hash})", { why, hash: statement.query_hash });
}

/** The API's own measure of what got slower: half as much again, by enough calls. */
const SLOWER = 1.5;
const ENOUGH_CALLS = 30;

export type Change = { ratio: number; slower: boolean; faster: boolean };

/** The mean against that of the same range a week before; null when one of them is not known. */
export function changeOf({
  calls,
  mean_time_ms,
  mean_time_before_ms,
}: Pick<StatementTotals, "calls" | "mean_time_ms" | "mean_time_before_ms">): Change | null {
  if (mean_time_ms === null || mean_time_before_ms === null || mean_time_before_ms <= 0)
    return null;
  const ratio = mean_time_ms / mean_time_before_ms;
  const enough = calls >= ENOUGH_CALLS;
  return { ratio, slower: enough && ratio >= SLOWER, faster: enough && ratio <= 1 / SLOWER };
}

/** Whether it was not there before the range, where that can be told: the database was watched already. */
export function isNew(
  { first_seen_at }: Pick<StatementTotals, "first_seen_at">,
  from: string,
  watched_since: string,
): boolean {
  return (
    Date.parse(first_seen_at) >= Date.parse(from) && Date.parse(watched_since) < Date.parse(from)
  );
}

const blocks = (count: number | null) =>
  count === null ? null : formatBytes(Math.round(count) * BLOCK);

/** Blocks as bytes: `3.2 MB`; a dash when not known. */
export function blocksWords(count: number | null): string {
  return blocks(count) ?? "–";
}

/** Read from the disk or its cache and changed, as the order `io` adds them; null when nothing is known. */
export function ioBlocks({
  shared_blks_read,
  shared_blks_dirtied,
}: Pick<StatementTotals, "shared_blks_read" | "shared_blks_dirtied">): number | null {
  if (shared_blks_read === null && shared_blks_dirtied === null) return null;
  return (shared_blks_read ?? 0) + (shared_blks_dirtied ?? 0);
}

/** Every part of a statement's input and output, for a hover. */
export function ioHover(statement: StatementTotals): string {
  const parts: [string, number | null][] = [
    [t("Found in the cache"), statement.shared_blks_hit],
    [t("Read", { as: "blocks" }), statement.shared_blks_read],
    [t("Changed", { as: "blocks" }), statement.shared_blks_dirtied],
  ];
  return parts
    .map(([name, count]) =>
      count === null
        ? t("{name}: not known", { name })
        : t("{name}: {size}, {n} block | {name}: {size}, {n} blocks", {
            ...{ name, size: blocks(count) ?? "", n: count },
          }),
    )
    .join("\n");
}

/** The share of blocks that were found in the cache, 0 to 1; null without any. */
function hitRatio({ shared_blks_hit, shared_blks_read }: StatementTotals): number | null {
  if (shared_blks_hit === null || shared_blks_read === null) return null;
  const all = shared_blks_hit + shared_blks_read;
  return all === 0 ? null : shared_blks_hit / all;
}

/** What got slower, with its numbers, and what that points to. */
export function regressionWords(regression: NonNullable<StatementDetails["regression"]>): {
  what: string;
  why: string;
} {
  const { ratio, mean_before_ms, mean_now_ms } = regression;
  return {
    what: t("A call takes {now}, {ratio} times the {before} of the same time a week before.", {
      now: callTime(mean_now_ms),
      before: callTime(mean_before_ms),
      ratio: formatDecimal(ratio, 1),
    }),
    why: reasonOf(regression),
  };
}

const MORE = 1.3;

function reasonOf({
  blocks_per_call_ratio: blocks_ratio,
  rows_per_call_ratio: rows_ratio,
}: NonNullable<StatementDetails["regression"]>): string {
  if (blocks_ratio === null)
    return t("Whether it reads more is not known: the server counted no blocks a week before.");
  const blocks = formatDecimal(blocks_ratio, 1);
  if (blocks_ratio < MORE)
    return t(
      "It touches about as many blocks as then ({blocks} times): it waits, for locks, the disk or the processor. Look at what it waits for.",
      { blocks },
    );
  if (rows_ratio !== null && rows_ratio >= MORE)
    return t(
      "It touches {blocks} times the blocks and gives {rows} times the rows: it is asked for more, or the data grew.",
      { blocks, rows: formatDecimal(rows_ratio, 1) },
    );
  return t(
    "It touches {blocks} times the blocks for about as many rows: another plan, an index that is gone, or dead rows. Compare its plans.",
    { blocks },
  );
}

/** Numbers of a statement over the range, for the side of its page. */
export function statementFacts(statement: StatementTotals): Fact[] {
  const { calls, mean_time_ms, mean_time_before_ms, wal_bytes } = statement;
  const per = (sum: number | null) => (sum === null || calls === 0 ? null : sum / calls);
  const hit = hitRatio(statement);
  const rows = per(statement.rows);
  const perCall = (name: string, sum: number | null): Fact => ({
    ...{ name, value: blocksWords(per(sum)) },
    title: sum === null ? t("not known") : t("{size} in all", { size: blocksWords(sum) }),
  });
  const ratio = (name: string, share: number | null): Fact => ({
    ...{ name, value: formatValue(share, "ratio"), title: exactValue(share, "ratio") },
  });
  const mean = (name: string, ms: number | null): Fact => ({
    ...{ name, value: callTime(ms), title: exactValue(ms, "ms") },
  });
  const sum_ms = statement.total_time_ms;
  return [
    { name: t("Calls"), value: formatCount(calls) },
    { name: t("Time in all"), value: formatDuration(sum_ms), title: exactValue(sum_ms, "ms") },
    ratio(t("Share of all statements"), statement.share),
    mean(t("Mean"), mean_time_ms),
    mean(t("Mean a week before"), mean_time_before_ms),
    {
      ...{ name: t("Rows a call"), value: formatValue(rows, "count") },
      title: t("{n} row in all | {n} rows in all", { n: statement.rows }),
    },
    ratio(t("Found in the cache"), hit),
    perCall(t("Read a call"), statement.shared_blks_read),
    perCall(t("Changed a call"), statement.shared_blks_dirtied),
    perCall(t("Temporary files a call"), statement.temp_blks_written),
    {
      ...{ name: t("WAL a call"), value: formatValue(per(wal_bytes), "bytes") },
      title:
        wal_bytes === null
          ? t("not known")
          : t("{size} in all", { size: exactValue(wal_bytes, "bytes") }),
    },
  ];
}

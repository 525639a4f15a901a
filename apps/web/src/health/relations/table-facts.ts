/** What is known of one table, for the side of its page. */
import type { SectionState } from "@quern/contract/health/ranges";
import type { TableTotals } from "@quern/contract/health/relations";
import { t } from "../../i18n/language.ts";
import { formatCount, formatEstimate } from "../../words/count.ts";
import { exactInstant, formatAge } from "../../words/instants.ts";
import type { Fact } from "../../words/run-facts.ts";
import { exactValue, formatValue } from "../values.ts";
import { isOldFrozen, pressureTone, pressureWords } from "./relation-words.ts";

const LATE = "font-medium text-red-600 dark:text-red-400";
const DUE = "text-amber-700 dark:text-amber-400";

const bytes = (name: string, value: number | null): Fact => ({
  ...{ name, value: formatValue(value, "bytes"), title: exactValue(value, "bytes") },
});
const count = (name: string, value: number | null): Fact => ({
  ...{ name, value: value === null ? "–" : formatEstimate(value) },
  title: value === null ? t("not known") : formatCount(value),
});
const ratio = (name: string, value: number | null): Fact => ({
  ...{ name, value: formatValue(value, "ratio"), title: exactValue(value, "ratio") },
});

/** `bloat` is the state of that section, which says why there may be no estimate. */
export function tableFacts(table: TableTotals, bloat: SectionState | undefined): Fact[] {
  const { growth_bytes } = table;
  const grown = formatValue(growth_bytes, "bytes");
  return [
    bytes(t("Size"), table.size_bytes),
    bytes(t("Rows and free space"), table.heap_bytes),
    bytes(t("Indexes"), table.index_bytes),
    bytes(t("TOAST"), table.toast_bytes),
    {
      ...{ name: t("Growth in this range"), title: exactValue(growth_bytes, "bytes") },
      value: growth_bytes !== null && growth_bytes > 0 ? `+${grown}` : grown,
    },
    {
      ...bytes(t("Bloat, estimated"), table.bloat_bytes),
      ...(table.bloat_bytes === null && bloat?.state === "no_permission"
        ? { value: t("not allowed"), title: bloat.hint ?? undefined }
        : {}),
    },
    count(t("Rows, estimated"), table.rows_estimate),
    count(t("Sequential scans"), table.seq_scan),
    count(t("Index scans"), table.idx_scan),
    ratio(t("Updates without touching indexes"), table.hot_ratio),
  ];
}

const time = (name: string, at: string | null): Fact =>
  at === null
    ? { name, value: t("never"), title: t("Not since statistics were last reset") }
    : { name, value: formatAge(at), title: exactInstant(at) };

/** How far vacuum and analyze are behind, and when they came last. */
export function vacuumFacts(table: TableTotals): Fact[] {
  const tone = pressureTone(table.vacuum_pressure);
  return [
    count(t("Dead rows"), table.n_dead_tup),
    ratio(t("Share of dead rows"), table.dead_ratio),
    {
      ...{ name: t("Pressure"), value: pressureWords(table.vacuum_pressure) },
      title: `${exactValue(table.vacuum_pressure, "count")}. ${t("Dead rows by the number at which autovacuum comes: from 1 on it is due.")}`,
      ...(tone === "none" ? {} : { look: tone === "late" ? LATE : DUE }),
    },
    count(t("Changed since analyze"), table.n_mod_since_analyze),
    time(t("Autovacuum"), table.last_autovacuum),
    time(t("Vacuum by hand"), table.last_vacuum),
    time(t("Autoanalyze"), table.last_autoanalyze),
    time(t("Analyze by hand"), table.last_analyze),
    {
      ...count(t("Freeze age"), table.frozen_xid_age),
      ...(isOldFrozen(table) ? { look: DUE } : {}),
    },
  ];
}

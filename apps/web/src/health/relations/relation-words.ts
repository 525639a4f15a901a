/** Tables and indexes in words: what is due, what is marked, and why. */
import type { IndexTotals, TableTotals } from "@quern/contract/health/relations";
import { t } from "../../i18n/language.ts";
import { formatDecimal } from "../../words/count.ts";
import type { Tone } from "../../words/tone.ts";

/** `schema.name`, without the schema that nearly everything is in. */
export function shortName({ schema, name }: { schema: string; name: string }): string {
  return schema === "public" ? name : `${schema}.${name}`;
}

const KINDS: Record<string, string> = {
  m: t("Materialised view"),
  p: t("Partitioned"),
  f: t("Foreign table"),
  t: t("TOAST table"),
};

/** What a relation is when it is no plain table; null for one. */
export function relationKind(relkind: string | null): string | null {
  return relkind === null ? null : (KINDS[relkind] ?? null);
}

/** Vacuum is late beyond twice what makes it come. */
const LATE = 2;

/** Dead rows by the number at which autovacuum comes: due from 1 on. */
export function pressureTone(pressure: number | null): "none" | "due" | "late" {
  if (pressure === null || pressure < 1) return "none";
  return pressure < LATE ? "due" : "late";
}

export function pressureWords(pressure: number | null): string {
  return pressure === null ? "–" : formatDecimal(pressure, pressure < 10 ? 2 : 0);
}

/** PostgreSQL's own default of autovacuum_freeze_max_age: beyond it autovacuum comes whatever else. */
const FREEZE_MAX_AGE = 200_000_000;

export function isOldFrozen({ frozen_xid_age }: Pick<TableTotals, "frozen_xid_age">): boolean {
  return frozen_xid_age !== null && frozen_xid_age >= FREEZE_MAX_AGE;
}

type Marked = Pick<
  IndexTotals,
  "is_valid" | "duplicate_of" | "is_primary" | "is_unique" | "is_constraint" | "unused_since"
>;

/** What is wrong with an index, the worst first. */
export function indexTroubles({ is_valid, duplicate_of }: Marked): (Tone & { why: string })[] {
  return [
    ...(is_valid === false
      ? [
          {
            ...{ words: t("Not valid"), icon: "i-lucide-circle-x", color: "error" as const },
            why: t(
              "Building it failed, was interrupted or still goes on: no query uses it, and every write keeps it up to date.",
            ),
          },
        ]
      : []),
    ...(duplicate_of === null
      ? []
      : [
          {
            ...{
              words: t("Duplicate", { as: "mark" }),
              icon: "i-lucide-copy-x",
              color: "warning" as const,
            },
            why: t("{name} answers everything that this one can.", { name: duplicate_of }),
          },
        ]),
  ];
}

/** What an index is besides an access path; null for nothing. */
export function indexDuty({ is_primary, is_unique, is_constraint }: Marked): string | null {
  if (is_primary) return t("Primary key");
  if (is_unique) return t("Unique");
  return is_constraint ? t("Constraint") : null;
}

/** Why an index that nobody scans may still be needed; null where nothing speaks for it. */
export function keptBecause(index: Marked): string | null {
  if (index.unused_since === null) return null;
  return indexDuty(index) === null
    ? null
    : t("It holds a constraint, so it is needed whether it is scanned or not.");
}

const DEFINITION = /^create (unique )?index \S+ on (only )?\S+ /i;

/** The part of a definition that the list does not say already: method, keys, predicate. */
export function definitionTail({
  definition,
  columns,
}: Pick<IndexTotals, "definition" | "columns">): string {
  if (definition === null) return columns.length === 0 ? "–" : `(${columns.join(", ")})`;
  const tail = definition.replace(DEFINITION, "");
  return tail.replace(/^using btree /i, "");
}

import { Category } from "@quern/contract/health/databases";
import { Severity } from "@quern/contract/health/findings";
import { z } from "zod";
import type { FindingFilters } from "./findings.ts";

/** The names of the filters in the address of /findings. */
export const FILTER_KEYS = [
  "status",
  "severity",
  "category",
  "database",
  "rule",
  "object",
  "statement",
  "search",
] as const;
export type FilterKey = (typeof FILTER_KEYS)[number];
export type FilterValues = Record<FilterKey, string | null>;

export const STATUSES = ["open", "snoozed", "muted", "resolved", "all"] as const;
const Status = z.enum(STATUSES);
const STATEMENT = /^\d{1,18}$/;
const RULE = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;

/** The filters that an address asks for, as the API takes them; what cannot be one is left out, and open ones need no word. */
export function filtersOf(value: Readonly<FilterValues>): FindingFilters {
  const status = Status.safeParse(value.status).data;
  const severity = Severity.safeParse(value.severity).data;
  const category = Category.safeParse(value.category).data;
  const database_id = z.uuid().safeParse(value.database).data;
  const rule = value.rule !== null && RULE.test(value.rule) ? value.rule.slice(0, 64) : undefined;
  const search = value.search?.trim().slice(0, 200);
  return {
    ...(status === undefined || status === "open" ? {} : { status }),
    ...(severity ? { severity } : {}),
    ...(category ? { category } : {}),
    ...(database_id ? { database_id } : {}),
    ...(rule ? { rule } : {}),
    ...(value.object ? { object: value.object.slice(0, 600) } : {}),
    ...(STATEMENT.test(value.statement ?? "") ? { statement_id: value.statement ?? "" } : {}),
    ...(search ? { search } : {}),
  };
}

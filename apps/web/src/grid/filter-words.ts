import type { Column, ColumnType } from "@quern/contract/results";
import type { Filter } from "@quern/contract/run-results";
import { t } from "../i18n/language.ts";
import { columnTitle, isNumeric } from "./cell-look.ts";

type Operator = Filter["operator"];

const NULLS: Operator[] = ["is_null", "is_not_null"];
const ORDERED: Operator[] = ["=", "<>", ">", ">=", "<", "<=", "in", ...NULLS];
const TEXT: Operator[] = ["contains", "not_contains", "starts_with", "=", "<>", "in", ...NULLS];
const TIMES = new Set<ColumnType>(["date", "time", "timestamp", "timestamptz", "interval"]);

/** The conditions that make sense for a column, the most usual first. */
export function operatorsOf(type: ColumnType): Operator[] {
  if (type === "bool") return ["=", ...NULLS];
  if (isNumeric(type) || TIMES.has(type)) return ORDERED;
  return type === "bytea" ? ["=", "<>", ...NULLS] : TEXT;
}

const PLAIN: Record<Operator, string> = {
  "=": t("is"),
  "<>": t("is not"),
  "<": t("is less than"),
  "<=": t("is at most"),
  ">": t("is more than"),
  ">=": t("is at least"),
  in: t("is one of"),
  contains: t("contains"),
  not_contains: t("does not contain"),
  starts_with: t("starts with"),
  is_null: t("is NULL"),
  is_not_null: t("is not NULL"),
};
const TIME_WORDS: Partial<Record<Operator, string>> = {
  "<": t("is before"),
  "<=": t("is at or before"),
  ">": t("is after"),
  ">=": t("is at or after"),
};

export function operatorWords(operator: Operator, type: ColumnType): string {
  return (TIMES.has(type) ? TIME_WORDS[operator] : undefined) ?? PLAIN[operator];
}

export const needsValue = (operator: Operator): boolean => !NULLS.includes(operator);

/** `delay is more than 30`, for a chip. */
export function filterWords(filter: Filter, column: Column): string {
  const head = `${columnTitle(column)} ${operatorWords(filter.operator, column.type)}`;
  if (filter.operator === "in") return `${head} ${(filter.values ?? []).join(", ")}`;
  if (!needsValue(filter.operator)) return head;
  return `${head} ${filter.value === "" ? "“”" : filter.value}`;
}

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$|^(nan|[+-]?inf(inity)?)$/i;

/** What is wrong with a value that somebody typed for a column, in words; null when it will do. */
export function valueTrouble(value: string, type: ColumnType): string | null {
  const trimmed = value.trim();
  if (isNumeric(type) && !NUMBER.test(trimmed))
    return trimmed === "" ? t("Write a number.") : t("“{trimmed}” is not a number.", { trimmed });
  if (type.startsWith("int") && type !== "interval" && !/^[+-]?\d+$/.test(trimmed))
    return t("Write a whole number.");
  if (TIMES.has(type) && trimmed === "")
    return type === "date" ? t("Write a date, as 2026-01-31.") : t("Write a time.");
  return null;
}

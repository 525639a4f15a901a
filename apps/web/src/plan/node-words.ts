import { t } from "../i18n/language.ts";
import { type Json, textOf } from "./json.ts";

/** What a step does: `Hash Left Join`, `Parallel Seq Scan`. */
export function titleOf(node: Json): string {
  const type = textOf(node["Node Type"]) ?? "Node";
  const join = textOf(node["Join Type"]);
  const strategy = textOf(node.Strategy);
  const parts = [node["Parallel Aware"] === true ? "Parallel" : "", partialMode(node)];
  if (type === "ModifyTable") return textOf(node.Operation) ?? type;
  if (type === "Aggregate") {
    const look = { Hashed: "Hash Aggregate", Sorted: "Group Aggregate", Mixed: "Mixed Aggregate" };
    parts.push(look[strategy as keyof typeof look] ?? "Aggregate");
  } else if (join !== null && join !== "Inner")
    parts.push(
      type === "Nested Loop" ? `Nested Loop ${join} Join` : type.replace("Join", `${join} Join`),
    );
  else parts.push(type);
  return parts.filter((part) => part !== "").join(" ");
}

function partialMode(node: Json): string {
  const mode = textOf(node["Partial Mode"]);
  return mode === null || mode === "Simple" ? "" : mode;
}

/** What a step reads, by name; null when it reads other steps only. */
export function targetOf(node: Json): string | null {
  const schema = textOf(node.Schema);
  const name =
    textOf(node["Relation Name"]) ??
    textOf(node["Function Name"]) ??
    textOf(node["CTE Name"]) ??
    textOf(node["Tuplestore Name"]) ??
    null;
  const alias = textOf(node.Alias);
  const full = name === null ? null : schema === null ? name : `${schema}.${name}`;
  const relation =
    full === null ? alias : alias !== null && alias !== name ? `${full} ${alias}` : full;
  const index = textOf(node["Index Name"]);
  if (index === null) return relation;
  return relation === null
    ? t("index {index}", { index })
    : t("{relation} by {index}", { relation, index });
}

/** What a step is to its parent, when it is no plain input. */
export function roleOf(node: Json): string | null {
  const subplan = textOf(node["Subplan Name"]);
  if (subplan !== null) return subplan;
  const relationship = textOf(node["Parent Relationship"]);
  return relationship === "InitPlan" || relationship === "SubPlan" ? relationship : null;
}

/** Shown elsewhere in the tree, or of no use to a reader. */
const KNOWN = new Set(
  `Node Type,Plans,Parent Relationship,Subplan Name,Relation Name,Schema,Alias,Index Name,CTE Name,Function Name,
  Tuplestore Name,Startup Cost,Total Cost,Plan Rows,Plan Width,Actual Rows,Actual Loops,Actual Total Time,
  Actual Startup Time,Parallel Aware,Async Capable,Join Type,Strategy,Partial Mode,Operation,Workers,Disabled,
  Inner Unique,Single Copy`.split(/,\s*/),
);
const KILOBYTES = new Set(["Sort Space Used", "Peak Memory Usage", "Disk Usage"]);

/** All that the engine says of a step and that is not told elsewhere. */
export function factsOf(node: Json): { name: string; value: string }[] {
  return Object.entries(node)
    .filter(([name]) => !KNOWN.has(name) && !/ (Blocks|I\/O (Read|Write) Time)$/.test(name))
    .map(([name, value]) => ({
      name,
      value: KILOBYTES.has(name) ? `${wordsOf(value)} kB` : wordsOf(value),
    }));
}

function wordsOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(wordsOf).join(", ");
  if (typeof value === "boolean") return value ? t("yes") : t("no");
  if (typeof value === "string" || typeof value === "number") return String(value);
  return JSON.stringify(value);
}

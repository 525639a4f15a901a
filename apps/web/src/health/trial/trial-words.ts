/** What a trial of a fix says, in words. */
import type { Trial, TrialGap, TrialPlan, TrialStatement } from "@quern/contract/health/trials";
import { t } from "../../i18n/language.ts";
import { formatCount, formatDecimal, formatEstimate } from "../../words/count.ts";
import type { Tone } from "../../words/tone.ts";

/** Costs that differ by less are the same to whoever waits. */
const SAME = 1.05;
/** PostgreSQL's cost of reading one page in order (seq_page_cost): nobody waits for less. */
const LEAST = 1;

/** What the fix does to the cost of a statement; null where one side has no plan. */
export function changeOf({ before, after }: Pick<TrialStatement, "before" | "after">): Tone | null {
  const [from, to] = [before?.cost ?? null, after?.cost ?? null];
  if (from === null || to === null) return null;
  const factor = (one: number, other: number) => Math.max(one, LEAST) / Math.max(other, LEAST);
  const [saved, more] = [factor(from, to), factor(to, from)];
  if (saved >= SAME)
    return {
      words: t("{times}× cheaper", { times: times(saved) }),
      icon: "i-lucide-trending-down",
      color: "success",
    };
  if (more >= SAME)
    return {
      words: t("{times}× dearer", { times: times(more) }),
      icon: "i-lucide-trending-up",
      color: "error",
    };
  return { words: t("the same cost"), icon: "i-lucide-equal", color: "neutral" };
}

function times(factor: number): string {
  return factor < 10 ? formatDecimal(factor, 1) : formatEstimate(Math.round(factor));
}

/** The answer in a sentence. */
export function summaryOf({ statements, fix }: Trial): string {
  if (fix.sql === null) return t("The plan, as it is now.");
  const planned = statements.filter(
    ({ before, after }) => before?.cost != null && after?.cost != null,
  );
  if (planned.length === 0) return t("None of these statements could be planned.");
  const changes = planned.map((statement) => changeOf(statement)?.color);
  const cheaper = changes.filter((color) => color === "success").length;
  const dearer = changes.filter((color) => color === "error").length;
  if (cheaper === 0 && dearer === 0)
    return t("The fix changes the cost of no statement here.", { n: planned.length });
  if (planned.length === 1)
    return cheaper === 1
      ? t("The fix makes the statement cheaper.")
      : t("The fix makes the statement dearer.");
  const total = planned.length;
  if (dearer === 0)
    return t(
      "With the fix one of {total} statements gets cheaper. | With the fix {n} of {total} statements get cheaper.",
      { n: cheaper, total },
    );
  if (cheaper === 0)
    return t(
      "With the fix one of {total} statements gets dearer. | With the fix {n} of {total} statements get dearer.",
      { n: dearer, total },
    );
  return t(
    "With the fix one of {total} statements gets cheaper, and {dearer} dearer. | With the fix {n} of {total} statements get cheaper, and {dearer} dearer.",
    { n: cheaper, dearer, total },
  );
}

/** Of those that are not there for their time alone. */
export const SOURCE_WORDS: Record<
  Exclude<TrialStatement["source"], "busiest">,
  { name: string; why: string }
> = {
  finding: { name: t("this finding"), why: t("The statement that the finding is about") },
  foreign_key: {
    name: t("foreign key"),
    why: t("What PostgreSQL itself looks up when a referenced row is deleted or its key changes"),
  },
};

/** Why a statement has no plan on the sandbox, beyond PostgreSQL's words. */
export function refusalOf({ sqlstate }: Pick<TrialPlan, "sqlstate">): string | null {
  if (sqlstate === "42P01")
    return t("Views are not made on the sandbox: agents do not send what they are made of.");
  if (sqlstate === "42883")
    return t("Functions are not made on the sandbox: agents do not send their bodies.");
  if (sqlstate === "42601")
    return t("Without its literals this text is no statement: they stand where no parameter may.");
  if (sqlstate !== null && ["42P18", "42P08", "42725", "42804"].includes(sqlstate))
    return t("Without its literals the types of its parameters cannot be told.");
  return null;
}

const KINDS: Record<TrialGap["kind"], string> = {
  schema: t("Schema"),
  extension: t("Extension"),
  type: t("Type"),
  table: t("Table"),
  column: t("Column"),
  default: t("Default"),
  check: t("Check"),
  constraint: t("Constraint"),
  index: t("Index"),
  view: t("View"),
  foreign_table: t("Foreign table"),
  partition: t("Partition"),
  sequence: t("Sequence"),
  statistics: t("Statistics"),
  setting: t("Setting"),
  statement: t("Statement"),
};

export const kindWords = ({ kind }: TrialGap): string => KINDS[kind];

/** What several are, where no name is given. */
export function manyWords({ kind, count: n, reason }: TrialGap): string {
  const count = formatCount(n);
  switch (kind) {
    case "default":
      return t("{count} column | {count} columns", { n, count });
    case "view":
      return t("{count} view | {count} views", { n, count });
    case "partition":
      return t("{count} partition | {count} partitions", { n, count });
    case "check":
      return t("{count} check | {count} checks", { n, count });
    case "foreign_table":
      return t("{count} foreign table | {count} foreign tables", { n, count });
    case "statistics":
      return t("{count} column | {count} columns", { n, count });
    default:
      return reason === "too_many" ? t("{count} table | {count} tables", { n, count }) : count;
  }
}

export function reasonWords({ kind, reason, how, detail }: TrialGap): string {
  switch (reason) {
    case "literals":
      return kind === "index"
        ? t(
            "left out: literals of its predicate or expression are not sent. What uses it costs less on the database",
          )
        : t("left out: their literals are not sent");
    case "type_unknown":
      return t("replaced by text: agents do not send what the type is made of");
    case "extension_missing":
      return t("left out: the sandbox has no such extension");
    case "bounds_unknown":
      return t(
        "partitioned by hash instead: bounds are literals, which are not sent. A plan without values costs the same",
      );
    case "too_many":
      return t("left out: neither the fix nor the statements touch them");
    case "not_sent":
      if (kind === "statistics")
        return t("unknown: the agent’s role may not read them, or they are too many");
      if (detail === "table")
        return t("a table in its place: agents do not send what it is made of");
      if (detail === "index") return t("its index in its place: agents do not send its operators");
      return t("left out: agents do not send what it is made of");
    case "sampled":
      return kind === "constraint"
        ? t("not checked: what it refers to may not be in the sample")
        : t("no rows were copied: the trial reads those of eight tables at most");
    case "refused":
      if (detail === "invalid") return t("left out: it is invalid, and no plan uses it");
      return how === "replaced"
        ? t("replaced: {detail}", { detail: detail ?? "" })
        : t("left out: {detail}", { detail: detail ?? "" });
  }
}

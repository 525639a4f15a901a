/** What is different from the same length of time before, in words. */
import type { Overview } from "@quern/contract/health/databases";
import type { RuleResult } from "@quern/contract/health/findings";
import type { LocationQueryRaw, RouteLocationRaw } from "vue-router";
import { t } from "../../i18n/language.ts";
import { paths } from "../../paths.ts";
import { objectLine } from "../findings/finding-words.ts";
import { ruleText } from "../findings/rule-texts.ts";
import { metricName, metricUnit } from "../metric-names.ts";
import { eventLook } from "../server/event-words.ts";
import { exactValue, formatChange, formatValue } from "../values.ts";

type Change = Overview["changes"][number];
export type ChangeLine = {
  key: string;
  icon: string;
  title: string;
  /** What it is about: an object, a setting, the text of a statement. */
  subject: string | null;
  /** What was and what is, short and whole. */
  numbers: { words: string; exact: string; change: string | null } | null;
  at: string | null;
  to: RouteLocationRaw | null;
};

type Known = {
  database_id: string;
  /** The time range, for addresses. */
  link: LocationQueryRaw;
  rules: readonly RuleResult[];
  /** Texts of statements by their id, as far as they are known. */
  texts: ReadonlyMap<string, string>;
};

export function changeLine(change: Change, known: Known): ChangeLine {
  const { type, title_key, subject, at } = change;
  const key = [type, title_key, subject, at].join(" ");
  const toTab = (tab: string) => paths.database(known.database_id, tab, known.link);
  switch (type) {
    case "metric":
      return {
        ...{ key, at, icon: grown(change) ? "i-lucide-trending-up" : "i-lucide-trending-down" },
        ...{ title: metricName(title_key), subject: null, to: null },
        numbers: numbersOf(change, metricUnit(title_key)),
      };
    case "statement":
      return {
        ...{
          key,
          at,
          icon: title_key === "new_statement" ? "i-lucide-sparkles" : "i-lucide-snail",
        },
        title: title_key === "new_statement" ? t("New statement") : t("Statement is slower"),
        subject: known.texts.get(subject ?? "") ?? null,
        numbers: numbersOf(change, "ms"),
        to: subject === null ? toTab("statements") : toTab(`statements/${subject}`),
      };
    case "finding": {
      const rule = known.rules.find((each) => each.rule === title_key);
      return {
        ...{ key, at, numbers: null, icon: "i-lucide-stethoscope" },
        subject: subject && objectLine({ object: subject, statement_id: null, evidence: [] }),
        title: rule === undefined ? title_key : ruleText(rule.title),
        to: paths.findings({ database: known.database_id, rule: title_key }),
      };
    }
    case "event": {
      const { icon, name } = eventLook(title_key);
      return { key, at, subject, numbers: null, icon, title: name, to: toTab("events") };
    }
  }
}

const grown = ({ before, after }: Change): boolean => (after ?? 0) >= (before ?? 0);

function numbersOf({ before, after }: Change, unit: string): ChangeLine["numbers"] {
  if (after === null) return null;
  const now = formatValue(after, unit);
  if (before === null) return { words: now, exact: exactValue(after, unit), change: null };
  return {
    words: t("{before} → {after}", { before: formatValue(before, unit), after: now }),
    exact: t("{before} → {after}", {
      before: exactValue(before, unit),
      after: exactValue(after, unit),
    }),
    change: formatChange(before, after),
  };
}

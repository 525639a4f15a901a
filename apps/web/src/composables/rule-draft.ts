import type { Tone } from "@quern/contract/chart-config";
import { computed, type Ref, ref } from "vue";
import type { Rule } from "../grid/cell-paint.ts";
import { t } from "../i18n/language.ts";

type Line = { value: string; tone: Tone };
type Draft = { type: Rule["type"] | "none"; color: string; lines: Line[] };

const DECIMAL = /^-?\d+(\.\d+)?$/;
const MOST = { thresholds: 20, values: 100 };

/** A rule while somebody writes it: lines that are not whole yet stay out of the rule. */
export function useRuleDraft(rule: Ref<Rule | undefined>) {
  const draft = ref<Draft>(draftOf(rule.value));

  function give(next: Draft): void {
    draft.value = next;
    rule.value = ruleOf(next);
  }
  return {
    draft,
    trouble: computed(() => {
      const { type, lines } = draft.value;
      const bad = lines.find((line) => line.value !== "" && !DECIMAL.test(line.value));
      return type === "thresholds" && bad
        ? t("“{value}” is not a number. Write it as 12.5.", { value: bad.value })
        : null;
    }),
    setType(type: string): void {
      const known = (["thresholds", "scale", "bar", "values"] as const).find(
        (each) => each === type,
      );
      const lines: Line[] =
        draft.value.lines.length > 0 ? draft.value.lines : [{ value: "", tone: "warning" }];
      give({ ...draft.value, type: known ?? "none", lines });
    },
    setColor: (color: string) => give({ ...draft.value, color }),
    addLine(): void {
      const { type, lines } = draft.value;
      if (type !== "thresholds" && type !== "values") return;
      if (lines.length < MOST[type])
        give({ ...draft.value, lines: [...lines, { value: "", tone: "bad" }] });
    },
    removeLine: (at: number) =>
      give({ ...draft.value, lines: draft.value.lines.filter((_, place) => place !== at) }),
    changeLine(at: number, change: Partial<Line>): void {
      const lines = draft.value.lines.map((line, place) =>
        place === at ? { ...line, ...change } : line,
      );
      give({ ...draft.value, lines });
    },
  };
}

function draftOf(rule: Rule | undefined): Draft {
  const color = rule?.type === "scale" || rule?.type === "bar" ? (rule.color ?? "1") : "1";
  const lines =
    rule?.type === "thresholds" ? rule.thresholds : rule?.type === "values" ? rule.values : [];
  return {
    type: rule?.type ?? "none",
    color,
    lines: lines.map(({ value, tone }) => ({ value, tone })),
  };
}

function ruleOf({ type, color, lines }: Draft): Rule | undefined {
  switch (type) {
    case "none":
      return undefined;
    case "scale":
    case "bar":
      return { type, color };
    case "thresholds": {
      const whole = lines.filter((line) => DECIMAL.test(line.value));
      const sorted = whole.sort((a, b) => Number(a.value) - Number(b.value));
      return sorted.length === 0 ? undefined : { type, thresholds: sorted };
    }
    case "values": {
      const whole = lines.filter((line) => line.value !== "");
      return whole.length === 0 ? undefined : { type, values: whole };
    }
  }
}

import type { Parameter, ParameterValues, RunParameter } from "@quern/contract/parameters";
import type { RunInput } from "@quern/contract/runs";
import { computed, type Ref, ref } from "vue";
import { moved, parametersInUse, withDefinition } from "../parameters/definitions.ts";
import { optionalNames, readTemplate, troubleOf } from "../parameters/engine.ts";
import type { Draft } from "./drafts.ts";
import { useParameterValues, valuesText } from "./parameter-values.ts";

export type QueryParameters = ReturnType<typeof useQueryParameters>;

/** The parameters of the text in the editor: what they are, which values they have, and what is wrong with those. */
export function useQueryParameters(draft: Ref<Draft>) {
  const template = computed(() => readTemplate(draft.value.sql));
  const optional = computed(() => optionalNames(template.value));
  const inUse = computed(() => parametersInUse(template.value.uses, draft.value.params));
  const values = useParameterValues(() => inUse.value);
  /** Somebody tried to run it: from then on a missing value is told, too. */
  const attempted = ref(false);

  const held = computed<ParameterValues>(() => {
    const found: ParameterValues = {};
    for (const parameter of inUse.value) {
      const value = values.valueOf(parameter);
      if (value !== undefined) found[parameter.name] = value;
    }
    return found;
  });
  function findTroubles(parameters: Parameter[], mayLack: Set<string>): Record<string, string> {
    const found: Record<string, string> = {};
    for (const parameter of parameters) {
      const { name } = parameter;
      const trouble = troubleOf(parameter, held.value[name], mayLack.has(name));
      if (trouble !== null) found[name] = trouble;
    }
    return found;
  }
  /** From the first definition on, parameters stand in the order in which they are shown. */
  function keepOrder(shown: Parameter[]): void {
    const hidden = draft.value.params.filter(
      (each) => !shown.some((other) => other.name === each.name),
    );
    draft.value.params = [...shown, ...hidden];
  }
  const troubles = computed(() => findTroubles(inUse.value, optional.value));

  return {
    inUse,
    held,
    optional,
    changed: values.changed,
    /** What to tell at the controls. */
    troubles: computed(() =>
      Object.fromEntries(
        Object.entries(troubles.value).filter(([name]) => attempted.value || name in held.value),
      ),
    ),
    set: values.set,
    reset: values.reset,
    flush: values.flush,
    /** Definitions and values for a part of the text; null when a value is wrong, which is then told at its control. */
    bodyFor(text: string): Pick<RunInput, "parameters" | "params"> | null {
      attempted.value = true;
      values.flush();
      const part = readTemplate(text);
      const parameters = parametersInUse(part.uses, inUse.value);
      if (Object.keys(findTroubles(parameters, optionalNames(part))).length > 0) return null;
      const names = new Set(parameters.map((each) => each.name));
      const params = Object.fromEntries(
        Object.entries(values.chosen.value).filter(([name]) => names.has(name)),
      );
      return parameters.length === 0 ? {} : { parameters, params };
    },
    /** Whether a run was made with other values than the controls hold. */
    differFrom(used: RunParameter[]): boolean {
      const known = inUse.value.filter(({ name }) => used.some((each) => each.name === name));
      const given = Object.fromEntries(used.map((each) => [each.name, each.given]));
      return valuesText(known, held.value) !== valuesText(known, given);
    },
    define(name: string, changed: Parameter): void {
      const before = inUse.value.find((each) => each.name === name);
      if (before && (before.type !== changed.type || before.multiple !== changed.multiple))
        values.set(name, undefined);
      keepOrder(withDefinition(inUse.value, name, changed));
    },
    move(name: string, step: -1 | 1): void {
      keepOrder(moved(inUse.value, name, step));
    },
  };
}

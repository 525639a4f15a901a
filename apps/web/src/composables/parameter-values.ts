import type { Parameter, ParameterValue, ParameterValues } from "@quern/contract/parameters";
import { computed, onScopeDispose, ref, watch } from "vue";
import { useRoute } from "vue-router";
import { addressChanges, readValues, sameValue, writeValue } from "../parameters/address.ts";
import { useAddress } from "./query-address.ts";

/** Typing must not write the address at every letter: browsers refuse too many changes. */
const SETTLE_MS = 300;

/**
 * The values in the parameter bar. They live in the address; what equals the default is left out of it, so that a link
 * without values means the defaults of the day.
 */
export function useParameterValues(parameters: () => Parameter[]) {
  const route = useRoute();
  const address = useAddress();
  const values = ref<ParameterValues>(readValues(parameters(), route.query));
  let timer: ReturnType<typeof setTimeout> | undefined;
  onScopeDispose(() => clearTimeout(timer));

  /** Those that were chosen and are other than the default. */
  const chosen = computed<ParameterValues>(() => {
    const found: ParameterValues = {};
    for (const { name, default: usual } of parameters()) {
      const value = values.value[name];
      if (value !== undefined && !sameValue(value, usual)) found[name] = value;
    }
    return found;
  });
  const write = () => {
    clearTimeout(timer);
    timer = undefined;
    address.set(addressChanges(route.query, chosen.value));
  };
  // Back, forward, or a link into the same page: the address leads.
  watch(
    () => JSON.stringify(readValues(parameters(), route.query)),
    () => {
      if (timer === undefined) values.value = readValues(parameters(), route.query);
    },
  );

  return {
    /** What each control holds: chosen, or the default; undefined when there is neither. */
    valueOf: (parameter: Parameter): ParameterValue | undefined =>
      parameter.name in values.value ? values.value[parameter.name] : parameter.default,
    chosen,
    /** Something is other than the defaults. */
    changed: computed(() => Object.keys(chosen.value).length > 0),
    set(name: string, value: ParameterValue | undefined): void {
      const { [name]: _before, ...others } = values.value;
      values.value = value === undefined ? others : { ...others, [name]: value };
      clearTimeout(timer);
      timer = setTimeout(write, SETTLE_MS);
    },
    reset(): void {
      values.value = {};
      write();
    },
    /** Writes what was typed just now into the address at once. */
    flush(): void {
      if (timer !== undefined) write();
    },
  };
}

/** One text for what a set of values says, to tell whether two sets are the same. */
export function valuesText(parameters: Parameter[], values: ParameterValues): string {
  return JSON.stringify(
    parameters.map(({ name, default: usual }) => {
      const value = values[name];
      return [name, writeValue("x", value === undefined ? usual : value)];
    }),
  );
}

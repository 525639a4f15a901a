import type { Parameter, ParameterValue, ParameterValues } from "@quern/contract/parameters";
import { computed, ref } from "vue";
import { useRoute } from "vue-router";
import { addressChanges, readValues, sameValue } from "../parameters/address.ts";
import { troubleOf } from "../parameters/engine.ts";
import { useAddress } from "./query-address.ts";

export type DashboardValues = ReturnType<typeof useDashboardValues>;

/** What is chosen in one go changes the tiles at once; what is typed, or chosen one after the other, waits for Apply. */
function isChosen({ type, multiple }: Parameter, value: ParameterValue | undefined): boolean {
  if (value === undefined || value === null || (typeof value === "object" && "all" in value))
    return true;
  if (multiple === true) return false;
  return ["boolean", "date", "date_range", "enum", "identifier"].includes(type);
}

/** `values` with the defaults put in where there is none. */
function withDefaults(parameters: Parameter[], values: ParameterValues): ParameterValues {
  const held: ParameterValues = {};
  for (const { name, default: usual } of parameters) {
    const value = Object.hasOwn(values, name) ? values[name] : usual;
    if (value !== undefined) held[name] = value;
  }
  return held;
}

/**
 * The values of a dashboard. Those that the tiles are made with live in the address, without what equals a default; what was
 * typed since is kept apart until it is applied.
 */
export function useDashboardValues(parameters: () => Parameter[]) {
  const route = useRoute();
  const address = useAddress();
  const typed = ref<Record<string, ParameterValue | undefined>>({});

  const chosen = computed<ParameterValues>(() => {
    const found = readValues(parameters(), route.query);
    for (const { name, default: usual } of parameters())
      if (name in found && sameValue(found[name], usual)) delete found[name];
    return found;
  });
  const applied = computed(() => withDefaults(parameters(), chosen.value));
  const held = computed<ParameterValues>(() => {
    const values: ParameterValues = { ...applied.value };
    for (const [name, value] of Object.entries(typed.value)) {
      if (value === undefined) delete values[name];
      else values[name] = value;
    }
    return values;
  });
  const troubles = computed(() => {
    const found: Record<string, string> = {};
    for (const parameter of parameters()) {
      const value = held.value[parameter.name];
      const trouble = value === undefined ? null : troubleOf(parameter, value, true);
      if (trouble !== null) found[parameter.name] = trouble;
    }
    return found;
  });

  function write(values: ParameterValues): void {
    const kept: ParameterValues = {};
    for (const { name, default: usual } of parameters()) {
      const value = values[name];
      if (value !== undefined && !sameValue(value, usual)) kept[name] = value;
    }
    address.set(addressChanges(route.query, kept));
  }
  /** Sets values at once; undefined goes back to the default. */
  function apply(changes: Record<string, ParameterValue | undefined>): void {
    const next: ParameterValues = { ...chosen.value };
    for (const [name, value] of Object.entries(changes)) {
      if (value === undefined) delete next[name];
      else next[name] = value;
    }
    const rest = { ...typed.value };
    for (const name of Object.keys(changes)) delete rest[name];
    typed.value = rest;
    write(next);
  }

  return {
    /** What the API is asked with: other than the defaults. */
    chosen,
    /** What the tiles are made with, defaults put in. */
    applied,
    /** What the controls hold. */
    held,
    troubles,
    /** Something is other than the defaults. */
    changed: computed(() => Object.keys(chosen.value).length > 0),
    /** Something that was typed is not applied yet. */
    waiting: computed(() =>
      Object.entries(typed.value).some(([name, value]) => !sameValue(value, applied.value[name])),
    ),
    set(name: string, value: ParameterValue | undefined): void {
      const parameter = parameters().find((each) => each.name === name);
      if (parameter === undefined) return;
      const fits = value === undefined || troubleOf(parameter, value, true) === null;
      if (fits && isChosen(parameter, value)) apply({ [name]: value });
      else typed.value = { ...typed.value, [name]: value };
    },
    apply,
    /** Applies what was typed, as far as it can be a value. */
    applyTyped(): void {
      const fitting = Object.entries(typed.value).filter(([name]) => !(name in troubles.value));
      apply(Object.fromEntries(fitting));
    },
    reset(): void {
      typed.value = {};
      write({});
    },
  };
}

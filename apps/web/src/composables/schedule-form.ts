import { readDashboard } from "@quern/contract/dashboards";
import type { Parameter, ParameterValue, ParameterValues } from "@quern/contract/parameters";
import { readQuery } from "@quern/contract/queries";
import type { Schedule, ScheduleInput } from "@quern/contract/schedules";
import { useQuery } from "@tanstack/vue-query";
import { computed, reactive, ref, watch } from "vue";
import { api } from "../api.ts";
import { optionalNames, readTemplate, troubleOf } from "../parameters/engine.ts";
import { OWN_ZONE, recurrenceWords } from "../schedule/words.ts";

export type Target = ScheduleInput["target"];

/** What a schedule is made of, as it is being filled in: of an existing one, of a given target, or from nothing. */
export function useScheduleForm(schedule: Schedule | null, given: Target | null) {
  const target = ref<Target | null>(schedule ? withoutName(schedule.target) : given);
  const fields = reactive({
    name: schedule?.name ?? "",
    recurrence: schedule?.recurrence ?? "daily 08:00",
    time_zone: schedule?.time_zone ?? OWN_ZONE,
    overlap_policy: schedule?.overlap_policy ?? ("skip" as const),
    misfire_policy: schedule?.misfire_policy ?? ("run_latest" as const),
  });
  const values = ref<ParameterValues>({ ...schedule?.params });
  const attempted = ref(false);

  const queryId = computed(() => (target.value?.type === "query" ? target.value.query_id : null));
  const dashboardId = computed(() =>
    target.value?.type === "dashboard" ? target.value.dashboard_id : null,
  );
  const query = useQuery({
    queryKey: computed(() => ["query", queryId.value] as const),
    queryFn: ({ signal }) => api.call(readQuery, { params: { id: queryId.value ?? "" }, signal }),
    enabled: computed(() => queryId.value !== null),
  });
  const dashboard = useQuery({
    queryKey: computed(() => ["dashboard", dashboardId.value] as const),
    queryFn: ({ signal }) =>
      api.call(readDashboard, { params: { id: dashboardId.value ?? "" }, signal }),
    enabled: computed(() => dashboardId.value !== null),
  });
  const parameters = computed<Parameter[]>(() =>
    queryId.value !== null
      ? (query.data.value?.params ?? [])
      : dashboardId.value !== null
        ? (dashboard.data.value?.params ?? [])
        : [],
  );
  const optional = computed(() =>
    query.data.value && queryId.value !== null
      ? optionalNames(readTemplate(query.data.value.sql))
      : new Set(parameters.value.map(({ name }) => name)),
  );
  const targetName = computed(
    () => (queryId.value !== null ? query.data.value?.name : dashboard.data.value?.name) ?? "",
  );
  // Another target has other parameters.
  watch([queryId, dashboardId], () => (values.value = {}));

  const held = computed<ParameterValues>(() => {
    const usual = parameters.value.flatMap(({ name, default: value }) =>
      value === undefined ? [] : [[name, value] as const],
    );
    return { ...Object.fromEntries(usual), ...values.value };
  });
  const troubles = computed<Record<string, string>>(() =>
    Object.fromEntries(
      parameters.value.flatMap((parameter) => {
        const { name } = parameter;
        const trouble = troubleOf(parameter, held.value[name], optional.value.has(name));
        const isShown = attempted.value || Object.hasOwn(values.value, name);
        return trouble !== null && isShown ? [[name, trouble] as const] : [];
      }),
    ),
  );
  /** Until a name is written, what is run and when is the name. */
  const name = computed(() => {
    const parts = [targetName.value, recurrenceWords(fields.recurrence)].filter(Boolean);
    return fields.name.trim() || parts.join(" · ").slice(0, 200);
  });

  return {
    target,
    fields,
    parameters,
    optional,
    held,
    troubles,
    name,
    dashboard: computed(() => (dashboardId.value === null ? null : (dashboard.data.value ?? null))),
    set(parameter: string, value: ParameterValue | undefined): void {
      const { [parameter]: _, ...others } = values.value;
      values.value = value === undefined ? others : { ...others, [parameter]: value };
    },
    /** What is to be saved; null while something is missing, which is then told at its place. */
    body(): ScheduleInput | null {
      attempted.value = true;
      if (target.value === null || fields.recurrence.trim() === "") return null;
      if (Object.keys(troubles.value).length > 0) return null;
      return { ...fields, name: name.value, target: target.value, params: values.value };
    },
    attempted,
  };
}

function withoutName({ name: _, ...target }: Schedule["target"]): Target {
  return target;
}

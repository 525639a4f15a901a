import { useToast } from "@nuxt/ui/composables";
import { openTimetable } from "@quern/contract/schedule-times";
import { RecurrenceError } from "@quern/contract/schedule-times/errors";
import {
  changeSchedule,
  createSchedule,
  deleteSchedule,
  fireSchedule,
  listFirings,
  listSchedules,
  previewRecurrence,
  readSchedule,
  type Schedule,
  type ScheduleInput,
} from "@quern/contract/schedules";
import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, onScopeDispose, ref, toValue, watch } from "vue";
import { api } from "../api.ts";
import { t } from "../i18n/language.ts";
import { OUTCOME_WORDS } from "../schedule/words.ts";
import { useAction } from "./action.ts";
import { useTroubleToast } from "./trouble-toast.ts";

export type ScheduleFilters = {
  search?: string;
  state?: "active" | "paused" | "failing";
  query_id?: string;
  dashboard_id?: string;
};

const LOOK_EVERY_MS = 10_000;
const LOOK_AT_RUNS_EVERY_MS = 2_000;

function isUnderWay(schedule: Schedule | undefined): boolean {
  const { status, outcome } = schedule?.last_firing ?? {};
  return status === "queued" || status === "running" || outcome === "waiting";
}

/** Schedules, the next to fire first, a page at a time. */
export function useSchedules(
  filters: MaybeRefOrGetter<ScheduleFilters>,
  limit = 50,
  enabled: MaybeRefOrGetter<boolean> = true,
) {
  const list = useInfiniteQuery({
    queryKey: computed(() => ["schedules", toValue(filters), limit] as const),
    queryFn: ({ pageParam, signal }) =>
      api.call(listSchedules, {
        query: { ...toValue(filters), limit, ...(pageParam === "" ? {} : { cursor: pageParam }) },
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
    enabled: computed(() => toValue(enabled)),
    refetchInterval: (query) =>
      query.state.data?.pages.some((page) => page.items.some(isUnderWay))
        ? LOOK_AT_RUNS_EVERY_MS
        : LOOK_EVERY_MS,
  });
  return {
    ...list,
    items: computed(() => list.data.value?.pages.flatMap((page) => page.items) ?? []),
  };
}

export function useSchedule(id: MaybeRefOrGetter<string>) {
  return useQuery({
    queryKey: computed(() => ["schedule", toValue(id)] as const),
    queryFn: ({ signal }) => api.call(readSchedule, { params: { id: toValue(id) }, signal }),
    refetchInterval: (query) =>
      isUnderWay(query.state.data) ? LOOK_AT_RUNS_EVERY_MS : LOOK_EVERY_MS / 2,
  });
}

/** When a schedule fired, the last first; read anew whenever its last firing has changed. */
export function useFirings(id: MaybeRefOrGetter<string>, last: MaybeRefOrGetter<string>) {
  const list = useInfiniteQuery({
    queryKey: computed(() => ["firings", toValue(id)] as const),
    queryFn: ({ pageParam, signal }) =>
      api.call(listFirings, {
        params: { id: toValue(id) },
        query: { limit: 50, ...(pageParam === "" ? {} : { cursor: pageParam }) },
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
  });
  watch(
    () => toValue(last),
    () => void list.refetch(),
  );
  return {
    ...list,
    items: computed(() => list.data.value?.pages.flatMap((page) => page.items) ?? []),
  };
}

/**
 * When a recurrence fires next, by the server, a moment after the last key; `trouble` says at once why it cannot: the same
 * code reads it here.
 */
export function useRecurrencePreview(recurrence: () => string, zone: () => string) {
  const asked = ref({ recurrence: recurrence(), time_zone: zone() });
  let timer: ReturnType<typeof setTimeout> | undefined;
  watch([recurrence, zone], ([text, time_zone]) => {
    clearTimeout(timer);
    timer = setTimeout(() => (asked.value = { recurrence: text, time_zone }), 200);
  });
  onScopeDispose(() => clearTimeout(timer));
  const times = useQuery({
    queryKey: computed(() => ["recurrence", asked.value] as const),
    queryFn: ({ signal }) => api.call(previewRecurrence, { body: asked.value, signal }),
    placeholderData: keepPreviousData,
    enabled: computed(() => troubleOf(asked.value) === null),
    retry: false,
    staleTime: 20_000,
  });
  return {
    times,
    trouble: computed(() => troubleOf({ recurrence: recurrence(), time_zone: zone() })),
  };
}

function troubleOf(asked: { recurrence: string; time_zone: string }): string | null {
  try {
    openTimetable(asked.recurrence, asked.time_zone);
    return null;
  } catch (error) {
    if (error instanceof RecurrenceError) return error.message;
    throw error;
  }
}

/** Everything that shows schedules is read anew. */
function useRemember() {
  const queries = useQueryClient();
  return (schedule?: Schedule) => {
    if (schedule) queries.setQueryData(["schedule", schedule.id], schedule);
    else void queries.invalidateQueries({ queryKey: ["schedule"] });
    void queries.invalidateQueries({ queryKey: ["schedules"] });
    void queries.invalidateQueries({ queryKey: ["firings"] });
  };
}

/** Makes a schedule, or changes the one with `id`. */
export function useScheduleSave() {
  const remember = useRemember();
  return useAction(async (id: string | null, body: Partial<ScheduleInput> & ScheduleInput) => {
    const saved =
      id === null
        ? await api.call(createSchedule, { body })
        : await api.call(changeSchedule, { params: { id }, body });
    remember(saved);
    return saved;
  });
}

/** Deeds of one click; what fails is said in a toast. */
export function useScheduleDeeds() {
  const guard = useTroubleToast();
  const toast = useToast();
  const remember = useRemember();
  const busy = ref<string | null>(null);
  async function during(id: string, deed: () => Promise<void>): Promise<boolean> {
    busy.value = id;
    const done = await guard(deed);
    busy.value = null;
    return done;
  }
  const change = (id: string, body: Partial<ScheduleInput>) =>
    during(id, async () => remember(await api.call(changeSchedule, { params: { id }, body })));
  return {
    busy,
    pause: (id: string, paused: boolean) => change(id, { paused }),
    takeOver: ({ id, params }: Schedule) => change(id, { params }),
    remove: (id: string) =>
      during(id, async () => {
        await api.call(deleteSchedule, { params: { id } });
        remember();
      }),
    fire: ({ id, name }: Schedule) =>
      during(id, async () => {
        const { outcome, message } = await api.call(fireSchedule, { params: { id } });
        remember();
        if (outcome === "enqueued") return;
        toast.add({
          title: t("“{name}”: {outcome}", { name, outcome: OUTCOME_WORDS[outcome] }),
          description: message ?? undefined,
          color: outcome === "failed" ? "error" : "neutral",
          icon: outcome === "failed" ? "i-lucide-circle-alert" : "i-lucide-info",
        });
      }),
  };
}

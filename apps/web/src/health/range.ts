/**
 * The time range that all pages of a database share. It is in the address: `?range=7d` for one that moves with the clock
 * (nothing for the last 24 hours), `?from=…&to=…` for a fixed one, and `&compare=week`. Setting it makes a history entry.
 *
 * const { from, to, preset, compare, query, setRange, setPreset, toggleCompare } = useRange();
 * useQuery({ queryKey: ["health", id, "tables", query], queryFn: … { query: { ...query.value, … } }, placeholderData: keepPreviousData })
 *
 * `from` and `to` stand still until the one clock ticks (RangeBar.vue, which every page with a range shows, makes it tick).
 * `link` is what an address needs so that another page shows the same range.
 */
import { type ComputedRef, computed, type Ref, ref } from "vue";
import { type LocationQueryRaw, useRoute, useRouter } from "vue-router";
import { serverSkew } from "../api.ts";
import { type Chosen, chosenRange, PRESETS, type Preset, rangeAddress } from "./range-address.ts";

export type RangeQuery = { from: string; to: string };

/** By the clock of the server, which says when things happened. */
const serverNow = (): number => Date.now() + serverSkew();
/** Now, in ms, as all pages with a range understand it. */
const clock = ref(serverNow());
/** A page that is opened again later does not begin with the time of the last one. */
const TOO_OLD_MS = 300_000;

export type Range = {
  from: ComputedRef<string>;
  to: ComputedRef<string>;
  /** Null for a fixed range. */
  preset: ComputedRef<Preset | null>;
  compare: ComputedRef<"week" | null>;
  query: ComputedRef<RangeQuery>;
  /** The range as parts of an address; with undefined for those that it does not have. */
  link: ComputedRef<LocationQueryRaw>;
  /** When what is shown was asked for, in ms. */
  asOf: Readonly<Ref<number>>;
  setRange: (range: RangeQuery) => void;
  setPreset: (preset: Preset) => void;
  toggleCompare: () => void;
  /** Lets a range that moves with the clock end now. */
  refresh: () => void;
};

export function useRange(): Range {
  const route = useRoute();
  const router = useRouter();
  if (serverNow() - clock.value > TOO_OLD_MS) clock.value = serverNow();

  const chosen = computed(() => chosenRange(route.query));
  const compare = computed(() => (route.query.compare === "week" ? "week" : null));
  const query = computed((): RangeQuery => {
    if (chosen.value.preset === null) return { from: chosen.value.from, to: chosen.value.to };
    // Not before what happened just now.
    const to = Math.ceil(clock.value / 1000) * 1000;
    const { ms } = PRESETS[chosen.value.preset];
    return { from: new Date(to - ms).toISOString(), to: new Date(to).toISOString() };
  });
  const go = (next: Chosen, week: "week" | null) =>
    void router.push({
      path: route.path,
      hash: route.hash,
      query: { ...route.query, ...rangeAddress(next), compare: week ?? undefined },
    });

  return {
    from: computed(() => query.value.from),
    to: computed(() => query.value.to),
    preset: computed(() => chosen.value.preset),
    compare,
    query,
    link: computed(() => ({
      ...rangeAddress(chosen.value),
      compare: compare.value ?? undefined,
      refresh: route.query.refresh,
    })),
    asOf: clock,
    setRange: (range) => go({ preset: null, ...range }, compare.value),
    setPreset(preset) {
      clock.value = serverNow();
      go({ preset }, compare.value);
    },
    toggleCompare: () => go(chosen.value, compare.value === null ? "week" : null),
    refresh() {
      clock.value = serverNow();
    },
  };
}

export { PRESETS, type Preset };

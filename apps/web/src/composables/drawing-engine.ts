import { onScopeDispose, type Ref, shallowRef, watch } from "vue";
import type { MapName } from "../chart/maps/names.ts";

type Engine = typeof import("../chart/echarts.ts");

/** The drawing library once it is needed, with the outlines of a map. `error` when they could not be fetched. */
export function useDrawingEngine(wanted: Ref<{ map: MapName | null } | null>) {
  const engine = shallowRef<Engine | null>(null);
  const error = shallowRef<Error | null>(null);
  let alive = true;
  onScopeDispose(() => {
    alive = false;
  });

  async function load(): Promise<void> {
    const want = wanted.value;
    if (want === null) return;
    error.value = null;
    try {
      const [made] = await Promise.all([
        import("../chart/echarts.ts"),
        want.map === null
          ? null
          : import("../chart/echarts-maps.ts").then(({ prepareMap }) =>
              prepareMap(want.map ?? "canada-provinces"),
            ),
      ]);
      if (alive && wanted.value?.map === want.map) engine.value = made;
    } catch (problem) {
      // A chunk that does not come: the connection is gone, or a new version has replaced it.
      if (!(problem instanceof Error)) throw problem;
      if (alive) error.value = problem;
    }
  }
  watch(
    () => (wanted.value === null ? null : (wanted.value.map ?? "none")),
    (map) => {
      engine.value = null;
      if (map !== null) void load();
    },
    { immediate: true },
  );
  return { engine, error, retry: load };
}

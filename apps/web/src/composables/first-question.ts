import { computed } from "vue";
import type { RouteLocationRaw } from "vue-router";
import { paths } from "../paths.ts";
import { firstQuery } from "../sql/first-query.ts";
import { useDatasources } from "./datasources.ts";
import { useReadSchema } from "./introspection.ts";

/** The datasource that a new person is led to: the demo when there is one. */
export function useFirstDatasource() {
  const { datasources } = useDatasources();
  return computed(
    () => datasources.value.find((each) => /demo/i.test(each.name)) ?? datasources.value[0] ?? null,
  );
}

/** The editor with a question that is worth asking of the first datasource; connecting one while there is none. */
export function useFirstQuestion() {
  const datasource = useFirstDatasource();
  const { snapshot } = useReadSchema(() => datasource.value?.id ?? null);
  return computed<RouteLocationRaw>(() => {
    const first = datasource.value;
    if (first === null) return paths.newDatasource;
    return paths.newSql({ datasource: first.id }, firstQuery(snapshot.value));
  });
}

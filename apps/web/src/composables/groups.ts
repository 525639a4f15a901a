import { listGroups } from "@quern/contract/groups";
import { useQuery } from "@tanstack/vue-query";
import { computed } from "vue";
import { api } from "../api.ts";
import { language } from "../i18n/language.ts";
import { useCan } from "./session.ts";

/** Groups, the system's own first. */
export function useGroups() {
  const can = useCan();
  const list = useQuery({
    queryKey: ["groups"],
    queryFn: ({ signal }) => api.call(listGroups, { signal }),
    enabled: () => can("groups.read"),
  });
  const groups = computed(() =>
    [...(list.data.value?.items ?? [])].sort(
      (a, b) =>
        Number(b.system !== null) - Number(a.system !== null) ||
        a.name.localeCompare(b.name, language),
    ),
  );
  return { ...list, groups };
}

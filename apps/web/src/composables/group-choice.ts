import { changeDashboard, type Dashboard } from "@quern/contract/dashboards";
import { useQueryClient } from "@tanstack/vue-query";
import { computed, type Ref } from "vue";
import { api } from "../api.ts";
import { useAction } from "./action.ts";
import { rememberDashboard } from "./dashboards.ts";
import { useGroups } from "./groups.ts";

/** The groups whose people see a dashboard, and how to change them: that makes no new version. */
export function useGroupChoice(dashboard: () => Dashboard, enabled: Ref<boolean>) {
  const queries = useQueryClient();
  const { groups } = useGroups();
  const save = useAction(async (group_ids: string[]) => {
    const { id, version } = dashboard();
    const saved = await api.call(changeDashboard, { params: { id }, body: { version, group_ids } });
    return rememberDashboard(queries, saved);
  });
  return {
    save,
    chosen: computed(() => dashboard().groups.map((each) => each.id)),
    groups: computed(() => {
      const known = groups.value.length > 0 && enabled.value ? groups.value : dashboard().groups;
      return known.map(({ id, name }) => ({ value: id, label: name }));
    }),
  };
}

import { type Dashboard, readDashboard } from "@quern/contract/dashboards";
import type { DashboardEvent } from "@quern/contract/events";
import { useQueryClient } from "@tanstack/vue-query";
import { computed, shallowRef } from "vue";
import { api } from "../api.ts";
import { t } from "../i18n/language.ts";
import type { DashboardEdit } from "./dashboard-edit.ts";
import { rememberDashboard } from "./dashboards.ts";
import { useTroubleToast } from "./trouble-toast.ts";

/** Somebody else saved the dashboard that is on the page: said, and shown when it is asked for. */
export function useDashboardNews(dashboard: () => Dashboard, edit: DashboardEdit) {
  const queries = useQueryClient();
  const guard = useTroubleToast();
  const event = shallowRef<DashboardEvent | null>(null);
  const isNew = computed(() => event.value !== null && event.value.version > dashboard().version);
  return {
    words: computed(() =>
      event.value !== null && isNew.value
        ? t("{name} saved version {version}.", {
            name: event.value.updated_by?.name ?? t("Somebody"),
            version: event.value.version,
          })
        : null,
    ),
    take(next: DashboardEvent): void {
      if (next.id === dashboard().id) event.value = next;
    },
    /** Shows what was saved; over a draft that was changed as well, both are compared. */
    look: () =>
      guard(async () => {
        const theirs = await api.call(readDashboard, { params: { id: dashboard().id } });
        if (edit.dirty.value) await edit.meet(theirs);
        else {
          if (edit.draft.value !== null) edit.end();
          rememberDashboard(queries, theirs);
        }
      }),
  };
}

import { computed } from "vue";
import { t } from "../i18n/language.ts";
import { paths } from "../paths.ts";
import { useCan } from "./session.ts";

/** The pages beside the list of projects, those that the person may look at. */
export function useProjectTabs() {
  const can = useCan();
  return computed(() => [
    { label: t("Projects"), to: "/projects" },
    ...(can("jobs.read") ? [{ label: t("Jobs"), to: "/jobs" }] : []),
    ...(can("instances.read") ? [{ label: t("Instances"), to: paths.instances }] : []),
    ...(can("layers.read") ? [{ label: t("Cache"), to: "/cache" }] : []),
  ]);
}

import { t } from "./i18n/language.ts";
/** The pages that stand beside each other under one name. */
import { paths } from "./paths.ts";

export const PEOPLE_TABS = [
  { label: t("People"), to: paths.members },
  { label: t("Groups"), to: paths.groups },
];
/** Who may look at agents is told by `can("agents.read")`. */
export function healthTabs(withAgents: boolean) {
  return [
    { label: t("Databases"), to: "/databases" },
    { label: t("Findings"), to: "/findings" },
    ...(withAgents ? [{ label: t("Agents"), to: paths.agents }] : []),
  ];
}
export const ADMIN_TABS = [
  { label: t("System"), to: paths.system },
  { label: t("Settings"), to: paths.settings },
  { label: t("Webhooks"), to: paths.webhooks },
];

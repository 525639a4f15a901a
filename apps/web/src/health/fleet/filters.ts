/** What the fleet can be narrowed to. */
import type { MonitoredDatabase } from "@quern/contract/health/databases";
import { t } from "../../i18n/language.ts";
import { engineWords, isStale, providerWords } from "../scores.ts";

export type FleetFilter = {
  key: string;
  label: string;
  icon: string;
  holds: (database: MonitoredDatabase, now: number) => boolean;
};

export const FILTERS: readonly FleetFilter[] = [
  {
    key: "critical",
    label: t("Critical"),
    icon: "i-lucide-octagon-alert",
    holds: ({ findings }) => findings.critical > 0,
  },
  {
    key: "stale",
    label: t("No news"),
    icon: "i-lucide-clock-alert",
    holds: (database, now) => isStale(database, now),
  },
  {
    key: "standby",
    label: t("Standbys"),
    icon: "i-lucide-copy",
    holds: ({ server }) => server.in_recovery === true,
  },
];

export function fleetFilter(key: string | null): FleetFilter | null {
  return FILTERS.find((each) => each.key === key) ?? null;
}

/** Every word of `typed` is in its name, its server, engine, provider or datasource. */
export function isFound(
  { name, server, datasource, agent }: MonitoredDatabase,
  typed: string,
): boolean {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const text = [name, server.name, engineWords(server), providerWords(server)]
    .concat(datasource?.name ?? "", agent?.name ?? "")
    .join(" ")
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

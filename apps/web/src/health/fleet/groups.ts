/** The fleet under headings, as the address says it: `group=server`. */
import type { MonitoredDatabase } from "@quern/contract/health/databases";
import { t } from "../../i18n/language.ts";
import { agentState } from "../../words/agents.ts";
import { engineWords, providerWords } from "../scores.ts";

const GROUPINGS = {
  server: { label: t("Server"), of: ({ server }) => ({ key: server.id, label: server.name }) },
  version: {
    label: t("Version"),
    of: ({ server }) => ({ key: engineWords(server), label: engineWords(server) }),
  },
  provider: {
    label: t("Provider"),
    of: ({ server }) => ({
      key: server.provider,
      label: providerWords(server) ?? t("Run by yourselves"),
    }),
  },
  agent: {
    label: t("Agent"),
    of: ({ agent }) =>
      agent === null
        ? { key: "", label: t("No agent") }
        : { key: agent.state, label: agentState(agent).words },
  },
} satisfies Record<
  string,
  { label: string; of: (database: MonitoredDatabase) => { key: string; label: string } }
>;
export type Grouping = keyof typeof GROUPINGS;

export const GROUPING_NAMES = (["server", "version", "provider", "agent"] as const).map((id) => ({
  id,
  label: GROUPINGS[id].label,
}));

export function parseGrouping(text: string | null): Grouping | null {
  return GROUPING_NAMES.find(({ id }) => id === text)?.id ?? null;
}

export type FleetGroup = { key: string; label: string | null; databases: MonitoredDatabase[] };

/** Groups stand in the order of the first of each; one without a heading where nothing groups them. */
export function grouped(
  databases: readonly MonitoredDatabase[],
  by: Grouping | null,
): FleetGroup[] {
  if (by === null) return [{ key: "", label: null, databases: [...databases] }];
  const groups = new Map<string, FleetGroup>();
  for (const database of databases) {
    const { key, label } = GROUPINGS[by].of(database);
    const group = groups.get(key) ?? { key, label, databases: [] };
    groups.set(key, group);
    group.databases.push(database);
  }
  return [...groups.values()];
}

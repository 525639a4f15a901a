/** Collectors of MariaDB whose payloads are held against the contract each time. Only tests may import this file. */
import { AgentPayload } from "@quern/contract/agent/payload";
import { type Collector, SECTIONS, type Section } from "../collector.ts";
import { type MysqlConfig, type MysqlEffects, openMysqlCollector } from "../mysql/collector.ts";

/** `collect` gives payloads that the contract admits, as they come out of JSON. */
export function checkedCollector(
  config: MysqlConfig,
  effects: Partial<MysqlEffects> = {},
): Omit<Collector, "collect"> & { collect(...due: Section[]): Promise<AgentPayload[]> } {
  const collector = openMysqlCollector(config, effects);
  return {
    ...collector,
    async collect(...due) {
      const payloads = await collector.collect(new Set(due.length === 0 ? SECTIONS : due));
      return payloads.map((payload) => AgentPayload.parse(JSON.parse(JSON.stringify(payload))));
    },
  };
}

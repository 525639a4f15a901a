import { SECTIONS, type Section } from "./collector.ts";
import type { CollectionConfig } from "./config/agent-config.ts";

/** Which sections a collection reads, by their paces and by when they were read last. */
export type Due = {
  at(now: number): Set<Section>;
  /** They were read. */
  done(sections: ReadonlySet<Section>, now: number): void;
};

export function openDue({
  metrics,
  paces,
  interval_ms,
}: Pick<CollectionConfig, "metrics" | "paces" | "interval_ms">): Due {
  const last = new Map<Section, number>();
  return {
    at(now) {
      const due = SECTIONS.filter((section) => {
        if (!metrics.has(section)) return false;
        const read = last.get(section);
        // A tick comes a little early or late: what is due before the next one but half is due now.
        return read === undefined || now - read >= paces[section] - interval_ms / 2;
      });
      return new Set(due);
    },
    done(sections, now) {
      for (const section of sections) last.set(section, now);
    },
  };
}

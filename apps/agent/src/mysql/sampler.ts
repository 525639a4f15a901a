/** Samples of sessions between two collections, over a connection of their own. */
import type { CollectorResult } from "@quern/contract/agent/payload";
import type { Outcomes } from "../engine/section.ts";
import { readActivity } from "./activity.ts";
import type { Connections } from "./connections.ts";
import { needing, section } from "./failure.ts";
import type { FactsOf } from "./known-facts.ts";
import type { Memory } from "./memory.ts";

export type Sampler = {
  /** Never throws for what the server or the network does: how it went is in the results. */
  sample(): Promise<void>;
  /** How the last sample went, once. */
  results(): CollectorResult[];
};

/** Of ten seconds each: an hour. */
const MOST_SAMPLES = 360;

export function openSampler(connections: Connections, memory: Memory, factsOf: FactsOf): Sampler {
  let last: CollectorResult[] = [];
  let busy = false;
  return {
    async sample() {
      // One that takes longer than its turn costs the next one.
      if (busy) return;
      busy = true;
      const outcomes: Outcomes = { results: [], unreachable: null };
      const sample = await section(outcomes, "activity", async () => {
        const session = await connections.ofSamples();
        const facts = await factsOf(session);
        const value = await needing(facts.account, "process on *.*", () =>
          readActivity(session, facts, memory, connections.pids()),
        );
        return { value, rows: value.sessions.length };
      });
      busy = false;
      last = outcomes.results;
      if (sample === null) return;
      memory.samples.push(sample);
      if (memory.samples.length > MOST_SAMPLES) memory.samples.shift();
    },
    results: () => last.splice(0),
  };
}

/** Samples of sessions between two collections, over a connection of their own. */
import type { CollectorResult } from "@quern/contract/agent/payload";
import type { Outcomes } from "../engine/section.ts";
import { loadParser } from "../text/parser.ts";
import { readActivity } from "./activity.ts";
import type { Connections } from "./connections.ts";
import { type Facts, readFacts } from "./facts.ts";
import type { Memory } from "./memory.ts";
import { section } from "./section.ts";
import type { Session } from "./session.ts";

export type Sampler = {
  /** Never throws for what the server or the network does: how it went is in the results. */
  sample(): Promise<void>;
  /** How the last sample went, once. */
  results(): CollectorResult[];
};

/** Of ten seconds each: an hour. */
const MOST_SAMPLES = 360;

export function openSampler(connections: Connections, memory: Memory): Sampler {
  const facts = new WeakMap<Session, Facts>();
  /** A session asks once what the server has: every ten seconds that would be most of what a sample costs. */
  const factsOf = async (session: Session) => {
    const known = facts.get(session) ?? (await readFacts(session));
    facts.set(session, known);
    return known;
  };
  let last: CollectorResult[] = [];
  let busy = false;
  return {
    async sample() {
      // One that takes longer than its turn costs the next one.
      if (busy) return;
      busy = true;
      const outcomes: Outcomes = { results: [], unreachable: null };
      const sample = await section(outcomes, "activity", async () => {
        await loadParser();
        const session = await connections.ofSamples();
        const value = await readActivity(session, await factsOf(session), memory.statements);
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

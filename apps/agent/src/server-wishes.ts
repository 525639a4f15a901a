import type { IngestAnswer } from "@quern/contract/agent/answers";

const MAX_INTERVAL_MS = 3_600_000;
/** How often a payload asks whether a database that another agent sends is free again. */
const PROBE_MS = 600_000;

/** What the server has asked of this agent in its answers, by instance. */
export type ServerWishes = {
  learn(instance_id: string, answer: IngestAnswer): void;
  /** The configured interval, or a longer one that the server wishes. */
  interval(configured: number): number;
  /** Whether the payload of this instance is wanted now. */
  wants(instance_id: string): boolean;
  /** True while every instance that the agent knows of is paused, and none is to be asked about now. */
  all_paused(): boolean;
  paused(): string[];
};

export function openServerWishes(now: () => number): ServerWishes {
  const answers = new Map<string, { answer: IngestAnswer; at: number }>();
  const isPaused = (it: { answer: IngestAnswer; at: number } | undefined) =>
    it?.answer.paused === true && now() - it.at < PROBE_MS;
  return {
    learn: (instance_id, answer) => {
      answers.set(instance_id, { answer, at: now() });
    },
    interval(configured) {
      const wished = [...answers.values()].map(({ answer }) => answer.next_interval_s ?? 0);
      return Math.max(configured, Math.min(Math.max(0, ...wished) * 1000, MAX_INTERVAL_MS));
    },
    wants: (instance_id) => !isPaused(answers.get(instance_id)),
    all_paused: () => answers.size > 0 && [...answers.values()].every(isPaused),
    paused: () => [...answers].flatMap(([id, { answer }]) => (answer.paused ? [id] : [])),
  };
}

/** How much agents have to be asked to send less often, by how often they had to be sent away. */

const REMEMBERED_MS = 5 * 60_000;
/** Of so many refusals in five minutes each further interval is wished. */
const STEPS: readonly { from: number; interval_s: number }[] = [
  { from: 200, interval_s: 600 },
  { from: 40, interval_s: 300 },
  { from: 1, interval_s: 120 },
];
/** More than the most that makes a difference need not be remembered. */
const MOST = STEPS[0]!.from;

export type Pressure = {
  /** One was sent away. */
  refused(): void;
  /** The interval in seconds that is wished of whoever sends now; null: the agent's own. */
  wish(): number | null;
};

export function openPressure(now: () => number = Date.now): Pressure {
  let refusals: number[] = [];
  const recent = () => {
    const after = now() - REMEMBERED_MS;
    refusals = refusals.filter((at) => at > after);
    return refusals.length;
  };
  return {
    refused() {
      if (recent() < MOST) refusals.push(now());
    },
    wish() {
      const count = recent();
      return STEPS.find(({ from }) => count >= from)?.interval_s ?? null;
    },
  };
}

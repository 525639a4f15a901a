/** Runs that leave a witness: each inserts its own word, so that it can be counted how often its SQL ran. */
import type { Random } from "./random.ts";

export const KINDS = ["quick", "slow", "failing", "large", "canceled"] as const;
export type Kind = (typeof KINDS)[number];

export type PlannedRun = {
  /** Its word in the witness table, and its idempotency key. */
  word: string;
  kind: Kind;
  sql: string;
  /** After the run was acknowledged. */
  cancel_after_ms: number | null;
};

const WEIGHTS: Record<Kind, number> = { quick: 60, slow: 12, failing: 10, large: 8, canceled: 10 };
/** Beyond what is kept in PostgreSQL, so that its parts are files. */
export const LARGE_ROWS = 12_000;

export function planRuns(random: Random, count: number): PlannedRun[] {
  return Array.from({ length: count }, (_, index) => {
    const kind = random.weighted(WEIGHTS);
    const word = `run ${index}`;
    const cancel_after_ms = kind === "canceled" ? random.between(0, 1500) : null;
    return { word, kind, sql: sqlOf(kind, word, random), cancel_after_ms };
  });
}

function sqlOf(kind: Kind, word: string, random: Random): string {
  const witness = `insert into witness (word) values ('${word}')`;
  switch (kind) {
    case "quick":
      return `${witness} returning word`;
    case "slow":
    case "canceled":
      return `${witness}; select pg_sleep(${(random.between(200, 2500) / 1000).toFixed(2)})`;
    case "failing":
      return `${witness}; select 1 / 0`;
    case "large":
      return `${witness}; select i, md5(i::text) as digest from generate_series(1, ${LARGE_ROWS}) as i`;
  }
}

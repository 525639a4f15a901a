import type { CrashReport } from "./harness.ts";

export type Counts = { lost: number; duplicated: number; unexpected: number };

export function countsOf({ lost, duplicated, unexpected }: CrashReport): Counts {
  return { lost: lost.length, duplicated: duplicated.length, unexpected: unexpected.length };
}

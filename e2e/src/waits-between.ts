import { basename } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** They wait for leases, deadlines and firings more than they compute, the longest first. */
const WAITING = [
  ...["crash-harness", "fail-points", "schedules", "crash", "half-open"],
  "runner-trouble",
].map((name) => `${name}.e2e.ts`);

/** They take longer than their size tells; what begins last the other workers wait for. */
const LONG = ["health", "sandbox-crash", "cli", "examples", "spine", "charts"].map(
  (name) => `${name}.e2e.ts`,
);

/**
 * Vitest begins with the largest files. Those that wait are put between them, one for two: together they would leave the
 * processor idle, and at the end all workers but one.
 */
export default class WaitsBetween extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = (file: TestSpecification) => WAITING.indexOf(basename(file.moduleId));
    const sorted = await super.sort(files);
    const waiting = sorted.filter((file) => rank(file) >= 0).sort((a, b) => rank(a) - rank(b));
    const isLong = (file: TestSpecification) => LONG.includes(basename(file.moduleId));
    const others = sorted.filter((file) => rank(file) < 0);
    const busy = [...others.filter(isLong), ...others.filter((file) => !isLong(file))];
    const mixed = waiting.flatMap((file, place) => [file, ...busy.slice(2 * place, 2 * place + 2)]);
    return [...mixed, ...busy.slice(2 * waiting.length)];
  }
}

import { basename } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Its source is the smallest and its run among the longest. */
const FIRST = "crash-harness.e2e.ts";

/** Vitest begins with the largest files, and what it begins last the other workers wait for. */
export default class CrashFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const first = (file: TestSpecification) => basename(file.moduleId) === FIRST;
    return [...sorted.filter(first), ...sorted.filter((file) => !first(file))];
  }
}

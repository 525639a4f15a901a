import { writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";

export type Count = { passed: number; failed: number };

/**
 * Writes how many tests passed and failed, as JSON, to the file that QUERN_TEST_COUNT names. A file that
 * could not be loaded, a failed set-up and an error outside any test count as one failure each.
 */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const count: Count = { passed: 0, failed: unhandled.length };
    for (const module of modules) {
      count.failed += module.errors().length;
      for (const suite of module.children.allSuites()) count.failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed" || state === "failed") count[state]++;
      }
    }
    writeFileSync(process.env.QUERN_TEST_COUNT!, JSON.stringify(count));
  }
}

import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import type { Reporter, TestModule } from "vitest/node";

/** `failures` are the tests that failed, each by its file, its name and the first line of why. */
export type Count = { passed: number; failures: string[] };

const firstLine = (message: string | undefined) => (message ?? "no reason given").split("\n", 1)[0];

/**
 * Writes how many tests passed and which failed, as JSON, to the file that QUERN_TEST_COUNT names. A file that
 * could not be loaded, a failed set-up and an error outside any test count as one failure each.
 */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly { message: string }[]): void {
    const count: Count = { passed: 0, failures: [] };
    const fail = (where: string, errors: readonly { message: string }[]) =>
      count.failures.push(`${where}: ${firstLine(errors[0]?.message)}`);
    for (const error of unhandled) fail("outside any test", [error]);
    for (const module of modules) {
      const file = relative(process.cwd(), module.moduleId);
      for (const error of module.errors()) fail(file, [error]);
      for (const suite of module.children.allSuites()) {
        for (const error of suite.errors()) fail(`${file} > ${suite.fullName}`, [error]);
      }
      for (const test of module.children.allTests()) {
        const { state, errors } = test.result();
        if (state === "passed") count.passed += 1;
        if (state === "failed") fail(`${file} > ${test.fullName}`, errors);
      }
    }
    writeFileSync(process.env.QUERN_TEST_COUNT!, JSON.stringify(count));
  }
}

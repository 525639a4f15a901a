import { defineConfig } from "vitest/config";
import WaitsBetween from "./e2e/src/waits-between.ts";

// Only the private condition is named: adding the usual ones would replace Vitest's own and load
// CommonJS packages such as ws by their wrong entry.
const resolve = { conditions: ["quern"] };

const shared = {
  resolve,
  ssr: { resolve },
  // The environment that runs globalSetup; without this it would load our packages from dist.
  environments: { __vitest__: { resolve: { ...resolve, noExternal: [/^@quern\//] } } },
};

/** As long as a page is waited for. Vitest's own is one second, which a busy machine takes for any answer. */
const patience = { poll: { timeout: 20_000 } };
const exclude = ["**/node_modules/**", "**/dist/**"];
const globalSetup = ["e2e/src/postgres.ts"];

export default defineConfig({
  test: {
    maxWorkers: 2,
    sequence: { sequencer: WaitsBetween },
    projects: [
      {
        ...shared,
        test: {
          name: "unit",
          include: [
            "packages/*/src/**/*.test.ts",
            "apps/*/src/**/*.test.ts",
            "scripts/src/**/*.test.ts",
          ],
          exclude,
          expect: patience,
          globalSetup,
          testTimeout: 60_000,
          hookTimeout: 90_000,
        },
      },
      {
        ...shared,
        test: {
          name: "e2e",
          include: ["e2e/src/**/*.e2e.ts"],
          exclude,
          expect: patience,
          globalSetup: [...globalSetup, "e2e/src/demo-data.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});

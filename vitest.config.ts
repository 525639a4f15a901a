import { defineConfig } from "vitest/config";

// Only the private condition is named: adding the usual ones would replace Vitest's own and load
// CommonJS packages such as ws by their wrong entry.
const resolve = { conditions: ["quern"] };

const shared = {
  resolve,
  ssr: { resolve },
  // The environment that runs globalSetup; without this it would load our packages from dist.
  environments: { __vitest__: { resolve: { ...resolve, noExternal: [/^@quern\//] } } },
};

const exclude = ["**/node_modules/**", "**/dist/**"];
const globalSetup = ["e2e/src/postgres.ts"];

export default defineConfig({
  test: {
    maxWorkers: 2,
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
          globalSetup,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        ...shared,
        test: {
          name: "e2e",
          include: ["e2e/src/**/*.e2e.ts"],
          exclude,
          globalSetup: [...globalSetup, "e2e/src/demo-data.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});

/*
 * The import table of ARCHITECTURE.md, as code. A room may import the rooms listed for it and
 * nothing else. The table is a security boundary: the process that faces the internet cannot open
 * a customer database, and the web app cannot reach ours.
 *
 * scripts/src/check-rooms.ts runs it, and checks besides that it saw every source file.
 */
const rooms = {
  "packages/contract": [],
  "packages/runtime": [],
  "packages/postmaster": [],
  "packages/store": ["packages/contract"],
  "packages/results": ["packages/contract"],
  "packages/psql": ["packages/contract"],
  "packages/connectors": ["packages/contract", "packages/psql"],
  "packages/executor": [
    "packages/contract",
    "packages/runtime",
    "packages/results",
    "packages/connectors",
    "packages/psql",
  ],
  "packages/run-work": [
    "packages/contract",
    "packages/runtime",
    "packages/store",
    "packages/results",
    "packages/executor",
  ],
  "packages/health": ["packages/contract", "packages/store"],
  "apps/web": ["packages/contract", "packages/results/src/read"],
  "apps/api": [
    "packages/contract",
    "packages/runtime",
    "packages/store",
    "packages/health",
    "packages/results/src/read",
    "packages/results/src/parts.ts",
  ],
  "apps/runner": [
    "packages/contract",
    "packages/runtime",
    "packages/store",
    "packages/health",
    "packages/results",
    "packages/executor",
    "packages/run-work",
  ],
  "apps/sandbox": [
    "packages/contract",
    "packages/runtime",
    "packages/store",
    "packages/results",
    "packages/executor",
    "packages/run-work",
    "packages/postmaster",
    "packages/psql",
  ],
  "apps/agent": ["packages/contract", "packages/runtime"],
  "apps/cli": ["packages/contract", "packages/runtime", "packages/results/src/read"],
  "apps/standalone": [
    "packages/contract",
    "packages/runtime",
    "packages/store",
    "packages/postmaster",
  ],
  // They may import every package; e2e and bench also the apps, which nothing else may import.
  e2e: ["packages", "apps"],
  bench: ["packages", "apps"],
  scripts: ["packages"],
};

/** Tests and their support: fresh databases, targets of tests, the conformance suite. */
const support = "src/(testing|conformance)[^/]*(\\.ts$|/)";
const tests = `\\.(test|e2e)\\.ts$|/${support}`;
/** What a test may import beyond the table. */
const openToTests = ["^packages/postmaster/", "^packages/store/src/testing[^/]*\\.ts$"];

/** A room's folder, or the one file of it that is open to another room. */
const under = (path) => (path.endsWith(".ts") ? `^${path}$` : `^${path}/`);

const onlyAllowedRooms = Object.entries(rooms).flatMap(([room, allowed]) => {
  const open = [room, ...allowed].map(under);
  const rule = (name, from, pathNot) => ({
    name,
    severity: "error",
    from,
    to: { path: "^(apps|packages|e2e|bench|scripts)/", pathNot },
  });
  const list = allowed.length > 0 ? allowed.join(", ") : "itself";
  return [
    rule(`${room} may import only ${list}`, { path: under(room), pathNot: tests }, open),
    rule(
      `tests of ${room} may import only ${list}, postmaster, store/testing`,
      { path: `^${room}/.*(${tests})` },
      [...open, ...openToTests],
    ),
  ];
});

module.exports = {
  forbidden: [
    ...onlyAllowedRooms,
    {
      name: "production code does not import the support of tests",
      severity: "error",
      from: { path: "^(apps|packages|scripts)/", pathNot: tests },
      to: { path: `/${support}|\\.(test|e2e)\\.ts$` },
    },
    {
      name: "pages of results are read without DuckDB",
      severity: "error",
      from: { path: "^packages/results/src/(read/|parts\\.ts$)", pathNot: tests },
      to: { path: "node_modules/@duckdb/", reachable: true },
    },
    {
      name: "contract and web run in a browser",
      severity: "error",
      from: { path: "^(packages/contract|apps/web)/src/", pathNot: tests },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "no cycles",
      severity: "error",
      from: {},
      // Types alone make no cycle when the program runs.
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "an import must resolve",
      severity: "error",
      from: {},
      to: { couldNotResolve: true, pathNot: "\\?(worker|raw|url)$" },
    },
    {
      name: "production code needs its packages when it runs, so they are dependencies",
      severity: "error",
      from: { path: "^(apps|packages)/[^/]+/src/", pathNot: tests },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
    },
    {
      // Vitest and its like are declared once, by scripts; tests of every room use them.
      name: "a package that is imported is declared in the package.json of its room",
      severity: "error",
      from: { path: "^(apps|packages|e2e|bench|scripts)/" },
      to: {
        dependencyTypes: ["npm-no-pkg", "npm-unknown"],
        pathNot: "node_modules/(vitest|fast-check)/",
      },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)dist/" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      conditionNames: ["quern", "import", "module", "types", "node", "default"],
      exportsFields: ["exports"],
      extensions: [".ts", ".d.ts", ".vue", ".mjs", ".js", ".cjs", ".json"],
    },
  },
};

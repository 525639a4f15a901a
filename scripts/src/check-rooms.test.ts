import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkRooms } from "./check-rooms.ts";

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, "../..");

/** Violations, each in a file of its own, and what the check has to say of it. */
const PLANTED: { what: string; file: string; text: string; says: RegExp }[] = [
  {
    what: "the api reaching a connector by name",
    file: "apps/api/src/planted-connector.ts",
    text: 'import "@quern/connectors/connector";\n',
    says: /imports packages\/connectors\/src\/connector\.ts: apps\/api may import only/,
  },
  {
    what: "a type-only import of another room's folder",
    file: "apps/web/src/planted-type.ts",
    text: 'import type { Database } from "../../../packages/store/src/db.ts";\nexport type X = Database;\n',
    says: /imports packages\/store\/src\/db\.ts: apps\/web may import only/,
  },
  {
    what: "a Vue file reaching the store",
    file: "apps/web/src/Planted.vue",
    text: '<script setup lang="ts">\nimport { openDatabase } from "@quern/store/db";\nopenDatabase("");\n</script>\n<template><p /></template>\n',
    says: /imports packages\/store\/src\/db\.ts: apps\/web may import only/,
  },
  {
    what: "the web app writing results",
    file: "apps/web/src/planted-results.ts",
    text: 'import "@quern/results/parts";\n',
    says: /imports packages\/results\/src\/parts\.ts: apps\/web may import only/,
  },
  {
    what: "the api writing results",
    file: "apps/api/src/planted-writer.ts",
    text: 'import "@quern/results/write/writer";\n',
    says: /imports packages\/results\/src\/write\/writer\.ts: apps\/api may import only/,
  },
  {
    what: "a package importing an app",
    file: "packages/store/src/planted-app.ts",
    text: 'import "../../../apps/api/src/settings.ts";\n',
    says: /imports apps\/api\/src\/settings\.ts: packages\/store may import only/,
  },
  {
    what: "an app importing an app",
    file: "apps/standalone/src/planted-app.ts",
    text: 'import "@quern/runner/settings";\n',
    says: /imports apps\/runner\/src\/settings\.ts: apps\/standalone may import only/,
  },
  {
    what: "a test going beyond what is open to tests",
    file: "packages/store/src/planted.test.ts",
    text: 'import "@quern/postmaster/postmaster";\nimport "@quern/connectors/connector";\n',
    says: /imports packages\/connectors\/src\/connector\.ts: tests of packages\/store may import only/,
  },
  {
    what: "production code starting a PostgreSQL of its own",
    file: "apps/runner/src/planted-server.ts",
    text: 'import "@quern/postmaster/postmaster";\n',
    says: /imports packages\/postmaster\/src\/postmaster\.ts: apps\/runner may import only/,
  },
  {
    what: "production code using the support of tests",
    file: "apps/runner/src/planted-support.ts",
    text: 'import "@quern/store/testing";\n',
    says: /production code does not import the support of tests/,
  },
  {
    what: "DuckDB behind the pages of results",
    file: "packages/results/src/read/planted-duckdb.ts",
    text: 'import "@duckdb/node-bindings";\n',
    says: /pages of results are read without DuckDB/,
  },
  {
    what: "the contract reading files",
    file: "packages/contract/src/planted-file.ts",
    text: 'import "node:fs";\n',
    says: /contract and web run in a browser/,
  },
  {
    what: "a package that is hoisted but not declared",
    file: "packages/contract/src/planted-package.ts",
    text: 'import "fastify";\n',
    says: /fastify.*: a package that is imported is declared in the package.json of its room/,
  },
  {
    what: "one of our packages that is not declared",
    file: "packages/executor/src/planted-undeclared.test.ts",
    text: 'import "@quern/postmaster/postmaster";\n',
    says: /imports @quern\/postmaster: it is not declared in packages\/executor\/package\.json/,
  },
  {
    what: "a development dependency in production code",
    file: "apps/runner/src/planted-development.ts",
    text: 'import "pg";\n',
    says: /production code needs its packages when it runs/,
  },
  {
    what: "a cycle",
    file: "packages/contract/src/planted-cycle.ts",
    text: 'import "./planted-cycled.ts";\n',
    says: /imports packages\/contract\/src\/planted-cycled\.ts: no cycles/,
  },
  {
    what: "an import that leads nowhere",
    file: "packages/contract/src/planted-nowhere.ts",
    text: 'import "./nowhere.ts";\n',
    says: /an import must resolve/,
  },
  {
    what: "a room that is not in the table",
    file: "packages/utils/src/planted.ts",
    text: "export {};\n",
    says: /its room is not in the table/,
  },
];

/** Some ten seconds, but for a machine that has other work. */
const LOADED_MS = 180_000;
let copy: string;

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), "quern-rooms-"));
  await copySources();
  for (const { file, text } of PLANTED) await plant(file, text);
  await plant("packages/contract/src/planted-cycled.ts", 'import "./planted-cycle.ts";\n');
  await linkDependencies();
  await writeFile(join(copy, ".gitignore"), "node_modules\n");
  await run("git", ["init", "-q"], { cwd: copy });
}, LOADED_MS);

afterAll(() => rm(copy, { recursive: true, force: true }));

async function copySources(): Promise<void> {
  const list = ["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"];
  const { stdout } = await run("git", list, { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 });
  const wanted = /^((apps|packages|e2e|bench|scripts)\/.*\.(ts|vue|json)|[^/]*\.(json|cjs|ts))$/;
  // Enough of them: each one is read three times, and the rule of each room is shown by a planted file.
  const spared = /^(apps\/web|e2e|bench)\/src\/|\.test\.ts$/;
  const files = stdout.split("\n").filter((name) => wanted.test(name) && !spared.test(name));
  for (const file of files) {
    await cp(join(ROOT, file), join(copy, file)).catch(skipDeleted);
  }
}

function skipDeleted(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

async function plant(file: string, text: string): Promise<void> {
  await mkdir(dirname(join(copy, file)), { recursive: true });
  await writeFile(join(copy, file), text);
}

/** Everything from the real tree, except our own packages, which must be the copies. */
async function linkDependencies(): Promise<void> {
  const from = join(ROOT, "node_modules");
  const to = join(copy, "node_modules");
  await mkdir(join(to, "@quern"), { recursive: true });
  for (const entry of await readdir(from)) {
    if (entry !== "@quern" && !entry.startsWith("."))
      await symlink(join(from, entry), join(to, entry));
  }
  for (const parent of ["packages", "apps"]) {
    for (const room of await readdir(join(copy, parent))) {
      await symlink(join(copy, parent, room), join(to, "@quern", room));
    }
  }
}

test(
  "every planted violation is found",
  async () => {
    const problems = await checkRooms(copy);
    const missed = PLANTED.filter(
      ({ file, says }) => !problems.some((line) => line.startsWith(`${file} `) && says.test(line)),
    );
    expect(missed.map(({ what }) => what)).toEqual([]);
  },
  LOADED_MS,
);

test(
  "a file that the tool does not read is found",
  async () => {
    const config = join(copy, ".dependency-cruiser.cjs");
    const text = await readFile(config, "utf8");
    const blind = text.replace('exclude: { path: "(^|/)dist/" }', 'exclude: { path: "/store/" }');
    expect(blind).not.toBe(text);
    await writeFile(config, blind);
    expect(await checkRooms(copy)).toContain(
      "packages/store/src/db.ts was not checked: dependency-cruiser did not see it",
    );
  },
  LOADED_MS,
);

/**
 * Checks who imports whom against .dependency-cruiser.cjs, and that the tool really read every source
 * file: with the wrong TypeScript it reads none and reports success.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const ROOTS = ["apps", "packages", "e2e", "bench", "scripts", "vitest.config.ts"];
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;

type Module = { source: string; dependencies: { module: string }[] };
type Report = {
  modules: Module[];
  summary: { violations: { from: string; to: string; rule: { name: string } }[] };
};

/** What is wrong in the tree at `root`, one line each; empty when all is well. */
export async function checkRooms(root: string): Promise<string[]> {
  const sources = await sourceFiles(root);
  if (sources.length === 0) return ["no source files were found"];
  const { modules, summary } = await cruise(root);
  const seen = new Set(modules.map(({ source }) => source));
  const unseen = sources.filter((source) => !seen.has(source));
  return [
    ...summary.violations.map(({ from, to, rule }) => `${from} imports ${to}: ${rule.name}`),
    ...(await undeclaredRooms(root, modules)),
    ...withoutRoom(root, sources),
    ...unseen.map((source) => `${source} was not checked: dependency-cruiser did not see it`),
  ];
}

/** Tracked files and new ones that git does not ignore. */
async function sourceFiles(root: string): Promise<string[]> {
  const args = ["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "--"];
  const { stdout } = await run("git", [...args, "*.ts", "*.vue"], {
    cwd: root,
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  const sources = stdout.split("\n").filter((file) => file !== "" && !file.endsWith(".d.ts"));
  // A file that was deleted and not committed yet is still listed.
  return sources.filter((file) => existsSync(join(root, file)));
}

async function cruise(root: string): Promise<Report> {
  const command = resolve(import.meta.dirname, "../../node_modules/.bin/depcruise");
  const args = ["--config", ".dependency-cruiser.cjs", "--output-type", "json", ...ROOTS];
  // With this output type the exit code says nothing about violations.
  const { stdout } = await run(process.execPath, [command, ...args], {
    cwd: root,
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  return JSON.parse(stdout);
}

function roomOf(source: string): string {
  return /^(apps|packages)\//.test(source)
    ? source.split("/").slice(0, 2).join("/")
    : source.split("/")[0]!;
}

/** A file that no rule of a room begins from is one that may import everything. */
function withoutRoom(root: string, sources: string[]): string[] {
  const config: { forbidden: { name: string; from: { path?: string } }[] } = createRequire(
    join(root, "package.json"),
  )("./.dependency-cruiser.cjs");
  const rooms = config.forbidden
    .filter(({ name }) => name.includes("may import only"))
    .map(({ from }) => new RegExp(from.path!));
  return sources
    .filter((source) => source.includes("/") && !rooms.some((room) => room.test(source)))
    .map((source) => `${source} has no place: its room is not in the table`);
}

/** The tool takes links into the workspace for local files, so what they import by name is checked here. */
async function undeclaredRooms(root: string, modules: Module[]): Promise<string[]> {
  const problems: string[] = [];
  for (const { source, dependencies } of modules.filter(({ source }) => source.includes("/src/"))) {
    const names = dependencies.flatMap(({ module }) => module.match(/^@quern\/[^/]+/) ?? []);
    if (names.length === 0) continue;
    const manifest = `${roomOf(source)}/package.json`;
    const { name, ...declared } = JSON.parse(await readFile(join(root, manifest), "utf8"));
    const known = { ...declared.dependencies, ...declared.devDependencies, [name]: "" };
    for (const used of new Set(names)) {
      if (!(used in known))
        problems.push(`${source} imports ${used}: it is not declared in ${manifest}`);
    }
  }
  return problems;
}

if (process.argv[1] === import.meta.filename) {
  const problems = await checkRooms(resolve(import.meta.dirname, "../.."));
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}

/**
 * Runs the tests of each project, names those that failed once more, and ends the output with `N passed, N failed`,
 * whatever happens: a run that crashes or hangs is a failed one. The line is also kept in artifacts/test-summary.
 * Arguments are names of Vitest projects; without them, all of them one after the other, so that
 * the browser does not compete with the unit tests for the processor.
 */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Count } from "./count-reporter.ts";
import { makeTestFolder } from "./test-folder.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const PROJECTS = ["unit", "e2e"];
/** On two processors: tests often wait for a timeout, a process or a page. With four, pages and processes are late. */
const WORKERS = 3;
/**
 * Rooms whose test files share a process, and so what it imports: most of the time of a short test is spent on loading. A file
 * that changes something of the process (its environment, a language, children left running) has to give it back.
 */
const TOGETHER = [
  ...["apps/api/", "apps/web/", "packages/connectors/", "packages/contract/", "packages/health/"],
  ...["packages/results/", "packages/store/"],
];
const DEADLINE_MS = 20 * 60_000;

/** Runs Vitest in `folder` with `args` and counts. A run that ends badly has at least one failure. */
export async function runVitest(
  folder: string,
  args: string[],
  output: "inherit" | "ignore" = "inherit",
): Promise<Count> {
  const aside = await mkdtemp(join(tmpdir(), "quern-count-"));
  const file = join(aside, "count.json");
  try {
    const succeeded = await vitest(folder, args, file, output);
    const count = await readCount(file);
    if (count === null) return { passed: 0, failures: [`Vitest died at ${args.join(" ")}`] };
    if (succeeded || count.failures.length > 0) return count;
    return { ...count, failures: [`Vitest failed at ${args.join(" ")}`] };
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

function vitest(
  folder: string,
  args: string[],
  countFile: string,
  output: "inherit" | "ignore",
): Promise<boolean> {
  const reporter = resolve(import.meta.dirname, "../src/count-reporter.ts");
  const command = [
    join(ROOT, "node_modules/vitest/vitest.mjs"),
    ...["run", "--reporter=default", `--reporter=${reporter}`, ...args],
  ];
  const child = spawn(process.execPath, command, {
    cwd: folder,
    stdio: ["ignore", output, output],
    env: { ...process.env, QUERN_TEST_COUNT: countFile },
  });
  const stop = () => child.kill("SIGTERM");
  // The terminal interrupts Vitest as well; who waits for it can still say what was counted.
  const wait = () => {};
  process.on("SIGTERM", stop);
  process.on("SIGINT", wait);
  const deadline = setTimeout(() => {
    console.error(`The tests did not end within ${DEADLINE_MS / 60_000} minutes.`);
    child.kill("SIGKILL");
  }, DEADLINE_MS);
  return new Promise((settle, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => {
      clearTimeout(deadline);
      process.off("SIGTERM", stop);
      process.off("SIGINT", wait);
      settle(code === 0);
    });
  });
}

async function readCount(file: string): Promise<Count | null> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    // Vitest ended before its reporters were told of the end.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** The arguments of the runs that are all tests of a project, the longest first. */
async function runsOf(project: string): Promise<string[][]> {
  if (project !== "unit") return [[]];
  const rooms = ["scripts/src/"];
  for (const floor of ["apps", "packages"]) {
    for (const room of await readdir(join(ROOT, floor))) rooms.push(`${floor}/${room}/`);
  }
  return [rooms.filter((room) => !TOGETHER.includes(room)), ["--no-isolate", ...TOGETHER]];
}

/** Everything that the tests of `projects` write lies in a folder that goes with them. An interrupt ends all of them. */
async function runProjects(projects: string[]): Promise<Count> {
  const total: Count = { passed: 0, failures: [] };
  const folder = await makeTestFolder();
  process.env.TMPDIR = folder;
  let isInterrupted = false;
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => (isInterrupted = true));
  try {
    const runs = await Promise.all(
      projects.map(async (project) =>
        (await runsOf(project)).map((which) => [`--project=${project}`, ...which]),
      ),
    );
    for (const run of runs.flat()) {
      const { passed, failures } = await runVitest(ROOT, [`--maxWorkers=${WORKERS}`, ...run]);
      total.passed += passed;
      total.failures.push(...failures);
      if (isInterrupted) break;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return total;
}

async function main(projects: string[]): Promise<void> {
  const total = await runProjects(projects);
  const failed = total.failures.length;
  const line = `${total.passed} passed, ${failed} failed`;
  await mkdir(join(ROOT, "artifacts"), { recursive: true });
  await writeFile(join(ROOT, "artifacts/test-summary"), `${line}\n`);
  for (const failure of total.failures) console.log(`FAILED ${failure}`);
  console.log(line);
  process.exitCode = failed > 0 ? 1 : 0;
}

if (process.argv[1] === import.meta.filename) {
  const named = process.argv.slice(2);
  await main(named.length > 0 ? named : PROJECTS);
}

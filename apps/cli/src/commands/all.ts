/** Every command, in the order in which the help lists them. */
import { readdirSync } from "node:fs";
import { complete, completionScript, SHELLS } from "../completion.ts";
import { EXIT, UsageError } from "../faults.ts";
import { type Command, command } from "./command.ts";
import {
  instancesExtend,
  instancesList,
  instancesReset,
  instancesStart,
  instancesStop,
  instancesUrl,
} from "./instances.ts";
import { jobsCancel, jobsExtend, jobsList, jobsLogs, jobsShow } from "./jobs.ts";
import {
  layersCapacity,
  layersEvict,
  layersList,
  layersName,
  layersPin,
  layersUnpin,
} from "./layers.ts";
import { projectDiff } from "./project-diff.ts";
import { projectExplain, projectPlan } from "./project-plan.ts";
import { projectRun } from "./project-run.ts";
import { projectShell } from "./project-shell.ts";
import { projectTest } from "./project-test.ts";
import { projectList, projectPull, projectPush } from "./projects.ts";
import { queryList, queryRun } from "./query-run.ts";
import { runsCancel, runsList, runsRows, runsShow } from "./runs.ts";
import { status } from "./status.ts";

const completion = command({
  name: ["completion"],
  takes: "bash|zsh",
  count: { min: 1, max: 1 },
  summary: "Print what makes the shell complete quern's commands",
  details:
    'In ~/.bashrc: eval "$(quern completion bash)". In ~/.zshrc: eval "$(quern completion zsh)".',
  options: {},
  async run({ positionals, context }) {
    const shell = SHELLS.find((one) => one === positionals[0]);
    if (shell === undefined)
      throw new UsageError(`There is completion for ${SHELLS.join(" and ")}`);
    await context.terminal.out(completionScript(shell));
    return EXIT.ok;
  },
});

export const COMMANDS: readonly Command[] = [
  projectRun,
  projectPlan,
  projectExplain,
  projectTest,
  projectShell,
  projectDiff,
  projectList,
  projectPush,
  projectPull,
  jobsList,
  jobsShow,
  jobsLogs,
  jobsCancel,
  jobsExtend,
  layersList,
  layersCapacity,
  layersPin,
  layersUnpin,
  layersName,
  layersEvict,
  instancesList,
  instancesStart,
  instancesUrl,
  instancesStop,
  instancesReset,
  instancesExtend,
  queryRun,
  queryList,
  runsList,
  runsShow,
  runsRows,
  runsCancel,
  status,
  completion,
];

/** What `quern __complete` prints for the words so far, whose last one is completed. */
export function completions(words: readonly string[]): string[] {
  return complete(COMMANDS, words, sqlFilesOf);
}

function sqlFilesOf(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".sql"))
      .map((path) => path.replaceAll("\\", "/"));
  } catch (error) {
    // No such folder: nothing to offer.
    if (error instanceof Error && "code" in error) return [];
    throw error;
  }
}

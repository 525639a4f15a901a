import { type Run, readRun } from "@quern/contract/runs";
import { api } from "../api.ts";
import { isTerminal } from "../words/runs.ts";

/** The run when it has ended. Throws what the API throws, and the signal's reason. */
export async function awaitRun(id: string, signal?: AbortSignal): Promise<Run> {
  for (;;) {
    const run = await api.call(readRun, {
      params: { id },
      query: { wait: 20 },
      ...(signal ? { signal } : {}),
    });
    if (isTerminal(run.status)) return run;
  }
}

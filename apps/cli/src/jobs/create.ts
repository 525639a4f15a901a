import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { ProblemError, UnreachableError } from "@quern/contract/client";
import type { JobInput } from "@quern/contract/job-input";
import { cancelJob, createJob } from "@quern/contract/jobs";
import type { z } from "zod";
import type { Context } from "../commands/command.ts";
import type { Source } from "./asked.ts";

export type Asked = z.input<typeof JobInput>;

const TRIES = 4;
/** Somebody who starts hundreds of jobs is slowed down, not turned away. */
const PATIENCE_MS = 120_000;

/** Makes a job out of the source's files and says its id. What breaks off is sent again as the same request. */
export async function startJob(context: Context, source: Source, asked: Asked): Promise<string> {
  const request_id = randomUUID();
  if (source.kind === "project")
    return create(context, { ...asked, request_id, project_id: source.id });
  return source.folder.send((project_tree) =>
    create(context, { ...asked, request_id, project_tree }),
  );
}

/** The same for a job that has files of several sources, or none. */
export function create(context: Context, asked: Asked): Promise<string> {
  const body = { request_id: randomUUID(), ...asked };
  return patiently(context, async () => {
    const { job_id } = await context.client.call(createJob, { body });
    return job_id;
  });
}

/** Cancels a job; one that has ended stays as it is. */
export async function cancel(context: Context, id: string): Promise<void> {
  await patiently(context, () => context.client.call(cancelJob, { params: { id } }));
}

/** Does what may be done twice again when a connection breaks off or the server slows it down. */
export async function patiently<T>(
  { interrupts }: Pick<Context, "interrupts">,
  work: () => Promise<T>,
): Promise<T> {
  const began = Date.now();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const slowed = error instanceof ProblemError && error.problem.code === "rate_limited";
      const again = slowed
        ? Date.now() - began < PATIENCE_MS && !interrupts.signal.aborted
        : error instanceof UnreachableError && attempt < TRIES;
      if (!again) throw error;
      await delay(Math.min(5_000, 200 * 2 ** attempt) * (0.75 + Math.random() / 2));
    }
  }
}

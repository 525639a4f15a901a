/** The rows of a run, wherever their parts are kept. */
import type { Column, Part, Statement } from "@quern/contract/results";
import type { Run } from "@quern/contract/runs";
import { openPart, PartMissingError, PartStoreError } from "@quern/results/parts";
import type { OpenPart, ResultManifest } from "@quern/results/read/rows";
import { type PartSource, partFromBytes } from "@quern/results/read/source";
import type { Actor } from "@quern/store/actor";
import { listParts, readPartData, type StoredPart } from "@quern/store/result-parts";
import { readRun } from "@quern/store/run-history";
import type { Api } from "./api.ts";
import { ApiError, notFound } from "./problems.ts";

export type ReturningStatement = Statement & { columns: Column[] };

export type StoredResult = {
  run: Run;
  statement: ReturningStatement;
  manifest: ResultManifest;
  openPart: OpenPart;
  /** False while the run goes on: the rows so far. */
  complete: boolean;
};

/**
 * The result of one statement, or of the last that returned rows. While the run goes on, what is there of it so far.
 * Throws `ApiError` when there is none (yet, or any more).
 */
export async function openResult(
  api: Api,
  actor: Actor,
  id: string,
  index: number | undefined,
): Promise<StoredResult> {
  const run = await readRun(api.db, actor, id);
  if (!run) throw notFound("run");
  const statement = run.statements.findLast(
    (candidate): candidate is ReturningStatement =>
      candidate.columns !== null && (index === undefined || candidate.index === index),
  );
  const complete = run.finished_at !== null;
  if (!statement) {
    if (!complete) throw notFinished("The run has no rows yet.");
    throw new ApiError(
      "no_result",
      index === undefined
        ? "No statement of this run returned rows."
        : `Statement ${index} of this run returned no rows.`,
    );
  }
  if (run.result_expired) throw expired();
  const parts = await listParts(api.db, id, statement.index);
  const manifest: ResultManifest = { columns: statement.columns, rows: statement.rows, parts };
  return { run, statement, manifest, openPart: partOpener(api, id, parts), complete };
}

/** The same of a run that has ended. */
export async function openWholeResult(
  api: Api,
  actor: Actor,
  id: string,
  index: number | undefined,
): Promise<StoredResult> {
  const result = await openResult(api, actor, id, index);
  if (!result.complete) throw notFinished("The run has not ended.");
  return result;
}

export function notFinished(what: string): ApiError {
  return new ApiError("run_not_finished", `${what} Ask for the run with ?wait=10 first.`);
}

function partOpener(api: Api, runId: string, parts: StoredPart[]): OpenPart {
  return async ({ part, statement }: Part): Promise<PartSource> => {
    const stored = parts[part]!;
    if (stored.location !== null) {
      if (stored.store === api.partStore.kind)
        return openPart(api.partStore, stored.location, stored.size);
      throw new PartStoreError(
        `this result is in a ${stored.store} store, which QUERN_RESULTS no longer names`,
      );
    }
    const data = await readPartData(api.db, runId, statement, part);
    if (!data) throw expired();
    return partFromBytes(`${runId}/${statement}/${part}`, data);
  };
}

function expired(): ApiError {
  return new ApiError(
    "result_expired",
    "The rows of this run were deleted when their time was up. Run it again.",
  );
}

/** For `catch`: what reading parts may throw, as an answer. */
export function rethrowUnreadable(error: unknown): never {
  if (error instanceof PartMissingError) throw expired();
  if (error instanceof PartStoreError) {
    throw new ApiError("unavailable", `The result store cannot be read: ${error.message}`);
  }
  throw error;
}

/** Work on stored results: their parts become files in the run's directory, which is all that the executor sees. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ExecutionRequest } from "@quern/executor/pool";
import type { Derivation, StagedResult } from "@quern/results/derive/derive";
import { partName } from "@quern/results/part-name";
import { fetchPart } from "@quern/results/part-writing";
import { PartMissingError, type PartStore, PartStoreError } from "@quern/results/parts";
import { RunRefused } from "@quern/run-work/run-refused";
import type { Database } from "@quern/store/db";
import type { ClaimedRun } from "@quern/store/queue";
import { readPartData } from "@quern/store/result-parts";
import { readResultWork, type StoredResult } from "@quern/store/result-runs";

type Shop = { db: Database; partStore: PartStore };

const KINDS: readonly string[] = ["result_view", "result_statistics", "result_comparison"];

export function isResultWork({ kind }: ClaimedRun): boolean {
  return KINDS.includes(kind);
}

/** What the executor is asked to do. Throws `RunRefused` when a source is gone or cannot be read. */
export async function prepareResultWork(
  shop: Shop,
  run: ClaimedRun,
  directory: string,
  limits: ExecutionRequest["limits"],
): Promise<ExecutionRequest> {
  const { spec, source, other } = await readResultWork(shop.db, run.id);
  const stage = async (name: string, result: StoredResult | undefined) => {
    if (result === undefined) throw gone();
    return stageResult(shop, result, join(directory, name));
  };
  const ours = await stage("source", source);
  const work = async (): Promise<Derivation> => {
    switch (spec.kind) {
      case "result_view":
        return { kind: spec.kind, source: ours, view: { sort: spec.sort, filters: spec.filters } };
      case "result_statistics":
        return { kind: spec.kind, source: ours };
      case "result_comparison":
        return { kind: spec.kind, source: ours, other: await stage("other", other) };
    }
  };
  return { run_id: run.id, kind: "result", target: null, limits, work: await work(), directory };
}

async function stageResult(
  shop: Shop,
  { columns, rows, parts }: StoredResult,
  directory: string,
): Promise<StagedResult> {
  await mkdir(directory, { mode: 0o700 });
  const staged: StagedResult["parts"] = [];
  for (const part of parts) {
    const path = join(directory, partName(part));
    await stagePart(shop, part, path).catch((error: unknown) => {
      if (error instanceof PartMissingError) throw gone();
      if (!(error instanceof PartStoreError)) throw error;
      throw new RunRefused("result_store_unavailable", error.message);
    });
    const { statement, part: number, first_row, rows: held, size, escapes } = part;
    staged.push({ statement, part: number, first_row, rows: held, size, escapes, path });
  }
  return { columns, rows, parts: staged };
}

async function stagePart(
  { db, partStore }: Shop,
  part: StoredResult["parts"][number],
  path: string,
): Promise<void> {
  if (part.location === null) {
    const data = await readPartData(db, part.run_id, part.statement, part.part);
    if (!data) throw gone();
    await writeFile(path, data, { mode: 0o600 });
    return;
  }
  if (part.store !== partStore.kind)
    throw new PartStoreError(
      `the result is in a ${part.store} store, which QUERN_RESULTS no longer names`,
    );
  await fetchPart(partStore, part.location, path);
}

function gone(): RunRefused {
  return new RunRefused(
    "result_store_unavailable",
    "The rows of the source run were deleted when their time was up. Run its query again.",
  );
}

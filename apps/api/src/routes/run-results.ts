import { Readable } from "node:stream";
import type { Cell, Column, Part, Statement } from "@quern/contract/results";
import { downloadRunResult, readRunRows } from "@quern/contract/run-results";
import type { Run } from "@quern/contract/runs";
import { openPart, PartMissingError, PartStoreError } from "@quern/results/parts";
import { csv } from "@quern/results/read/csv";
import { json } from "@quern/results/read/json";
import { parquet } from "@quern/results/read/parquet";
import { type OpenPart, type ResultManifest, streamRows } from "@quern/results/read/rows";
import { type PartSource, partFromBytes } from "@quern/results/read/source";
import type { Actor } from "@quern/store/actor";
import { listParts, readPartData, type StoredPart } from "@quern/store/result-parts";
import { readRun } from "@quern/store/run-history";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { ApiError, notFound } from "../problems.ts";
import { serve } from "../serve.ts";

const PAGE = 100;

export function addRunResultRoutes(app: FastifyInstance, api: Api): void {
  const on = (id: string) => ({ action: "runs.read" as const, on: { type: "run" as const, id } });

  serve(
    app,
    api,
    readRunRows,
    ({ params }) => on(params.id),
    async ({ actor, params, query }) => {
      const { statement, manifest, openPart } = await openResult(
        api,
        actor,
        params.id,
        query.statement,
      );
      const offset = query.offset ?? 0;
      const rows = await readPage(manifest, openPart, offset, query.limit ?? PAGE).catch(
        rethrowExpired,
      );
      const { columns, truncated } = statement;
      return {
        statement: statement.index,
        columns,
        rows,
        offset,
        total: statement.rows,
        truncated,
      };
    },
    { uncheckedReply: true },
  );

  serve(
    app,
    api,
    downloadRunResult,
    ({ params }) => on(params.id),
    async ({ actor, params, query, reply }) => {
      const { run, statement, manifest, openPart } = await openResult(
        api,
        actor,
        params.id,
        query.statement,
      );
      const { format } = params;
      const body =
        format === "parquet"
          ? parquet(manifest, openPart)
          : format === "csv"
            ? csv(statement.columns, streamRows(manifest, openPart), {
                spreadsheet_safe: query.raw !== "true",
              })
            : json(statement.columns, streamRows(manifest, openPart));
      const first = await body.next().catch(rethrowExpired);
      await reply
        .type(MEDIA_TYPES[format])
        .header("content-disposition", attachment(run, format))
        .header("x-quern-rows", statement.rows)
        .header("x-quern-truncated", statement.truncated ?? "no")
        .send(fileOf(first, body));
      return undefined;
    },
  );
}

/** Rows of a page until they fill this much JSON, at least one: huge cells make short pages, not a huge reply. */
const MAX_PAGE_CHARACTERS = 8 * 1024 ** 2;

async function readPage(
  manifest: ResultManifest,
  open: OpenPart,
  offset: number,
  limit: number,
): Promise<Cell[][]> {
  const rows: Cell[][] = [];
  let characters = 0;
  for await (const chunk of streamRows(manifest, open, { offset, limit })) {
    for (const row of chunk) {
      characters += row.reduce<number>(
        (sum, cell) => sum + (typeof cell === "string" ? cell.length : 8),
        0,
      );
      if (rows.length > 0 && characters > MAX_PAGE_CHARACTERS) return rows;
      rows.push(row);
    }
  }
  return rows;
}

const MEDIA_TYPES = {
  csv: "text/csv; charset=utf-8; header=present",
  json: "application/json; charset=utf-8",
  parquet: "application/vnd.apache.parquet",
};

type ReturningStatement = Statement & { columns: Column[] };

/** The result of one statement, or of the last that returned rows. */
async function openResult(api: Api, actor: Actor, id: string, index: number | undefined) {
  const run = await readRun(api.db, actor, id);
  if (!run) throw notFound("run");
  if (run.finished_at === null) {
    throw new ApiError(
      "run_not_finished",
      "The run has not ended. Ask with ?wait=10 for the run first.",
    );
  }
  const statement = run.statements.findLast(
    (candidate): candidate is ReturningStatement =>
      candidate.columns !== null && (index === undefined || candidate.index === index),
  );
  if (!statement) {
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
  return { run, statement, manifest, openPart: partOpener(api, id, parts) };
}

function partOpener(api: Api, runId: string, parts: StoredPart[]): OpenPart {
  return async ({ part, statement }: Part): Promise<PartSource> => {
    const stored = parts[part]!;
    if (stored.store === "file") return openPart(api.partStore, stored.location!);
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

function rethrowExpired(error: unknown): never {
  if (error instanceof PartMissingError) throw expired();
  if (error instanceof PartStoreError) {
    throw new ApiError("unavailable", `The result store cannot be read: ${error.message}`);
  }
  throw error;
}

/**
 * The file as a stream. Its first chunk was taken early, so that what fails at once is an error document and not a cut
 * file. A reader who leaves, even before the stream began, closes the parts.
 */
function fileOf(first: IteratorResult<Buffer, void>, rest: AsyncGenerator<Buffer>): Readable {
  async function* chunks() {
    if (first.done) return;
    yield first.value;
    yield* rest;
  }
  const file = Readable.from(chunks(), { objectMode: false });
  file.once("close", () => rest.return(undefined));
  return file;
}

/** RFC 6266: an ASCII name for old clients, and the whole one. */
function attachment(run: Run, format: string): string {
  const name = (run.query?.name ?? `run-${run.id.slice(-12)}`).replace(/[\\/:*?"<>|]/g, "-").trim();
  const ascii = name.replace(/[^\x20-\x7e]/g, "_").replaceAll("%", "_");
  return `attachment; filename="${ascii}.${format}"; filename*=UTF-8''${encodeURIComponent(name)}.${format}`;
}

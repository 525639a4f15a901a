import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import {
  type DownloadDigest,
  type DownloadFormat,
  digestRunResult,
  downloadRunResult,
} from "@quern/contract/run-results";
import type { Run } from "@quern/contract/runs";
import { csv } from "@quern/results/read/csv";
import { json } from "@quern/results/read/json";
import { parquet } from "@quern/results/read/parquet";
import { streamRows } from "@quern/results/read/rows";
import { weightedCache } from "@quern/results/read/weighted-cache";
import { NotExportableError, xlsx } from "@quern/results/read/xlsx";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { ApiError } from "../problems.ts";
import { serve } from "../serve.ts";
import { openWholeResult, rethrowUnreadable, type StoredResult } from "../stored-result.ts";

type Asked = { format: DownloadFormat; raw: boolean };

export function addRunDownloadRoutes(app: FastifyInstance, api: Api): void {
  const on = (id: string) => ({ action: "runs.read" as const, on: { type: "run" as const, id } });
  /** A result never changes, nor does the file that is made of it. */
  const digests = weightedCache<DownloadDigest>(10_000, () => 1);

  serve(
    app,
    api,
    downloadRunResult,
    ({ params }) => on(params.id),
    async ({ actor, params, query, reply }) => {
      const result = await openWholeResult(api, actor, params.id, query.statement);
      const asked: Asked = { format: params.format, raw: query.raw === "true" };
      const body = fileOf(result, asked);
      const first = await body.next().catch(rethrowUnexportable);
      const whole = hashing(first, body, (size, sha256) =>
        digests.set(keyOf(result, asked), digestOf(result, size, sha256)),
      );
      const known = digests.get(keyOf(result, asked));
      reply
        .type(MEDIA_TYPES[asked.format])
        .header("content-disposition", attachment(result.run, asked.format))
        .header("x-quern-rows", result.statement.rows)
        .header("x-quern-truncated", result.statement.truncated ?? "no");
      if (known) {
        reply.header("content-length", known.size).header("repr-digest", field(known.sha256));
      } else {
        reply.trailer("repr-digest", async () => field(whole.sha256()));
      }
      await reply.send(whole.stream);
      return undefined;
    },
  );

  serve(
    app,
    api,
    digestRunResult,
    ({ params }) => on(params.id),
    async ({ actor, params, query, request }) => {
      const result = await openWholeResult(api, actor, params.id, query.statement);
      const asked: Asked = { format: params.format, raw: query.raw === "true" };
      const known = digests.get(keyOf(result, asked));
      if (known) return known;
      const hash = createHash("sha256");
      let size = 0;
      const work = async () => {
        for await (const chunk of fileOf(result, asked)) {
          if (request.raw.socket.destroyed) break;
          hash.update(chunk);
          size += chunk.length;
        }
      };
      await work().catch(rethrowUnexportable);
      const digest = digestOf(result, size, hash.digest("hex"));
      if (!request.raw.socket.destroyed) digests.set(keyOf(result, asked), digest);
      return digest;
    },
  );
}

function fileOf(result: StoredResult, { format, raw }: Asked): AsyncGenerator<Buffer> {
  const { manifest, openPart, statement } = result;
  const rows = () => streamRows(manifest, openPart);
  switch (format) {
    case "csv":
      return csv(statement.columns, rows(), { spreadsheet_safe: !raw });
    case "json":
      return json(statement.columns, rows());
    case "parquet":
      return parquet(manifest, openPart);
    case "xlsx":
      return xlsx(manifest, openPart);
  }
}

function keyOf({ run, statement }: StoredResult, { format, raw }: Asked): string {
  return `${run.id}/${statement.index}.${format}${raw ? " raw" : ""}`;
}

function digestOf({ statement }: StoredResult, size: number, sha256: string): DownloadDigest {
  return { rows: statement.rows, size, sha256, truncated: statement.truncated };
}

/** RFC 9530. */
function field(sha256: string): string {
  return `sha-256=:${Buffer.from(sha256, "hex").toString("base64")}:`;
}

function rethrowUnexportable(error: unknown): never {
  if (error instanceof NotExportableError) throw new ApiError("not_exportable", error.message);
  return rethrowUnreadable(error);
}

const MEDIA_TYPES = {
  csv: "text/csv; charset=utf-8; header=present",
  json: "application/json; charset=utf-8",
  parquet: "application/vnd.apache.parquet",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
};

/**
 * The file as a stream. Its first chunk was taken early, so that what fails at once is an error document and not a cut
 * file; what fails later breaks the connection. A reader who leaves, even before the stream began, closes the parts.
 */
function hashing(
  first: IteratorResult<Buffer, void>,
  rest: AsyncGenerator<Buffer>,
  onWhole: (size: number, sha256: string) => void,
) {
  const hash = createHash("sha256");
  let size = 0;
  let sha256 = "";
  const counted = (chunk: Buffer): Buffer => {
    hash.update(chunk);
    size += chunk.length;
    return chunk;
  };
  async function* chunks() {
    if (first.done) return;
    yield counted(first.value);
    for await (const chunk of rest) yield counted(chunk);
    sha256 = hash.digest("hex");
    onWhole(size, sha256);
  }
  const stream = Readable.from(chunks(), { objectMode: false });
  stream.once("close", () => rest.return(undefined));
  return { stream, sha256: () => sha256 };
}

/** RFC 6266: an ASCII name for old clients, and the whole one. */
function attachment(run: Run, format: string): string {
  const name = (run.query?.name ?? `run-${run.id.slice(-12)}`).replace(/[\\/:*?"<>|]/g, "-").trim();
  const ascii = name.replace(/[^\x20-\x7e]/g, "_").replaceAll("%", "_");
  return `attachment; filename="${ascii}.${format}"; filename*=UTF-8''${encodeURIComponent(name)}.${format}`;
}

import { Readable } from "node:stream";
import { findMissingBlobs, putBlob, readBlob } from "@quern/contract/blobs";
import { putBlob as storeBlob } from "@quern/store/blob-writes";
import * as blobs from "@quern/store/blobs";
import { readSettings } from "@quern/store/settings";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { ApiError, notFound } from "../problems.ts";
import { serve } from "../serve.ts";

/** Files of projects, by their SHA-256. They stream through: one is never in memory as a whole. */
export function addBlobRoutes(app: FastifyInstance, api: Api): void {
  // A scope of its own: no other route takes bodies of bytes.
  app.register(async (scope) => {
    scope.addContentTypeParser("application/octet-stream", (_request, payload, done) =>
      done(null, payload),
    );

    serve(
      scope,
      api,
      putBlob,
      { action: "jobs.create_sql" },
      async ({ actor, params, request }) => {
        const digest = Buffer.from(params.digest, "hex");
        const { jobs } = await readSettings(api.db, actor.org_id);
        const declared = Number(request.headers["content-length"] ?? 0);
        if (declared > jobs.max_blob_bytes) {
          throw new ApiError(
            "payload_too_large",
            `The file has ${declared} bytes; a file of a project may have ${jobs.max_blob_bytes}. An admin can allow more.`,
          );
        }
        const size = await storeBlob(
          api.db,
          actor,
          digest,
          bytesOf(request.body),
          jobs.max_blob_bytes,
        );
        return { etag: `sha256:${params.digest}`, size };
      },
    );
  });

  serve(app, api, readBlob, { action: "projects.read" }, async ({ actor, params, reply }) => {
    const digest = Buffer.from(params.digest, "hex");
    const size = await blobs.findBlob(api.db, actor, digest);
    if (size === undefined) throw notFound("file");
    const bytes = Readable.from(blobs.readBlob(api.db, actor.org_id, digest), {
      objectMode: false,
    });
    await reply
      .header("content-type", "application/octet-stream")
      .header("content-length", size)
      .header("etag", `"${params.digest}"`)
      // It never changes; who may see it may.
      .header("cache-control", "private, no-cache")
      .send(bytes);
  });

  serve(app, api, findMissingBlobs, { action: "jobs.create_sql" }, async ({ actor, body }) => {
    const digests = [...new Set(body.etags)].map((etag) => etag.slice("sha256:".length));
    const known = await blobs.nameBlobs(
      api.db,
      actor,
      digests.map((digest) => Buffer.from(digest, "hex")),
    );
    return {
      missing: digests.filter((digest) => !known.has(digest)).map((digest) => `sha256:${digest}`),
    };
  });
}

function bytesOf(body: unknown): AsyncIterable<Uint8Array> {
  if (body instanceof Readable) return body;
  throw new ApiError(
    "unsupported_media_type",
    "Send the bytes of the file as application/octet-stream.",
  );
}

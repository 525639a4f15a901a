import { z } from "zod";
import { Etag } from "./project-tree.ts";
import { route } from "./route.ts";

const digest = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hex digits");
const tag = "projects";

export const putBlob = route({
  operation: "putBlob",
  summary:
    "Upload the bytes of a file, whose SHA-256 the address says; sending them again changes nothing",
  tag,
  method: "PUT",
  path: "/api/v1/blobs/sha256/:digest",
  params: z.strictObject({ digest }),
  replies: { 200: z.strictObject({ etag: Etag, size: z.number().int() }) },
});

export const readBlob = route({
  operation: "readBlob",
  summary:
    "The bytes of a file that you uploaded, or of a project or job that you see; `application/octet-stream`",
  tag,
  method: "GET",
  path: "/api/v1/blobs/sha256/:digest",
  params: z.strictObject({ digest }),
  media: ["application/octet-stream"],
  replies: {},
});

export const findMissingBlobs = route({
  operation: "findMissingBlobs",
  summary: "Which of these files have to be uploaded before a tree may name them",
  tag,
  method: "POST",
  path: "/api/v1/blobs/missing",
  body: z.strictObject({ etags: z.array(Etag).max(20_000) }),
  replies: { 200: z.strictObject({ missing: z.array(Etag) }) },
});

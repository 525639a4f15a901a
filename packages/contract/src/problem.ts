import { z } from "zod";

/** What went wrong, for programs. A closed list: a client may switch on it. */
export const ProblemCode = z.enum([
  "invalid_request",
  "invalid_json",
  "payload_too_large",
  "unsupported_media_type",
  "not_signed_in",
  "wrong_credentials",
  "cross_site_request",
  "not_allowed",
  "not_found",
  "conflict",
  "version_conflict",
  "name_taken",
  "idempotency_mismatch",
  "link_expired",
  "already_set_up",
  "last_admin",
  "secret_required",
  "limit_above_maximum",
  "run_not_finished",
  "no_result",
  "result_expired",
  "not_exportable",
  "invalid_tree",
  "missing_head",
  "source_inputs_missing",
  "digest_mismatch",
  "part_out_of_order",
  "part_mismatch",
  "job_started",
  "job_not_finished",
  "import_failed",
  "engine_mismatch",
  "instance_ended",
  "no_sandbox",
  "not_triable",
  "invalid_signature",
  "stale_timestamp",
  "invalid_payload",
  "rate_limited",
  "shutting_down",
  "unavailable",
  "internal",
]);
export type ProblemCode = z.infer<typeof ProblemCode>;

/** RFC 9457 problem document, the body of every error. */
export const Problem = z
  .strictObject({
    type: z.string().describe("`about:blank`; the code tells problems apart"),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().describe("What happened and what to do, in a sentence"),
    code: ProblemCode,
    request_id: z.string(),
    errors: z
      .array(z.strictObject({ path: z.string(), message: z.string() }))
      .optional()
      .describe("Per field, when the request did not fit its schema"),
    missing: z
      .array(z.string())
      .optional()
      .describe("Of source_inputs_missing: etags of the files to upload first"),
  })
  .meta({ id: "Problem" });
export type Problem = z.infer<typeof Problem>;

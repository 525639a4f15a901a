import type { Problem, ProblemCode } from "@quern/contract/problem";
import { Conflict } from "@quern/store/conflict";
import { sqlstate } from "@quern/store/db";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";

const STATUS: Record<ProblemCode, number> = {
  invalid_request: 400,
  invalid_json: 400,
  payload_too_large: 413,
  unsupported_media_type: 415,
  not_signed_in: 401,
  wrong_credentials: 401,
  cross_site_request: 403,
  not_allowed: 403,
  not_found: 404,
  conflict: 409,
  version_conflict: 409,
  name_taken: 409,
  idempotency_mismatch: 409,
  link_expired: 410,
  already_set_up: 409,
  last_admin: 409,
  secret_required: 400,
  limit_above_maximum: 400,
  run_not_finished: 409,
  no_result: 404,
  result_expired: 410,
  not_exportable: 422,
  invalid_tree: 400,
  missing_head: 400,
  source_inputs_missing: 409,
  digest_mismatch: 400,
  part_out_of_order: 409,
  part_mismatch: 409,
  job_started: 409,
  job_not_finished: 409,
  import_failed: 422,
  engine_mismatch: 400,
  instance_ended: 410,
  no_sandbox: 503,
  not_triable: 409,
  invalid_signature: 401,
  stale_timestamp: 401,
  invalid_payload: 422,
  rate_limited: 429,
  shutting_down: 503,
  unavailable: 503,
  internal: 500,
};

/** An answer other than success. `detail` says what happened and what to do. */
export class ApiError extends Error {
  override name = "ApiError";
  readonly code: ProblemCode;
  readonly errors: Problem["errors"];
  readonly missing: Problem["missing"];
  constructor(
    code: ProblemCode,
    detail: string,
    errors?: Problem["errors"],
    missing?: Problem["missing"],
  ) {
    super(detail);
    this.code = code;
    this.errors = errors;
    this.missing = missing;
  }
}

/** For things that are not there and for those that the actor may not know of, alike. */
export function notFound(what: string): ApiError {
  return new ApiError("not_found", `There is no such ${what}, or you may not see it.`);
}

/** Turns whatever a route threw into a problem document. What nobody named is `internal` and says nothing more. */
export function sendProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const known = toApiError(error, request.routeOptions.bodyLimit);
  if (!known) request.log.error({ err: error }, "request failed");
  else if (known.code === "unavailable") request.log.warn({ err: error }, "could not serve");
  const { code, message, errors, missing } =
    known ??
    new ApiError(
      "internal",
      "Something failed inside Quern. The log has it under this request id.",
    );
  const status = STATUS[code];
  const problem: Problem = {
    type: "about:blank",
    title: TITLES[status] ?? "Error",
    status,
    detail: message,
    code,
    request_id: request.id,
    ...(errors ? { errors } : {}),
    ...(missing ? { missing } : {}),
  };
  return reply
    .code(status)
    .type("application/problem+json")
    .serializer((body: unknown) => JSON.stringify(body))
    .send(problem);
}

const TITLES: Record<number, string> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  409: "Conflict",
  410: "Gone",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** SQLSTATEs of connection failures, too many connections and a server that starts or stops; not of our own timeout. */
const DATABASE_AWAY = /^(08|53|57P)/;
const SOCKET_AWAY = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTFOUND"]);

function toApiError(error: unknown, bodyLimit: number): ApiError | undefined {
  if (error instanceof ApiError) return error;
  if (error instanceof Conflict)
    return new ApiError(error.code, error.message, error.errors, error.missing);
  if (hasZodFastifySchemaValidationErrors(error)) {
    const errors = error.validation.map(({ instancePath, message }) => ({
      path: `${error.validationContext ?? "body"}${instancePath.replace(/\/$/, "").replaceAll("/", ".")}`,
      message: message ?? "is not valid",
    }));
    const first = errors[0]!;
    return new ApiError("invalid_request", `${first.path}: ${first.message}`, errors);
  }
  if (!(error instanceof Error)) return undefined;
  const { code = "", statusCode = 500 } = error as Partial<FastifyError>;
  if (
    DATABASE_AWAY.test(sqlstate(error) ?? "") ||
    SOCKET_AWAY.has(code) ||
    /^(Connection terminated|timeout exceeded)/.test(error.message)
  ) {
    return new ApiError("unavailable", "Quern's database does not answer. Try again in a moment.");
  }
  if (statusCode === 413)
    return new ApiError(
      "payload_too_large",
      `The request is larger than ${bodyLimit / 1024 ** 2} MiB.`,
    );
  if (statusCode === 415)
    return new ApiError("unsupported_media_type", "Send the body as application/json.");
  if (statusCode === 429) return new ApiError("rate_limited", error.message);
  if (statusCode === 503)
    return new ApiError("shutting_down", "Quern is stopping. Try again in a moment.");
  if (code.startsWith("FST_ERR_CTP") || error instanceof SyntaxError)
    return new ApiError("invalid_json", "The body is not valid JSON.");
  if (statusCode >= 400 && statusCode < 500) return new ApiError("invalid_request", error.message);
  return undefined;
}

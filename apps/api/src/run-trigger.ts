import type { JobTrigger } from "@quern/contract/job-status";
import type { Actor } from "@quern/store/actor";
import type { FastifyRequest } from "fastify";

/** What asked for a run or a job: a person's page, or a token; `quern` says by its user agent that it is the CLI. */
export function triggerOf(actor: Actor, request: FastifyRequest): JobTrigger {
  if (actor.token_id === null) return "user";
  return request.headers["user-agent"]?.startsWith("quern-cli") ? "cli" : "api";
}

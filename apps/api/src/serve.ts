import { Problem } from "@quern/contract/problem";
import type { Route } from "@quern/contract/route";
import type { Action } from "@quern/contract/session";
import type { Actor } from "@quern/store/actor";
import type { Origin } from "@quern/store/audit";
import { withShownTiles } from "@quern/store/display-links";
import type { Resource, ResourceType } from "@quern/store/grants";
import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { can } from "./access.ts";
import { findActor } from "./actors.ts";
import type { Api } from "./api.ts";
import { ApiError, notFound } from "./problems.ts";

type Output<R, K extends string> =
  R extends Record<K, infer S extends z.ZodType> ? z.output<S> : Record<never, never>;

export type Input<R extends Route> = {
  params: Output<R, "params">;
  query: Output<R, "query">;
  body: Output<R, "body">;
};

/** What a route asks of its caller: an action, and where it is about a thing, which one. */
export type Permission<R extends Route> =
  | { action: Action; on?: Resource }
  | ((input: Input<R>) => { action: Action; on?: Resource });

export type PublicCall<R extends Route> = Input<R> & {
  origin: Origin;
  request: FastifyRequest;
  reply: FastifyReply;
};
export type Call<R extends Route> = PublicCall<R> & { actor: Actor };

type ReplyBody<R extends Route> =
  R["replies"] extends Record<number, infer S extends z.ZodType> ? z.input<S> : undefined;

type Options = {
  config?: FastifyContextConfig;
  /** Of the body, in bytes; 1 MiB when left out. */
  bodyLimit?: number;
  /** Sends the body as it is, unchecked: for large results. */
  uncheckedReply?: boolean;
  /** Whether a wall screen may ask, too; `runs`: about runs that its tiles show. */
  forDisplays?: true | "runs";
};

/** Answers an operation for people who are allowed to: authenticates, asks `can()`, then calls `handle` and sends its result. */
export function serve<const R extends Route>(
  app: FastifyInstance,
  api: Api,
  route: R,
  permission: Permission<R>,
  handle: (call: Call<R>) => Promise<ReplyBody<R>>,
  options: Options = {},
): void {
  addRoute(app, route, true, options, async (call) => {
    const found = await findActor(api, call.request);
    if (!found) throw new ApiError("not_signed_in", "Sign in first, or send a valid access token.");
    if (found.display && !options.forDisplays) {
      throw new ApiError(
        "not_allowed",
        "A display link shows what it was made for, and nothing else. Sign in to do more.",
      );
    }
    const actor =
      options.forDisplays === "runs" ? await withShownTiles(api.db, found, [idOf(call)]) : found;
    const { action, on } = typeof permission === "function" ? permission(call) : permission;
    await demand(api, actor, action, on);
    return handle({ ...call, actor });
  });
}

/** Of the run that a route with `forDisplays: "runs"` is about. */
function idOf({ params }: { params: object }): string {
  return "id" in params ? String(params.id) : "";
}

/** Answers an operation for anybody. */
export function servePublic<const R extends Route>(
  app: FastifyInstance,
  route: R,
  handle: (call: PublicCall<R>) => Promise<ReplyBody<R>>,
  options: Options = {},
): void {
  addRoute(app, route, false, options, handle);
}

const PROBLEM_REPLY = {
  description: "What went wrong, and what to do",
  content: { "application/problem+json": { schema: Problem } },
};

/** Describes a reply whose handler sends a stream. */
function streamed(media: readonly string[] | undefined) {
  if (!media) return {};
  const content = Object.fromEntries(media.map((type) => [type, { schema: z.string() }]));
  return { 200: { description: "A stream", content } };
}

/** What OpenAPI says of who may call; nothing where it is people and their tokens. */
function securityOf(
  guarded: boolean,
  { forDisplays }: Options,
): { security?: Record<string, string[]>[] } {
  if (!guarded) return { security: [] };
  return forDisplays ? { security: [{ token: [] }, { session: [] }, { display: [] }] } : {};
}

function addRoute<R extends Route>(
  app: FastifyInstance,
  route: R,
  guarded: boolean,
  options: Options,
  handle: (call: PublicCall<R>) => Promise<ReplyBody<R>>,
): void {
  const status = Number(Object.keys(route.replies)[0] ?? 200);
  app.route({
    method: route.method,
    url: route.path,
    ...(options.bodyLimit === undefined ? {} : { bodyLimit: options.bodyLimit }),
    config: { ...options.config, guarded },
    schema: {
      operationId: route.operation,
      summary: route.summary,
      tags: [route.tag],
      ...securityOf(guarded, options),
      params: route.params ?? z.strictObject({}),
      querystring: route.query ?? z.strictObject({}),
      ...(route.body ? { body: route.body } : {}),
      ...(route.headers ? { headers: route.headers } : {}),
      response: { ...route.replies, ...streamed(route.media), default: PROBLEM_REPLY },
    },
    ...(options.uncheckedReply
      ? { serializerCompiler: () => (data: unknown) => JSON.stringify(data) }
      : {}),
    async handler(request, reply) {
      const input = { params: request.params, query: request.query, body: request.body };
      const origin = { request_id: request.id, ip_address: request.ip };
      const body = await handle({ ...(input as Input<R>), origin, request, reply });
      return reply.sent ? reply : reply.code(status).send(body);
    },
  });
}

/** Throws the problem unless `can()` allows it. For rights that hang on what a handler found. */
export async function demand(api: Api, actor: Actor, action: Action, on?: Resource): Promise<void> {
  const decision = await can(api.db, actor, action, on);
  if (decision === "not_found") throw notFound(NOUNS[on!.type]);
  if (decision === "forbidden") {
    throw new ApiError(
      "not_allowed",
      `Your role (${actor.role}) may not do this. An admin can change roles under Members.`,
    );
  }
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** True: asks `can()`. False: answers anybody. Every route must say which; see `refuseUndeclared`. */
    guarded?: boolean;
  }
}

/** Makes the start fail when a route is added that does not say who may call it. Call before any route is added. */
export function refuseUndeclared(app: FastifyInstance, exceptBelow: readonly string[]): void {
  app.addHook("onRoute", ({ method, url, config }) => {
    if (config?.guarded !== undefined || exceptBelow.some((prefix) => url.startsWith(prefix)))
      return;
    throw new Error(`${method} ${url} declares no permission: add it by serve() or servePublic()`);
  });
}

const NOUNS: Record<ResourceType, string> = {
  datasource: "datasource",
  query: "query",
  deleted_query: "deleted query",
  visualization: "chart",
  dashboard: "dashboard",
  deleted_dashboard: "deleted dashboard",
  playlist: "playlist",
  display_link: "display link",
  run: "run",
  schedule: "schedule",
  project: "project",
  deleted_project: "deleted project",
  job: "job",
  layer: "layer",
};

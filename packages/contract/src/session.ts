import { z } from "zod";
import { linkToken, PersonRef, Role } from "./members.ts";
import { route } from "./route.ts";
import { email, id, instant, name, newPassword, page, text } from "./text.ts";

/** Everything that a person or a token may be allowed to do. `can()` of the API decides. */
export const Action = z
  .enum([
    "datasources.read",
    "datasources.introspect",
    "datasources.write",
    "queries.read",
    "queries.write",
    "visualizations.read",
    "visualizations.write",
    "dashboards.read",
    "dashboards.write",
    "display_links.write",
    "display.read",
    "schedules.read",
    "schedules.write",
    "library.read",
    "library.write",
    "favorites.own",
    "snippets.read",
    "snippets.write",
    "drafts.own",
    "runs.read",
    "runs.create",
    "runs.create_sql",
    "runs.cancel",
    "projects.read",
    "projects.write",
    "jobs.read",
    "jobs.create",
    "jobs.create_sql",
    "jobs.cancel",
    "layers.read",
    "layers.write",
    "layers.evict",
    "instances.read",
    "instances.write",
    "tokens.own",
    "members.read",
    "members.write",
    "groups.read",
    "groups.write",
    "settings.read",
    "settings.write",
    "webhooks.read",
    "webhooks.write",
    "health.read",
    "health.write",
    "agents.read",
    "agents.write",
    "self.read",
    "system.read",
  ])
  .meta({ id: "Action" });
export type Action = z.infer<typeof Action>;

export const Me = z
  .strictObject({
    user: z.strictObject({ id, name: z.string(), email: z.string() }),
    org: z.strictObject({ id, name: z.string() }),
    role: Role,
    actions: z.array(Action).describe("What this role may do at all; things also need a grant"),
  })
  .meta({ id: "Me" });
export type Me = z.infer<typeof Me>;

/** Personal access tokens act as their owner. The token itself is shown once, at creation. */
export const Token = z
  .strictObject({
    id,
    name: z.string(),
    prefix: z.string().describe("The first characters, to recognise it by"),
    created_at: instant,
    expires_at: instant,
    last_used_at: instant.nullable(),
  })
  .meta({ id: "Token" });
export type Token = z.infer<typeof Token>;

export const signIn = route({
  operation: "signIn",
  summary: "Sign in with e-mail and password; sets the session cookie",
  tag: "session",
  method: "POST",
  path: "/api/v1/session",
  body: z.strictObject({ email: text(254), password: text(1024) }),
  replies: { 200: z.strictObject({ user: PersonRef }) },
});

export const signOut = route({
  operation: "signOut",
  summary: "Sign out: the session ends on the server",
  tag: "session",
  method: "DELETE",
  path: "/api/v1/session",
  replies: { 204: z.null() },
});

export const readMe = route({
  operation: "readMe",
  summary: "Who is signed in, and what they may do",
  tag: "session",
  method: "GET",
  path: "/api/v1/me",
  replies: { 200: Me },
});

export const readSetup = route({
  operation: "readSetup",
  summary: "Whether the first admin is still to be made",
  tag: "setup",
  method: "GET",
  path: "/api/v1/setup",
  replies: { 200: z.strictObject({ needed: z.boolean() }) },
});

export const setUp = route({
  operation: "setUp",
  summary: "Make the first admin with the one-time link that the console printed",
  tag: "setup",
  method: "POST",
  path: "/api/v1/setup",
  body: z.strictObject({ token: linkToken, email, name, password: newPassword }),
  replies: { 201: z.strictObject({ user: PersonRef }) },
});

export const listTokens = route({
  operation: "listTokens",
  summary: "Your access tokens",
  tag: "tokens",
  method: "GET",
  path: "/api/v1/tokens",
  replies: { 200: page(Token) },
});

export const createToken = route({
  operation: "createToken",
  summary: "Make an access token; the reply is the only place that shows it",
  tag: "tokens",
  method: "POST",
  path: "/api/v1/tokens",
  body: z.strictObject({
    name,
    expires_in_days: z.number().int().min(1).max(366).optional().describe("90 when left out"),
  }),
  replies: { 201: z.strictObject({ id, token: z.string(), expires_at: instant }) },
});

export const deleteToken = route({
  operation: "deleteToken",
  summary: "Revoke an access token, at once",
  tag: "tokens",
  method: "DELETE",
  path: "/api/v1/tokens/:id",
  params: z.strictObject({ id }),
  replies: { 204: z.null() },
});

import { acceptLink, readLink } from "@quern/contract/members";
import { readMe, readSetup, setUp, signIn, signOut } from "@quern/contract/session";
import { recordAudit } from "@quern/store/audit";
import { inTransaction } from "@quern/store/db";
import * as links from "@quern/store/links";
import { findActor } from "@quern/store/members";
import { isAPIError } from "better-auth/api";
import { fromNodeHeaders } from "better-auth/node";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { actionsOf } from "../access.ts";
import type { Api } from "../api.ts";
import { hashPassword } from "../passwords.ts";
import { ApiError } from "../problems.ts";
import { serve, servePublic } from "../serve.ts";

/** Per client address: a password check costs 100 ms and 64 MiB. */
const GUESSES = { config: { rateLimit: { max: 60, timeWindow: "1 minute" } } };
/** Per address and account, so that behind a proxy one person's wrong guesses lock out nobody else. */
const SIGN_INS = {
  config: {
    rateLimit: {
      max: 20,
      timeWindow: "1 minute",
      hook: "preHandler" as const,
      keyGenerator: ({ ip, body }: FastifyRequest) => {
        const email = (body as { email?: unknown } | undefined)?.email;
        return `${ip} ${String(email).toLowerCase()}`;
      },
    },
  },
};

export function addSessionRoutes(app: FastifyInstance, api: Api): void {
  servePublic(
    app,
    signIn,
    async ({ body, request, reply }) => ({ user: await startSession(api, body, request, reply) }),
    SIGN_INS,
  );

  servePublic(app, signOut, async ({ request, reply }) => {
    const { headers } = await api.signIn.api.signOut({
      headers: fromNodeHeaders(request.headers),
      returnHeaders: true,
    });
    passCookies(headers, reply);
    return null;
  });

  serve(app, api, readMe, { action: "self.read" }, async ({ actor }) => ({
    user: { id: actor.user_id, name: actor.name, email: actor.email },
    org: { id: actor.org_id, name: actor.org_name },
    role: actor.role,
    actions: actionsOf(actor.role),
  }));

  servePublic(app, readSetup, async () => ({ needed: await links.isSetupNeeded(api.db) }));

  servePublic(
    app,
    setUp,
    async ({ body, request, reply, origin }) => {
      const password_hash = await hashPassword(body.password);
      await inTransaction(api.db, async (trx) => {
        const admin = await links.setUp(trx, body.token, {
          email: body.email,
          name: body.name,
          password_hash,
        });
        await recordAudit(trx, admin, origin, {
          action: "org.set_up",
          resource_type: "org",
          resource_id: admin.org_id,
        });
      });
      return { user: await startSession(api, body, request, reply) };
    },
    GUESSES,
  );

  servePublic(app, readLink, async ({ body }) => links.readLink(api.db, body.token), GUESSES);

  servePublic(
    app,
    acceptLink,
    async ({ body, request, reply, origin }) => {
      const password_hash = await hashPassword(body.password);
      const email = await inTransaction(api.db, async (trx) => {
        const member = await links.acceptLink(trx, body.token, { name: body.name, password_hash });
        await recordAudit(trx, member, origin, {
          action: "member.joined",
          resource_type: "member",
          resource_id: member.user_id,
        });
        return member.email;
      });
      return { user: await startSession(api, { email, password: body.password }, request, reply) };
    },
    GUESSES,
  );
}

/** Checks e-mail and password and sets the session cookie. Whatever is wrong, the answer is the same. */
async function startSession(
  api: Api,
  { email, password }: { email: string; password: string },
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const wrong = new ApiError("wrong_credentials", "E-mail or password is wrong.");
  const { headers, response } = await api.signIn.api
    .signInEmail({
      body: { email: email.toLowerCase(), password },
      headers: fromNodeHeaders(request.headers),
      returnHeaders: true,
    })
    .catch((error: unknown) => {
      if (!isAPIError(error) || error.statusCode >= 500) throw error;
      api.log.warn({ ip_address: request.ip, request_id: request.id }, "a sign-in was refused");
      throw wrong;
    });
  const member = await findActor(api.db, response.user.id);
  if (!member) {
    await api.signIn.api.signOut({
      headers: new Headers({
        cookie: headers
          .getSetCookie()
          .map((cookie) => cookie.split(";")[0])
          .join("; "),
      }),
    });
    throw wrong;
  }
  passCookies(headers, reply);
  return { id: member.user_id, name: member.name };
}

function passCookies(headers: Headers, reply: FastifyReply): void {
  for (const cookie of headers.getSetCookie()) reply.header("set-cookie", cookie);
}

import type { Actor } from "@quern/store/actor";
import { DISPLAY_PREFIX } from "@quern/store/display-links";
import { findActor as findMember, touchMember } from "@quern/store/members";
import { findTokenActor } from "@quern/store/tokens";
import { fromNodeHeaders } from "better-auth/node";
import type { FastifyRequest } from "fastify";
import type { Api } from "./api.ts";

/** Who sends this request, by access token, display link or session cookie. With a token the cookie is not looked at. */
export async function findActor(api: Api, request: FastifyRequest): Promise<Actor | undefined> {
  const { authorization } = request.headers;
  if (authorization !== undefined) {
    const token = /^Bearer (\S{1,200})$/.exec(authorization)?.[1];
    if (token?.startsWith(DISPLAY_PREFIX)) {
      return api.screens.find(token, { request_id: request.id, ip_address: request.ip });
    }
    return token === undefined ? undefined : findTokenActor(api.db, token);
  }
  if (request.headers.cookie === undefined) return undefined;
  const session = await api.signIn.api.getSession({ headers: fromNodeHeaders(request.headers) });
  if (!session) return undefined;
  const member = await findMember(api.db, session.user.id);
  if (!member) return undefined;
  const actor = { ...member, token_id: null };
  await touchMember(api.db, actor);
  return actor;
}

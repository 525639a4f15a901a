import { createToken, deleteToken, listTokens } from "@quern/contract/session";
import { recordAudit } from "@quern/store/audit";
import { inTransaction } from "@quern/store/db";
import * as tokens from "@quern/store/tokens";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { ApiError, notFound } from "../problems.ts";
import { serve } from "../serve.ts";

const DAYS = 90;

export function addTokenRoutes(app: FastifyInstance, api: Api): void {
  serve(app, api, listTokens, { action: "tokens.own" }, async ({ actor }) => ({
    items: await tokens.listTokens(api.db, actor),
    next_cursor: null,
  }));

  serve(app, api, createToken, { action: "tokens.own" }, async ({ actor, body, origin }) => {
    // Else a leaked token would outlive its own revocation.
    if (actor.token_id !== null) {
      throw new ApiError(
        "not_allowed",
        "An access token cannot make another. Sign in, and make it under Access tokens.",
      );
    }
    return inTransaction(api.db, async (trx) => {
      const token = await tokens.createToken(trx, actor, body.name, body.expires_in_days ?? DAYS);
      await recordAudit(trx, actor, origin, {
        action: "token.created",
        resource_type: "token",
        resource_id: token.id,
        details: { name: body.name },
      });
      return { ...token, expires_at: token.expires_at.toISOString() };
    });
  });

  serve(app, api, deleteToken, { action: "tokens.own" }, async ({ actor, params, origin }) =>
    inTransaction(api.db, async (trx) => {
      if (!(await tokens.deleteToken(trx, actor, params.id))) throw notFound("token");
      await recordAudit(trx, actor, origin, {
        action: "token.deleted",
        resource_type: "token",
        resource_id: params.id,
      });
      return null;
    }),
  );
}

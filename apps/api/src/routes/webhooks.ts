import { randomBytes, randomUUID } from "node:crypto";
import {
  changeWebhook,
  createWebhook,
  deleteWebhook,
  listWebhooks,
  readWebhook,
  rotateWebhookSecret,
  type Webhook,
} from "@quern/contract/webhooks";
import { OutboundError } from "@quern/runtime/outbound-error";
import { recordAudit } from "@quern/store/audit";
import { type Database, inTransaction } from "@quern/store/db";
import { sealOwnSecret } from "@quern/store/own-secrets";
import * as webhooks from "@quern/store/webhooks";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { ApiError, notFound } from "../problems.ts";
import { serve } from "../serve.ts";
import { SECRET_PREFIX } from "../webhook-message.ts";

const OVERLAP_HOURS = 24;

/** Where events are told to. An admin's: an address may hold a password of its receiver. */
export function addWebhookRoutes(app: FastifyInstance, api: Api): void {
  const read = { action: "webhooks.read" as const };
  const write = { action: "webhooks.write" as const };
  const resource_type = "webhook";

  serve(app, api, listWebhooks, read, async ({ actor }) => ({
    items: await webhooks.listWebhooks(api.db, actor.org_id),
    next_cursor: null,
  }));

  serve(app, api, readWebhook, read, async ({ actor, params }) =>
    found(api.db, actor.org_id, params.id),
  );

  serve(app, api, createWebhook, write, async ({ actor, body, origin }) => {
    await refuseForbidden(api, body.url);
    const id = randomUUID();
    const secret = newSecret();
    const binding = { org: actor.org_id, kind: "webhook", id, version: 1 } as const;
    const sealed = await sealOwnSecret(api.keys.own, binding, secret);
    return inTransaction(api.db, async (trx) => {
      await webhooks.createWebhook(trx, actor, { id, ...body, secret: sealed });
      const details = forAudit(body);
      await recordAudit(trx, actor, origin, {
        action: "webhook.created",
        resource_type,
        resource_id: id,
        details,
      });
      return { webhook: await found(trx, actor.org_id, id), secret };
    });
  });

  serve(app, api, changeWebhook, write, async ({ actor, params: { id }, body, origin }) => {
    if (body.url !== undefined) await refuseForbidden(api, body.url);
    return inTransaction(api.db, async (trx) => {
      if (!(await webhooks.changeWebhook(trx, actor.org_id, id, body))) throw notFound("webhook");
      const details = forAudit(body);
      await recordAudit(trx, actor, origin, {
        action: "webhook.changed",
        resource_type,
        resource_id: id,
        details,
      });
      return found(trx, actor.org_id, id);
    });
  });

  serve(app, api, deleteWebhook, write, async ({ actor, params: { id }, origin }) =>
    inTransaction(api.db, async (trx) => {
      const { name } = await found(trx, actor.org_id, id);
      await webhooks.deleteWebhook(trx, actor.org_id, id);
      const details = { name };
      await recordAudit(trx, actor, origin, {
        action: "webhook.deleted",
        resource_type,
        resource_id: id,
        details,
      });
      return null;
    }),
  );

  serve(app, api, rotateWebhookSecret, write, async ({ actor, params: { id }, body, origin }) =>
    inTransaction(api.db, async (trx) => {
      const version = await webhooks.lockSecretVersion(trx, actor.org_id, id);
      if (version === undefined) throw notFound("webhook");
      const next = { org: actor.org_id, kind: "webhook", id, version: version + 1 } as const;
      const secret = newSecret();
      const sealed = await sealOwnSecret(api.keys.own, next, secret);
      const overlap_hours = body.overlap_hours ?? OVERLAP_HOURS;
      await webhooks.rotateSecret(
        trx,
        id,
        { secret: sealed, version: next.version },
        overlap_hours,
      );
      const details = { overlap_hours };
      await recordAudit(trx, actor, origin, {
        action: "webhook.secret_rotated",
        resource_type,
        resource_id: id,
        details,
      });
      return { webhook: await found(trx, actor.org_id, id), secret };
    }),
  );
}

async function found(db: Database, orgId: string, id: string): Promise<Webhook> {
  const webhook = (await webhooks.listWebhooks(db, orgId, id))[0];
  if (!webhook) throw notFound("webhook");
  return webhook;
}

/** 32 bytes, of which the specification asks for 24 to 64. */
function newSecret(): string {
  return `${SECRET_PREFIX}${randomBytes(32).toString("base64")}`;
}

/** Now, so that the form can say it; sending checks again. */
async function refuseForbidden(api: Api, url: string): Promise<void> {
  try {
    await api.outbound.check(url);
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    throw new ApiError("invalid_request", error.message, [
      { path: "body.url", message: error.message },
    ]);
  }
}

/** Receivers often put a password into the path or the query. */
function forAudit<T extends { url?: string | undefined }>({ url, ...rest }: T) {
  return url === undefined ? rest : { ...rest, url_origin: new URL(url).origin };
}

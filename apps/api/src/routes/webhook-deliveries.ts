import {
  listWebhookDeliveries,
  readWebhookDelivery,
  redeliverDeadWebhookDeliveries,
  redeliverWebhookDelivery,
  testWebhook,
} from "@quern/contract/webhooks";
import { recordAudit } from "@quern/store/audit";
import { type Database, inTransaction } from "@quern/store/db";
import * as deliveries from "@quern/store/webhook-deliveries";
import { listWebhooks } from "@quern/store/webhooks";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { notFound } from "../problems.ts";
import { serve } from "../serve.ts";

const PAGE = 50;

/** What was told to a webhook, and telling it again. */
export function addWebhookDeliveryRoutes(app: FastifyInstance, api: Api): void {
  const read = { action: "webhooks.read" as const };
  const write = { action: "webhooks.write" as const };
  const resource_type = "webhook";

  serve(app, api, listWebhookDeliveries, read, async ({ actor, params, query }) => {
    await demandWebhook(api.db, actor.org_id, params.id);
    const { limit = PAGE, ...filter } = query;
    return deliveries.listDeliveries(api.db, params.id, { ...filter, limit });
  });

  serve(app, api, readWebhookDelivery, read, async ({ actor, params }) => {
    await demandWebhook(api.db, actor.org_id, params.id);
    const delivery = await deliveries.readDelivery(api.db, params.id, params.delivery_id);
    if (!delivery) throw notFound("delivery");
    return delivery;
  });

  serve(app, api, testWebhook, write, async ({ actor, params: { id }, origin }) =>
    inTransaction(api.db, async (trx) => {
      const delivery_id = await deliveries.enqueueTest(trx, actor.org_id, id);
      if (delivery_id === undefined) throw notFound("webhook");
      await recordAudit(trx, actor, origin, {
        action: "webhook.tested",
        resource_type,
        resource_id: id,
      });
      return { delivery_id };
    }),
  );

  serve(
    app,
    api,
    redeliverWebhookDelivery,
    write,
    async ({ actor, params: { id, delivery_id }, origin }) =>
      inTransaction(api.db, async (trx) => {
        await demandWebhook(trx, actor.org_id, id);
        if (!(await deliveries.readDelivery(trx, id, delivery_id))) throw notFound("delivery");
        await deliveries.redeliver(trx, id, { id: delivery_id });
        const details = { delivery_id };
        await recordAudit(trx, actor, origin, {
          action: "webhook.redelivered",
          resource_type,
          resource_id: id,
          details,
        });
        return { delivery_id };
      }),
  );

  serve(
    app,
    api,
    redeliverDeadWebhookDeliveries,
    write,
    async ({ actor, params: { id }, origin }) =>
      inTransaction(api.db, async (trx) => {
        await demandWebhook(trx, actor.org_id, id);
        const count = await deliveries.redeliver(trx, id, "dead");
        const details = { count };
        await recordAudit(trx, actor, origin, {
          action: "webhook.redelivered",
          resource_type,
          resource_id: id,
          details,
        });
        return { count };
      }),
  );
}

async function demandWebhook(db: Database, orgId: string, id: string): Promise<void> {
  if ((await listWebhooks(db, orgId, id)).length === 0) throw notFound("webhook");
}

import { deleteLayerName, listLayerNames, nameState } from "@quern/contract/layer-names";
import { recordAudit } from "@quern/store/audit";
import { inTransaction } from "@quern/store/db";
import * as changes from "@quern/store/layer-changes";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { notFound } from "../problems.ts";
import { serve } from "../serve.ts";

export function addLayerNameRoutes(app: FastifyInstance, api: Api): void {
  serve(app, api, listLayerNames, { action: "layers.read" }, async ({ actor }) => ({
    items: await changes.listLayerNames(api.db, actor),
    next_cursor: null,
  }));

  serve(
    app,
    api,
    nameState,
    ({ body }) => ({ action: "layers.write", on: { type: "layer", id: body.layer_id } }),
    async ({ actor, params: { name }, body, origin }) =>
      inTransaction(api.db, async (trx) => {
        await changes.nameState(trx, actor, name, body.layer_id);
        await recordAudit(trx, actor, origin, {
          action: "layer.named",
          resource_type: "layer",
          resource_id: body.layer_id,
          details: { name },
        });
        const [named] = await changes.listLayerNames(trx, actor, name);
        if (!named) throw notFound("name");
        return named;
      }),
  );

  serve(
    app,
    api,
    deleteLayerName,
    { action: "layers.write" },
    async ({ actor, params: { name }, origin }) =>
      inTransaction(api.db, async (trx) => {
        const [named] = await changes.listLayerNames(trx, actor, name);
        if (!named) throw notFound("name");
        await changes.deleteLayerName(trx, actor, name);
        await recordAudit(trx, actor, origin, {
          action: "layer.name_deleted",
          resource_type: "layer",
          resource_id: named.layer_id,
          details: { name, state_key: named.state_key },
        });
        return null;
      }),
  );
}

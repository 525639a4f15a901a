import {
  changeLayer,
  evictLayer,
  explainStates,
  listLayers,
  pinLayer,
  readLayer,
  readLayerCapacity,
  unpinLayer,
} from "@quern/contract/layers";
import type { Actor } from "@quern/store/actor";
import { recordAudit, recordAudits } from "@quern/store/audit";
import { type Database, inTransaction } from "@quern/store/db";
import { listLayerCaches } from "@quern/store/layer-caches";
import * as changes from "@quern/store/layer-changes";
import { beginEviction } from "@quern/store/layer-evictions";
import * as layers from "@quern/store/layer-list";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { ApiError, notFound } from "../problems.ts";
import { serve } from "../serve.ts";

const entry = (deed: string, id: string, details: Record<string, unknown> = {}) => ({
  action: `layer.${deed}`,
  resource_type: "layer",
  resource_id: id,
  details,
});

export function addLayerRoutes(app: FastifyInstance, api: Api): void {
  serve(app, api, listLayers, { action: "layers.read" }, async ({ actor, query }) =>
    layers.listLayers(api.db, actor, {
      ...query,
      pinned: query.pinned === undefined ? undefined : query.pinned === "true",
    }),
  );

  serve(app, api, readLayerCapacity, { action: "layers.read" }, async () => ({
    caches: await listLayerCaches(api.db),
  }));

  serve(app, api, explainStates, { action: "layers.read" }, async ({ actor, body }) => {
    const keys = body.state_keys.map((key) => Buffer.from(key, "hex"));
    return { items: await layers.explainStates(api.db, actor, keys) };
  });

  serve(
    app,
    api,
    readLayer,
    ({ params: { id } }) => ({ action: "layers.read", on: { type: "layer", id } }),
    async ({ actor, params: { id } }) => readBack(api.db, actor, id),
  );

  addChanges(app, api);
  addEviction(app, api);
}

function addChanges(app: FastifyInstance, api: Api): void {
  serve(
    app,
    api,
    changeLayer,
    ({ params: { id } }) => ({ action: "layers.write", on: { type: "layer", id } }),
    async ({ actor, params: { id }, body, origin }) =>
      inTransaction(api.db, async (trx) => {
        await changes.tagLayer(trx, actor, id, body.tags);
        await recordAudit(trx, actor, origin, entry("tagged", id, { tags: body.tags }));
        return readBack(trx, actor, id);
      }),
  );

  serve(
    app,
    api,
    pinLayer,
    ({ params: { id } }) => ({ action: "layers.write", on: { type: "layer", id } }),
    async ({ actor, params: { id }, origin }) =>
      inTransaction(api.db, async (trx) => {
        await changes.pinLayer(trx, actor, id);
        await recordAudit(trx, actor, origin, entry("pinned", id));
        return readBack(trx, actor, id);
      }),
  );

  serve(
    app,
    api,
    unpinLayer,
    ({ params: { id } }) => ({ action: "layers.write", on: { type: "layer", id } }),
    async ({ actor, params: { id }, origin }) =>
      inTransaction(api.db, async (trx) => {
        await changes.unpinLayer(trx, actor, id);
        await recordAudit(trx, actor, origin, entry("unpinned", id));
        return readBack(trx, actor, id);
      }),
  );
}

function addEviction(app: FastifyInstance, api: Api): void {
  serve(
    app,
    api,
    evictLayer,
    ({ params: { id } }) => ({ action: "layers.evict", on: { type: "layer", id } }),
    async ({ actor, params: { id }, body, origin }) => {
      const items = await changes.planEvictionOf(api.db, actor, id, body.subtree);
      const free = items.filter(({ blocked }) => blocked === null);
      const freed_bytes = free.reduce((sum, { bytes }) => sum + bytes, 0);
      if (body.dry_run) return { dry_run: true, items, evicted: free.length, freed_bytes };
      const root = items.find(({ layer_id }) => layer_id === id);
      if (root?.blocked && !body.subtree) throw new ApiError("conflict", BLOCKED[root.blocked]);
      const gone: typeof items = [];
      await inTransaction(api.db, async (trx) => {
        for (const item of free)
          if (await beginEviction(trx, item.layer_id, "asked")) gone.push(item);
        await recordAudits(
          trx,
          actor,
          origin,
          gone.map(({ layer_id }) => entry("evicted", layer_id, { subtree_of: id })),
        );
      });
      return {
        dry_run: false,
        items,
        evicted: gone.length,
        freed_bytes: gone.reduce((sum, { bytes }) => sum + bytes, 0),
      };
    },
  );
}

const BLOCKED = {
  in_use: "The layer is in use by a job or an instance. Wait for it to end, or stop it.",
  pinned: "The layer is pinned. Unpin it first.",
  has_descendants:
    "Other layers share its blocks, so that nothing would be free without them. Evict them, too: send subtree.",
};

async function readBack(db: Database, actor: Actor, id: string) {
  const layer = await layers.readLayer(db, actor, id);
  if (!layer) throw notFound("layer");
  return layer;
}

import {
  deleteDraft,
  listDrafts,
  openDraft,
  orderDrafts,
  readDraft,
  writeDraft,
} from "@quern/contract/drafts";
import type { Actor } from "@quern/store/actor";
import * as drafts from "@quern/store/drafts";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { notFound } from "../problems.ts";
import { demand, serve } from "../serve.ts";

/** Drafts are found by their person: nobody can name those of somebody else. */
const OWN = { action: "drafts.own" } as const;

export function addDraftRoutes(app: FastifyInstance, api: Api): void {
  serve(app, api, listDrafts, OWN, async ({ actor }) => ({
    items: await drafts.listDrafts(api.db, actor),
    next_cursor: null,
  }));

  serve(app, api, readDraft, OWN, async ({ actor, params }) => existing(api, actor, params.id));

  serve(app, api, writeDraft, OWN, async ({ actor, params, body }) => {
    if (body.query_id !== null)
      await demand(api, actor, "queries.read", { type: "query", id: body.query_id });
    await drafts.writeDraft(api.db, actor, params.id, body);
    return head(api, actor, params.id);
  });

  serve(app, api, openDraft, OWN, async ({ actor, params, body }) => {
    if (!(await drafts.openDraft(api.db, actor, params.id, body.open))) throw notFound("draft");
    return head(api, actor, params.id);
  });

  serve(app, api, orderDrafts, OWN, async ({ actor, body }) => {
    await drafts.orderDrafts(api.db, actor, body.ids);
    return null;
  });

  serve(app, api, deleteDraft, OWN, async ({ actor, params }) => {
    if (!(await drafts.deleteDraft(api.db, actor, params.id))) throw notFound("draft");
    return null;
  });
}

async function existing(api: Api, actor: Actor, id: string) {
  const draft = await drafts.readDraft(api.db, actor, id);
  if (!draft) throw notFound("draft");
  return draft;
}

async function head(api: Api, actor: Actor, id: string) {
  const { content: _text, ...rest } = await existing(api, actor, id);
  return rest;
}

import {
  changeSnippet,
  createSnippet,
  deleteSnippet,
  listSnippets,
} from "@quern/contract/snippets";
import { recordAudit } from "@quern/store/audit";
import { inTransaction } from "@quern/store/db";
import * as snippets from "@quern/store/snippets";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { notFound } from "../problems.ts";
import { serve } from "../serve.ts";

export function addSnippetRoutes(app: FastifyInstance, api: Api): void {
  const entry = (deed: "created" | "changed" | "deleted", id: string) => ({
    action: `snippet.${deed}`,
    resource_type: "snippet",
    resource_id: id,
  });

  serve(app, api, listSnippets, { action: "snippets.read" }, async ({ actor }) => ({
    items: await snippets.listSnippets(api.db, actor),
    next_cursor: null,
  }));

  serve(app, api, createSnippet, { action: "snippets.write" }, async ({ actor, body, origin }) =>
    inTransaction(api.db, async (trx) => {
      const content = { ...body, description: body.description ?? "" };
      const id = await snippets.createSnippet(trx, actor, content);
      await recordAudit(trx, actor, origin, entry("created", id));
      return (await snippets.listSnippets(trx, actor, id))[0]!;
    }),
  );

  serve(
    app,
    api,
    changeSnippet,
    { action: "snippets.write" },
    async ({ actor, params: { id }, body, origin }) =>
      inTransaction(api.db, async (trx) => {
        if (!(await snippets.changeSnippet(trx, actor, id, body))) throw notFound("snippet");
        await recordAudit(trx, actor, origin, entry("changed", id));
        return (await snippets.listSnippets(trx, actor, id))[0]!;
      }),
  );

  serve(
    app,
    api,
    deleteSnippet,
    { action: "snippets.write" },
    async ({ actor, params: { id }, origin }) =>
      inTransaction(api.db, async (trx) => {
        if (!(await snippets.deleteSnippet(trx, actor, id))) throw notFound("snippet");
        await recordAudit(trx, actor, origin, entry("deleted", id));
        return null;
      }),
  );
}

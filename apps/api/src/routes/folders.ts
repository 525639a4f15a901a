import { changeFolder, createFolder, deleteFolder, listFolders } from "@quern/contract/library";
import { recordAudit } from "@quern/store/audit";
import { inTransaction } from "@quern/store/db";
import * as folders from "@quern/store/folders";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { notFound } from "../problems.ts";
import { serve } from "../serve.ts";

export function addFolderRoutes(app: FastifyInstance, api: Api): void {
  serve(app, api, listFolders, { action: "library.read" }, async ({ actor }) => ({
    items: await folders.listFolders(api.db, actor),
    next_cursor: null,
  }));

  serve(app, api, createFolder, { action: "library.write" }, async ({ actor, body, origin }) =>
    inTransaction(api.db, async (trx) => {
      const id = await folders.createFolder(trx, actor, {
        name: body.name,
        parent_id: body.parent_id ?? null,
      });
      await recordAudit(trx, actor, origin, {
        action: "folder.created",
        resource_type: "folder",
        resource_id: id,
        details: body,
      });
      return (await folders.listFolders(trx, actor, id))[0]!;
    }),
  );

  serve(
    app,
    api,
    changeFolder,
    { action: "library.write" },
    async ({ actor, params, body, origin }) =>
      inTransaction(api.db, async (trx) => {
        if (!(await folders.changeFolder(trx, actor, params.id, body))) throw notFound("folder");
        await recordAudit(trx, actor, origin, {
          action: "folder.changed",
          resource_type: "folder",
          resource_id: params.id,
          details: body,
        });
        return (await folders.listFolders(trx, actor, params.id))[0]!;
      }),
  );

  serve(app, api, deleteFolder, { action: "library.write" }, async ({ actor, params, origin }) =>
    inTransaction(api.db, async (trx) => {
      const deleted = await folders.deleteFolder(trx, actor, params.id);
      if (!deleted) throw notFound("folder");
      await recordAudit(trx, actor, origin, {
        action: "folder.deleted",
        resource_type: "folder",
        resource_id: params.id,
        details: deleted,
      });
      return null;
    }),
  );
}

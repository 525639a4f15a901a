import { changeGroup, createGroup, deleteGroup, listGroups } from "@quern/contract/groups";
import { recordAudit } from "@quern/store/audit";
import { inTransaction } from "@quern/store/db";
import * as groups from "@quern/store/groups";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { notFound } from "../problems.ts";
import { serve } from "../serve.ts";

export function addGroupRoutes(app: FastifyInstance, api: Api): void {
  serve(app, api, listGroups, { action: "groups.read" }, async ({ actor }) => ({
    items: await groups.listGroups(api.db, actor.org_id),
    next_cursor: null,
  }));

  serve(app, api, createGroup, { action: "groups.write" }, async ({ actor, body, origin }) =>
    inTransaction(api.db, async (trx) => {
      const id = await groups.createGroup(trx, actor.org_id, {
        name: body.name,
        member_ids: body.member_ids ?? [],
      });
      await recordAudit(trx, actor, origin, {
        action: "group.created",
        resource_type: "group",
        resource_id: id,
        details: body,
      });
      return (await groups.listGroups(trx, actor.org_id, id))[0]!;
    }),
  );

  serve(
    app,
    api,
    changeGroup,
    { action: "groups.write" },
    async ({ actor, params, body, origin }) =>
      inTransaction(api.db, async (trx) => {
        if (!(await groups.changeGroup(trx, actor.org_id, params.id, body)))
          throw notFound("group");
        await recordAudit(trx, actor, origin, {
          action: "group.changed",
          resource_type: "group",
          resource_id: params.id,
          details: body,
        });
        return (await groups.listGroups(trx, actor.org_id, params.id))[0]!;
      }),
  );

  serve(app, api, deleteGroup, { action: "groups.write" }, async ({ actor, params, origin }) =>
    inTransaction(api.db, async (trx) => {
      if (!(await groups.deleteGroup(trx, actor.org_id, params.id))) throw notFound("group");
      await recordAudit(trx, actor, origin, {
        action: "group.deleted",
        resource_type: "group",
        resource_id: params.id,
      });
      return null;
    }),
  );
}

import {
  addMember,
  changeMember,
  linkMember,
  listMembers,
  type OneTimeLink,
} from "@quern/contract/members";
import { recordAudit } from "@quern/store/audit";
import { inTransaction } from "@quern/store/db";
import { type IssuedLink, issueJoinLink } from "@quern/store/links";
import * as members from "@quern/store/members";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { notFound } from "../problems.ts";
import { serve } from "../serve.ts";

export function addMemberRoutes(app: FastifyInstance, api: Api): void {
  serve(app, api, listMembers, { action: "members.read" }, async ({ actor }) => ({
    items: await members.listMembers(api.db, actor.org_id),
    next_cursor: null,
  }));

  serve(app, api, addMember, { action: "members.write" }, async ({ actor, body, origin }) =>
    inTransaction(api.db, async (trx) => {
      const id = await members.addMember(trx, actor.org_id, body);
      const link = await issueJoinLink(trx, actor.org_id, id, actor.user_id);
      await recordAudit(trx, actor, origin, {
        action: "member.added",
        resource_type: "member",
        resource_id: id,
        details: { role: body.role },
      });
      const [member] = await members.listMembers(trx, actor.org_id, id);
      return { member: member!, link: joinLink(api, link) };
    }),
  );

  serve(
    app,
    api,
    changeMember,
    { action: "members.write" },
    async ({ actor, params, body, origin }) =>
      inTransaction(api.db, async (trx) => {
        if (!(await members.changeMember(trx, actor.org_id, params.id, body)))
          throw notFound("member");
        await recordAudit(trx, actor, origin, {
          action: "member.changed",
          resource_type: "member",
          resource_id: params.id,
          details: body,
        });
        const [member] = await members.listMembers(trx, actor.org_id, params.id);
        return member!;
      }),
  );

  serve(app, api, linkMember, { action: "members.write" }, async ({ actor, params, origin }) =>
    inTransaction(api.db, async (trx) => {
      const [member] = await members.listMembers(trx, actor.org_id, params.id);
      if (!member || member.status === "deactivated") throw notFound("active member");
      const link = await issueJoinLink(trx, actor.org_id, params.id, actor.user_id);
      await recordAudit(trx, actor, origin, {
        action: "member.linked",
        resource_type: "member",
        resource_id: params.id,
      });
      return joinLink(api, link);
    }),
  );
}

/** The token stands in the fragment, which browsers do not send: no log and no proxy sees it. */
function joinLink(api: Api, link: IssuedLink): OneTimeLink {
  return {
    url: `${api.baseUrl}/join#token=${link.token}`,
    expires_at: link.expires_at.toISOString(),
  };
}

import {
  changeFinding,
  evaluateRules,
  exportFinding,
  type Finding,
  listFindings,
  listRules,
  readFinding,
} from "@quern/contract/health/findings";
import { enlistRules, evaluateSoon } from "@quern/health/advisors/engine";
import { noteScore } from "@quern/health/advisors/scores";
import { findingMarkdown } from "@quern/health/finding-markdown";
import * as findings from "@quern/health/findings";
import type { Actor } from "@quern/store/actor";
import { recordAudits } from "@quern/store/audit";
import { type Database, inTransaction } from "@quern/store/db";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { ApiError, notFound } from "../problems.ts";
import { serve } from "../serve.ts";

const PAGE = 100;

/** What the advisors found in monitored databases, and how each rule stands. */
export function addHealthFindingRoutes(app: FastifyInstance, api: Api): void {
  const read = { action: "health.read" as const };
  const write = { action: "health.write" as const };

  serve(
    app,
    api,
    listFindings,
    read,
    async ({ actor, query: { limit = PAGE, cursor, ...filter } }) =>
      findings.listFindings(api.db, actor.org_id, filter, { limit, cursor }),
  );

  serve(app, api, readFinding, read, async ({ actor, params: { id } }) =>
    existing(api.db, actor, id),
  );

  serve(app, api, exportFinding, read, async ({ actor, params: { id }, reply }) => {
    const finding = await existing(api.db, actor, id);
    await reply
      .header("content-disposition", `attachment; filename="finding-${finding.rule}.md"`)
      .type("text/markdown; charset=utf-8")
      .send(findingMarkdown(finding));
    return undefined;
  });

  serve(app, api, changeFinding, write, async ({ actor, params: { id }, body, origin }) => {
    const { snoozed_until, muted_reason } = body;
    if (snoozed_until != null && Date.parse(snoozed_until) <= Date.now()) {
      const message = "must be in the future; null ends a snooze";
      throw new ApiError("invalid_request", `snoozed_until ${message}.`, [
        { path: "body.snoozed_until", message },
      ]);
    }
    return inTransaction(api.db, async (trx) => {
      const database_id = await findings.changeFinding(trx, actor, id, body);
      if (database_id === undefined) throw notFound("finding");
      await noteScore(trx, database_id);
      const finding = await existing(trx, actor, id);
      const about = { rule: finding.rule, object: finding.object, database_id };
      const audited = (action: string, details: object) => ({
        action,
        resource_type: "finding",
        resource_id: id,
        details: { ...about, ...details },
      });
      await recordAudits(trx, actor, origin, [
        ...(snoozed_until === undefined
          ? []
          : [
              audited(snoozed_until === null ? "finding.woken" : "finding.snoozed", {
                snoozed_until,
              }),
            ]),
        ...(muted_reason === undefined
          ? []
          : [
              audited(muted_reason === null ? "finding.unmuted" : "finding.muted", {
                muted_reason,
              }),
            ]),
      ]);
      return finding;
    });
  });

  serve(app, api, listRules, read, async ({ actor, params: { id } }) => {
    const items = await findings.listRuleResults(api.db, actor.org_id, id);
    if (items === undefined) throw notFound("database");
    return { items };
  });

  serve(app, api, evaluateRules, write, async ({ actor, params: { id } }) => {
    if ((await findings.listRuleResults(api.db, actor.org_id, id)) === undefined)
      throw notFound("database");
    await enlistRules(api.db);
    await evaluateSoon(api.db, id);
    return null;
  });
}

async function existing(db: Database, actor: Actor, id: string): Promise<Finding> {
  const finding = await findings.readFinding(db, actor.org_id, id);
  if (finding === undefined) throw notFound("finding");
  return finding;
}

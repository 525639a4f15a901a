import {
  listStatements,
  type RunCost,
  readRunCosts,
  readStatement,
  type StatementTotals,
} from "@quern/contract/health/statements";
import { findDatabases, readSections } from "@quern/health/read-databases";
import { rangeAnswer } from "@quern/health/read-range";
import { readRunCost } from "@quern/health/read-run-costs";
import { readMarks } from "@quern/health/read-series";
import * as one from "@quern/health/read-statement";
import * as statements from "@quern/health/read-statements";
import type { Actor } from "@quern/store/actor";
import type { Database } from "@quern/store/db";
import { visibleQuery, visibleRun } from "@quern/store/grants";
import type { FastifyInstance } from "fastify";
import { sql } from "kysely";
import type { Api } from "../api.ts";
import { theDatabase, theRange } from "../monitored-database.ts";
import { ApiError, notFound } from "../problems.ts";
import { demand, serve } from "../serve.ts";

/** Statements of a monitored database, by what they cost. */
export function addHealthStatementRoutes(app: FastifyInstance, api: Api): void {
  const read = { action: "health.read" as const };

  serve(
    app,
    api,
    listStatements,
    read,
    async ({ actor, params, query: { from, to, ...filter } }) => {
      const row = await theDatabase(api.db, actor, params.id);
      const range = await theRange(api.db, { from, to });
      const { total, other, users, items } = await statements.listStatements(
        api.db,
        row.id,
        range,
        filter,
      );
      const sections = await readSections(api.db, row);
      return {
        ...{ range: rangeAnswer(range), state: sections.statements!, total, other, users },
        marks: await readMarks(api.db, "statement", range, row.id),
        items: await withRuns(api.db, actor, items),
      };
    },
  );

  serve(app, api, readStatement, read, async ({ actor, params, query }) => {
    const row = await theDatabase(api.db, actor, params.id);
    const { compare, ...asked } = query;
    const range = await theRange(api.db, asked);
    const statement_id = Number(params.statement_id);
    const found = await one.readStatement(api.db, row, statement_id, range, compare === "week");
    if (found === undefined) throw notFound("statement");
    const [statement, ...siblings] = await withRuns(api.db, actor, [
      found.statement,
      ...found.siblings,
    ]);
    return { ...found, range: rangeAnswer(range), statement: statement!, siblings };
  });

  serve(app, api, readRunCosts, read, async ({ actor, query: { from, to, ...asked } }) => {
    const of = await runsOf(api, actor, asked);
    const range = await theRange(api.db, { from, to });
    const rows =
      of.datasource_id === null
        ? []
        : await findDatabases(api.db, actor.org_id, { datasource_id: of.datasource_id, limit: 20 });
    const items: RunCost[] = [];
    for (const row of rows) {
      const { statements: state } = await readSections(api.db, row);
      const { id, name, server_name } = row;
      const cost = await readRunCost(api.db, id, range, of.runs);
      items.push({ database: { id, name, server_name }, state: state!, ...cost });
    }
    return { range: rangeAnswer(range), items };
  });
}

/** Whose runs are asked about, and on which datasource they are. Throws not_found for what the actor may not see. */
async function runsOf(
  api: Api,
  actor: Actor,
  {
    query_id,
    datasource_id,
  }: { query_id?: string | undefined; datasource_id?: string | undefined },
) {
  if (query_id !== undefined && datasource_id === undefined) {
    await demand(api, actor, "queries.read", { type: "query", id: query_id });
    const { rows } = await sql<{ datasource_id: string }>`
      select datasource_id from queries join query_versions as versions
        on versions.query_id = queries.id and versions.version = queries.version
      where queries.id = ${query_id}`.execute(api.db);
    return { datasource_id: rows[0]?.datasource_id ?? null, runs: { query_id } };
  }
  if (datasource_id !== undefined && query_id === undefined) {
    await demand(api, actor, "datasources.read", { type: "datasource", id: datasource_id });
    return { datasource_id, runs: { datasource_id } };
  }
  throw new ApiError("invalid_request", "Send either `query_id` or `datasource_id`.", [
    { path: "query.query_id", message: "or datasource_id, and not both" },
  ]);
}

/** With the run and the query that each came from, where the actor may see them. */
async function withRuns(
  db: Database,
  actor: Actor,
  rows: readonly statements.StatementRow[],
): Promise<StatementTotals[]> {
  const ids = [...new Set(rows.flatMap(({ run_id }) => run_id ?? []))];
  const { rows: found } =
    ids.length === 0
      ? { rows: [] }
      : await sql<{ id: string; query: { id: string; name: string } | null }>`
          select runs.id, (
            select jsonb_build_object('id', queries.id, 'name', versions.name)
            from queries join query_versions as versions on versions.query_id = queries.id and versions.version = queries.version
            where queries.id = runs.query_id and ${visibleQuery(actor)}
          ) as query
          from runs where runs.id = any(${ids}::uuid[]) and ${visibleRun(actor)}`.execute(db);
  const byId = new Map(found.map((run) => [run.id, run]));
  return rows.map(({ run_id, ...row }) => ({
    ...row,
    run: run_id === null ? null : (byId.get(run_id) ?? null),
  }));
}

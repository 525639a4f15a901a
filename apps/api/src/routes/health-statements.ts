import {
  listStatements,
  readStatement,
  type StatementTotals,
} from "@quern/contract/health/statements";
import { readSections } from "@quern/health/read-databases";
import { rangeAnswer } from "@quern/health/read-range";
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
import { notFound } from "../problems.ts";
import { serve } from "../serve.ts";

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
      const { total, other, items } = await statements.listStatements(
        api.db,
        row.id,
        range,
        filter,
      );
      const sections = await readSections(api.db, row);
      return {
        ...{ range: rangeAnswer(range), state: sections.statements!, total, other },
        marks: await readMarks(api.db, "statement", range, row.id),
        items: await withRuns(api.db, actor, items),
      };
    },
  );

  serve(app, api, readStatement, read, async ({ actor, params, query }) => {
    const row = await theDatabase(api.db, actor, params.id);
    const range = await theRange(api.db, query);
    const found = await one.readStatement(api.db, row, Number(params.statement_id), range);
    if (found === undefined) throw notFound("statement");
    const [statement, ...siblings] = await withRuns(api.db, actor, [
      found.statement,
      ...found.siblings,
    ]);
    return { ...found, range: rangeAnswer(range), statement: statement!, siblings };
  });
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

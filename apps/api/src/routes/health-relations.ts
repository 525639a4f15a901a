import { listIndexes, listTables, readTable } from "@quern/contract/health/relations";
import { readSections } from "@quern/health/read-databases";
import * as indexes from "@quern/health/read-indexes";
import { rangeAnswer } from "@quern/health/read-range";
import * as relations from "@quern/health/read-relations";
import * as tables from "@quern/health/read-table";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { theDatabase, theRange } from "../monitored-database.ts";
import { notFound } from "../problems.ts";
import { serve } from "../serve.ts";

/** Tables and indexes of a monitored database. */
export function addHealthRelationRoutes(app: FastifyInstance, api: Api): void {
  const read = { action: "health.read" as const };

  serve(app, api, listTables, read, async ({ actor, params, query: { from, to, ...filter } }) => {
    const row = await theDatabase(api.db, actor, params.id);
    const range = await theRange(api.db, { from, to });
    const found = await relations.listTables(api.db, row, range, filter);
    const { tables: state } = await readSections(api.db, row);
    return { range: rangeAnswer(range), state: state!, ...found };
  });

  serve(app, api, listIndexes, read, async ({ actor, params, query: { from, to, ...filter } }) => {
    const row = await theDatabase(api.db, actor, params.id);
    const range = await theRange(api.db, { from, to });
    const found = await indexes.listIndexes(api.db, row, range, filter);
    const { indexes: state } = await readSections(api.db, row);
    return { range: rangeAnswer(range), state: state!, ...found };
  });

  serve(app, api, readTable, read, async ({ actor, params, query }) => {
    const { compare, ...asked } = query;
    const row = await theDatabase(api.db, actor, params.id);
    const range = await theRange(api.db, asked);
    const id = Number(params.relation_id);
    const found = await tables.readTable(api.db, row, id, range, compare === "week");
    if (found === undefined) throw notFound("table");
    const { tables: state } = await readSections(api.db, row);
    return { range: rangeAnswer(range), state: state!, ...found };
  });
}

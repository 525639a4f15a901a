import type { Cell } from "@quern/contract/results";
import { readRunRows } from "@quern/contract/run-results";
import {
  type OpenPart,
  ResultIncompleteError,
  type ResultManifest,
  streamRows,
} from "@quern/results/read/rows";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { serve } from "../serve.ts";
import { notFinished, openResult, rethrowUnreadable } from "../stored-result.ts";

const PAGE = 100;

export function addRunResultRoutes(app: FastifyInstance, api: Api): void {
  serve(
    app,
    api,
    readRunRows,
    // openResult asks whether the actor may see the run: once is enough.
    { action: "runs.read" },
    async ({ actor, params, query }) => {
      const read = async () => {
        const result = await openResult(api, actor, params.id, query.statement);
        const { statement, manifest, openPart, complete } = result;
        const offset = query.offset ?? 0;
        const rows = await readPage(manifest, openPart, offset, query.limit ?? PAGE).catch(
          (error: unknown) => {
            // The run has ended since we looked, and its early rows went or became others.
            if (!complete && error instanceof ResultIncompleteError) return null;
            return rethrowUnreadable(error);
          },
        );
        if (rows === null) return null;
        const { columns, truncated, index } = statement;
        return {
          statement: index,
          columns,
          rows,
          offset,
          total: statement.rows,
          complete,
          truncated,
        };
      };
      const page = (await read()) ?? (await read());
      if (page === null) throw notFinished("The run ended this moment.");
      return page;
    },
    { uncheckedReply: true, forDisplays: "runs" },
  );
}

/** Rows of a page until they fill this much JSON, at least one: huge cells make short pages, not a huge reply. */
const MAX_PAGE_CHARACTERS = 8 * 1024 ** 2;

async function readPage(
  manifest: ResultManifest,
  open: OpenPart,
  offset: number,
  limit: number,
): Promise<Cell[][]> {
  const rows: Cell[][] = [];
  let characters = 0;
  for await (const chunk of streamRows(manifest, open, { offset, limit })) {
    for (const row of chunk) {
      characters += row.reduce<number>(
        (sum, cell) => sum + (typeof cell === "string" ? cell.length : 8),
        0,
      );
      if (rows.length > 0 && characters > MAX_PAGE_CHARACTERS) return rows;
      rows.push(row);
    }
  }
  return rows;
}

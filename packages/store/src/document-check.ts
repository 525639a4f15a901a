/** Whether a document fits together, before anything of it is made. */
import type { DashboardDocument, DocumentParameter } from "@quern/contract/dashboard-documents";
import type { Problem } from "@quern/contract/problem";
import { Conflict } from "./conflict.ts";

type DocumentProblem = { path: string; message: string };

/** Throws `Conflict` (`invalid_request`) with the place of each problem, when there is any. */
export function refuse(problems: readonly DocumentProblem[]): void {
  if (problems.length === 0) return;
  const errors: Problem["errors"] = problems.map(({ path, message }) => ({
    path: `body.document.${path}`,
    message,
  }));
  throw new Conflict("invalid_request", problems[0]!.message, errors);
}

/** Keys that are there twice, and keys that nothing has. */
export function checkKeys(document: DashboardDocument): DocumentProblem[] {
  const problems: DocumentProblem[] = [];
  const known = (list: "queries" | "visualizations" | "tiles") => {
    const keys = new Set<string>();
    for (const [index, { key }] of document[list].entries()) {
      if (keys.has(key))
        problems.push({
          path: `${list}.${index}.key`,
          message: `Two of ${list} have the key “${key}”.`,
        });
      keys.add(key);
    }
    return keys;
  };
  const [queries, visualizations, tiles] = [
    known("queries"),
    known("visualizations"),
    known("tiles"),
  ];
  const demand = (keys: Set<string>, key: string, path: string, what: string) => {
    if (!keys.has(key))
      problems.push({ path, message: `The document has no ${what} with the key “${key}”.` });
  };
  const demandOptions = (params: readonly DocumentParameter[], path: string) => {
    for (const [index, { options_query }] of params.entries())
      if (options_query)
        demand(queries, options_query.query, `${path}.${index}.options_query.query`, "query");
  };
  demandOptions(document.params, "params");
  for (const [index, { params }] of document.queries.entries())
    demandOptions(params, `queries.${index}.params`);
  for (const [index, { query }] of document.visualizations.entries())
    demand(queries, query, `visualizations.${index}.query`, "query");
  for (const [index, tile] of document.tiles.entries()) {
    if (tile.type !== "visualization") continue;
    demand(visualizations, tile.visualization, `tiles.${index}.visualization`, "visualization");
    if (tile.click?.type === "query")
      demand(queries, tile.click.query, `tiles.${index}.click.query`, "query");
  }
  for (const [index, schedule] of document.schedules.entries())
    for (const tile of schedule.tiles ?? [])
      demand(tiles, tile, `schedules.${index}.tiles`, "tile");
  return problems;
}

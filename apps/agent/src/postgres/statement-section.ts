/** The section of statements of all databases: the extension counts for the whole server, wherever it is created. */

import type { Outcomes } from "../engine/section.ts";
import type { Draft, Reading } from "./database-payload.ts";
import { section } from "./section.ts";
import { readStatements } from "./statements.ts";

/** Reads in the first database that has the extension; each payload gets its own rows, and how the reading went. */
export async function readStatementsOfAll(drafts: Draft[], reading: Reading): Promise<void> {
  const reached = drafts.filter(({ facts }) => facts !== null);
  const reader =
    reached.find(({ facts }) => facts?.extensions.has("pg_stat_statements")) ?? reached[0];
  if (!reader?.facts) return;
  const { facts, database } = reader;
  const outcomes: Outcomes = { results: [], unreachable: null };
  const answer = await section(outcomes, "statements", async () => {
    const session = await reading.connections.of(database.name);
    const value = await readStatements(
      session,
      facts,
      reached.map((draft) => draft.database.oid),
      reading.memory.statements,
      reading.config.collection.max_statements,
    );
    return { value, rows: null, truncated: value.truncated, problem: value.problem };
  });
  for (const draft of reached) {
    const of = answer?.databases.get(draft.database.oid);
    if (of !== undefined) {
      draft.parts.query_stats = of.query_stats;
      draft.parts.statements = of.state;
    }
    // What the reading took is said once.
    const first = draft === reader;
    draft.outcomes.results.push(
      ...outcomes.results.map((result) => ({
        ...result,
        duration_ms: first ? result.duration_ms : 0,
        rows: of?.query_stats.length ?? null,
      })),
    );
  }
}

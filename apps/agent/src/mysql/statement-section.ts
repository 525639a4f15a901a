/** The section of statements of all databases: they are counted in one table for the whole server. */
import type { Outcomes } from "../engine/section.ts";
import type { Draft, Reading } from "./database-payload.ts";
import { needing, section } from "./failure.ts";
import { readStatements } from "./statements.ts";

export async function readStatementsOfAll(
  drafts: readonly Draft[],
  { connections, config, databases, facts, memory }: Reading,
): Promise<void> {
  const outcomes: Outcomes = { results: [], unreachable: null };
  const answer = await section(outcomes, "statements", async () => {
    const session = await connections.main();
    const { max_statements } = config.collection;
    const value = await needing(facts.account, "select on performance_schema.*", () =>
      readStatements(session, facts, databases, memory, max_statements),
    );
    return { value, rows: null, truncated: value.truncated };
  });
  for (const [index, draft] of drafts.entries()) {
    const of = answer?.databases.get(draft.database);
    if (of !== undefined) {
      draft.parts.query_stats = of.query_stats;
      draft.parts.statements = of.state;
    }
    draft.outcomes.results.push(
      ...outcomes.results.map((result) => ({
        ...result,
        // What the reading took is said once.
        duration_ms: index === 0 ? result.duration_ms : 0,
        rows: of?.query_stats.length ?? null,
      })),
    );
  }
}

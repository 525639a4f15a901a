import type { StatementStart } from "@quern/connectors/connector";
import type { ResultSink } from "@quern/connectors/postgres/script-rows";
import type { ResultWriter } from "@quern/results/write/writer";
import type { RunYield } from "./messages.ts";
import type { recordingSink } from "./sink.ts";

/** Statements without rows that a run lists: a dump has millions. */
const MAX_PLAIN = 1_000;
/** Those with rows. */
const MAX_RESULTS = 1_000;

/** Keeps the answers of a script, and says so when there are more than are kept. */
export function scriptSink(
  writer: ResultWriter,
  sink: ReturnType<typeof recordingSink>,
  given: Pick<RunYield, "notices">,
): ResultSink {
  let plain = 0;
  let results = 0;
  let left: number | null = null;
  let open: StatementStart | null = null;

  return {
    async statement(statement) {
      // The last one failed, and the script went on: its rows are no result.
      if (open !== null && open.columns !== null) await writer.close();
      open = null;
      if (statement.columns === null) {
        plain += 1;
        if (plain > MAX_PLAIN) return;
      } else {
        results += 1;
        if (results > MAX_RESULTS) {
          left ??= given.notices.push("") - 1;
          given.notices[left] =
            `WARNING: the rows of ${results - MAX_RESULTS} statements are not kept: a run keeps those of ${MAX_RESULTS}`;
          return;
        }
      }
      open = statement;
      await sink.statement(statement);
    },
    async batch(batch) {
      if (open !== null) await sink.batch(batch);
    },
    async end(end) {
      if (open === null) return;
      open = null;
      await sink.end(end);
    },
  };
}

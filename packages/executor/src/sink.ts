import type { OnSession, Sink, StatementStart } from "@quern/connectors/connector";
import type { ResultWriter } from "@quern/results/write/writer";
import type { BegunStatement, RunLink, RunYield } from "./messages.ts";

const MAX_NOTICES = 200;
const PROGRESS_MS = 250;

/** Writes what a connector gives into parts, notes the statements, and tells the supervisor how far it is. */
export function recordingSink(
  writer: ResultWriter,
  link: RunLink,
  given: Pick<RunYield, "statements" | "notices">,
): Sink & { begun(): BegunStatement | null } {
  let current: StatementStart | null = null;
  let rows = 0;
  let bytes = 0;
  let lastProgress = 0;
  let unseenNotices = 0;
  return {
    begun() {
      if (current === null || current.columns === null) return null;
      const { index, start, end, columns } = current;
      return { index, start, end, columns };
    },
    started: whenAllowed(link),
    statement(statement) {
      current = statement;
      if (statement.columns !== null) writer.begin(statement.index, statement.storages);
    },
    async batch(batch) {
      if (rows === 0) link.send({ type: "first_row" });
      rows += batch.rows;
      bytes += batch.bytes;
      const now = performance.now();
      if (now - lastProgress >= PROGRESS_MS) {
        lastProgress = now;
        link.send({ type: "progress", rows, bytes });
      }
      await writer.write(batch);
    },
    async end(end) {
      if (current === null) throw new Error("a statement ended that had not begun");
      const { start, end: textEnd, columns } = current;
      if (columns !== null) await writer.end();
      given.statements.push({ ...end, start, end: textEnd, columns });
    },
    notice(text) {
      if (given.notices.length < MAX_NOTICES) {
        given.notices.push(text);
        return;
      }
      unseenNotices += 1;
      given.notices[MAX_NOTICES] = `… and ${unseenNotices} more`;
    },
  };
}

/** Tells the supervisor of the session, and waits until it allows that something is sent in it. */
export function whenAllowed(link: RunLink): OnSession {
  return async (handle) => {
    const allowed = link.allowed();
    link.send({ type: "started", handle });
    await allowed;
  };
}

import type { Session } from "@quern/contract/agent/activity";
import { isClientOf, sessionObject, withSample } from "../facts-activity.ts";
import { secondsSince } from "../facts-window.ts";
import { fact, fixBy, found, judged, severityBy } from "../finding.ts";
import type { Found, Rule } from "../rule.ts";

const SECONDS = { info: 300, warning: 600, critical: 1_800 };
/** From then on the statement itself is what is long: another rule's. */
const LONG_QUERY_S = 1_800;

/** From then on it sits idle, which is another rule's as well. */
const IDLE_S = 300;

export const rule: Rule = {
  id: "long-transactions",
  title: "A transaction has been open for long",
  category: "horizon",
  explanation:
    "As long as a transaction is open, vacuum cannot remove rows that were deleted or updated since it began, in any table, and its locks stay. This one works on statement after statement; those that sit idle have a rule of their own.",
  source: "Dasha: 5, 10 and 30 minutes.",
  weight: { info: 2, warning: 10, critical: 30 },
  caps: false,
  of: "database",
  every_s: 60,
  needs: ["activity"],
  engines: ["postgres"],
  judge: (subject) =>
    withSample(subject, ({ at, sessions }) =>
      judged(
        sessions.flatMap((session): Found[] => {
          const seconds = secondsSince(session.xact_start, at);
          if (!isClientOf(subject, session) || !isAtWork(session, at) || seconds === null)
            return [];
          const active = session.state === "active";
          const running = active ? (secondsSince(session.query_start, at) ?? 0) : 0;
          const severity = severityBy(seconds, SECONDS);
          if (severity === undefined || running >= LONG_QUERY_S) return [];
          const evidence = [
            fact("open_for", seconds, "seconds", SECONDS[severity]),
            fact("statement_runs_for", running, "seconds"),
            fact("pid", session.pid),
            fact("user", session.user_name, "text"),
            fact("application", session.application, "text"),
            fact("statement", session.kind, "text"),
            fact("xmin_age", session.xmin_age === null ? null : Number(session.xmin_age), "xids"),
          ];
          const words =
            "Commit in smaller batches: a thousand rows at a time is as quick and holds nothing up. If nobody needs it any more, end the session: all that the transaction did is undone.";
          const fix = fixBy(`select pg_terminate_backend(${session.pid});`, words);
          return [found(sessionObject(session), severity, evidence, { fix })];
        }),
      ),
    ),
};

/** A sample may find it between two of its statements. */
function isAtWork({ state, state_change }: Session, at: Date): boolean {
  if (state === "active") return true;
  const idle_s = secondsSince(state_change, at);
  return state?.startsWith("idle in transaction") === true && idle_s !== null && idle_s < IDLE_S;
}

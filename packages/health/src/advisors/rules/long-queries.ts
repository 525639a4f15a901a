import { isClientOf, sessionObject, withSample } from "../facts-activity.ts";
import { secondsSince } from "../facts-window.ts";
import { fact, fixBy, found, judged, say, severityBy } from "../finding.ts";
import type { Found, Rule, Subject } from "../rule.ts";

const SECONDS = { warning: 1_800, critical: 3_600 };

export const rule: Rule = {
  id: "long-queries",
  title: "A statement has been running for very long",
  category: "locks",
  explanation:
    "A statement that runs for so long keeps old versions of rows from being removed in all tables, holds its locks, and is often one that its caller gave up on long ago. Back-ups and the server's own processes are left out.",
  source: "pganalyze: 30 minutes and 1 hour.",
  weight: { info: 5, warning: 20, critical: 40 },
  caps: false,
  of: "database",
  every_s: 60,
  needs: ["activity"],
  engines: ["postgres", "mysql", "mariadb"],
  judge: (subject) =>
    withSample(subject, ({ at, sessions }) =>
      judged(
        sessions.flatMap((session): Found[] => {
          const seconds = secondsSince(session.query_start, at);
          if (!isClientOf(subject, session) || session.state !== "active" || seconds === null)
            return [];
          const severity = severityBy(seconds, SECONDS);
          if (severity === undefined) return [];
          const evidence = [
            fact("running_for", seconds, "seconds", SECONDS[severity as keyof typeof SECONDS]),
            fact("pid", session.pid),
            fact("user", session.user_name, "text"),
            fact("application", session.application, "text"),
            fact("statement", session.kind, "text"),
            fact("query_hash", session.query_hash, "text"),
            fact("waits_for", waitOf(session), "text"),
          ];
          const words = say(
            "Ask whether somebody still waits for the answer; if not, cancel the statement (its session stays). {prevention}",
            { prevention: LIMITS[subject.type] },
          );
          const cancel =
            subject.type === "postgres"
              ? `select pg_cancel_backend(${session.pid});`
              : `kill query ${session.pid};`;
          return [found(sessionObject(session), severity, evidence, { fix: fixBy(cancel, words) })];
        }),
      ),
    ),
};

const LIMITS: Record<Subject["type"], string> = {
  postgres:
    "A limit for the role keeps it from happening again: `alter role … set statement_timeout = '30min'`.",
  mysql:
    "A limit keeps selects from it: `set global max_execution_time = 1800000`, or a hint in the statement.",
  mariadb:
    "A limit for the account keeps it from happening again: `alter user … with max_statement_time 1800`.",
};

function waitOf(session: {
  wait_event_type: string | null;
  wait_event: string | null;
}): string | null {
  const { wait_event_type, wait_event } = session;
  return wait_event_type === null ? null : `${wait_event_type}: ${wait_event ?? ""}`;
}

import type { Session } from "@quern/contract/agent/activity";
import { isClientOf, type Sample, sessionObject, withSample } from "../facts-activity.ts";
import { secondsSince } from "../facts-window.ts";
import { fact, fixBy, found, judged, say, severityBy } from "../finding.ts";
import type { Found, Rule, Subject } from "../rule.ts";

const COUNTED_S = 30;
const COUNTS = { info: 2, warning: 5, critical: 10 };
const SECONDS = { warning: 300, critical: 900 };

export const rule: Rule = {
  id: "idle-in-transaction",
  title: "Sessions sit idle in a transaction",
  category: "horizon",
  explanation:
    "The session has begun a transaction and does nothing: the application waits for something else, or forgot it. Meanwhile its locks stay, others queue behind them, and vacuum cannot clean up what changed since.",
  source:
    "Dasha: 2, 5 and 10 sessions for more than 30 s. pgMonitor: a single one for 5 and for 15 minutes.",
  weight: { info: 3, warning: 15, critical: 40 },
  caps: false,
  of: "database",
  every_s: 60,
  needs: ["activity"],
  engines: ["postgres", "mysql", "mariadb"],
  judge: (subject) =>
    withSample(subject, (sample) => {
      const idle = idleSessions(subject, sample);
      return judged([...many(subject, idle), ...idle.flatMap((each) => single(subject, each))]);
    }),
};

type Idle = { session: Session; seconds: number };

function idleSessions(subject: Subject, { at, sessions }: Sample): Idle[] {
  return sessions.flatMap((session) => {
    const seconds = secondsSince(session.state_change, at);
    const idle = session.state?.startsWith("idle in transaction") && isClientOf(subject, session);
    return idle && seconds !== null ? [{ session, seconds }] : [];
  });
}

const TIMEOUT_WORDS =
  "Let the server end such transactions: set idle_in_transaction_session_timeout for the role of the application, and look in it for calls of other services between `begin` and `commit`.";

/** MariaDB ends such sessions by a setting of its own, MySQL all that are idle. */
const TIMEOUTS: Record<Subject["type"], { change: string; words: string }> = {
  postgres: {
    change:
      "alter system set idle_in_transaction_session_timeout = '5min';\nselect pg_reload_conf();",
    words: TIMEOUT_WORDS,
  },
  mysql: {
    change: "set global wait_timeout = 600;",
    words:
      "Let the server end sessions that are idle: set wait_timeout, and look in the application for calls of other services between `begin` and `commit`.",
  },
  mariadb: {
    change: "set global idle_transaction_timeout = 300;",
    words:
      "Let the server end such transactions: set idle_transaction_timeout, and look in the application for calls of other services between `begin` and `commit`.",
  },
};

function many({ database_name, type }: Subject, idle: readonly Idle[]): Found[] {
  const counted = idle.filter(({ seconds }) => seconds > COUNTED_S);
  const severity = severityBy(counted.length, COUNTS);
  if (severity === undefined) return [];
  const evidence = [
    fact("sessions", counted.length, "count", COUNTS[severity]),
    fact("longest", Math.max(...counted.map(({ seconds }) => seconds)), "seconds", COUNTED_S),
    fact("users", [...new Set(counted.map(({ session }) => session.user_name))].join(", "), "text"),
  ];
  const { change, words } = TIMEOUTS[type];
  return [found(database_name, severity, evidence, { fix: fixBy(change, words) })];
}

function single({ type }: Subject, { session, seconds }: Idle): Found[] {
  const severity = severityBy(seconds, SECONDS);
  if (severity === undefined) return [];
  const evidence = [
    fact("idle_for", seconds, "seconds", SECONDS[severity as keyof typeof SECONDS]),
    fact("pid", session.pid),
    fact("user", session.user_name, "text"),
    fact("application", session.application, "text"),
    fact("last_statement", session.kind, "text"),
    fact("state", session.state, "text"),
    fact("transaction_began_at", session.xact_start, "time"),
  ];
  const fix = fixBy(
    type === "postgres" ? `select pg_terminate_backend(${session.pid});` : `kill ${session.pid};`,
    say("End the session: all that its transaction did is undone. {prevention}", {
      prevention: TIMEOUTS[type].words,
    }),
  );
  return [found(sessionObject(session), severity, evidence, { fix })];
}

import {
  type BlockingNode,
  type BlockingTree,
  blockingNodes,
  blockingTrees,
} from "@quern/contract/health/blocking-tree";
import { withSample } from "../facts-activity.ts";
import { advice, fact, fixBy, found, judged, say } from "../finding.ts";
import { qualified } from "../names.ts";
import type { Fix, Found, Rule, Subject } from "../rule.ts";

const LONG_S = 30;
const GRAVE_S = 300;
const GRAVE_MANY = 10;

export const rule: Rule = {
  id: "blocked-sessions",
  title: "Sessions wait for a lock that another holds",
  category: "locks",
  explanation:
    "One session holds a lock that others wait for, and those hold up more. The one at the root decides when all of them go on: it is the one to look at, not those that wait. A lock that is waited for counts as well: who comes later queues behind it.",
  source:
    "Own: one that waits for 30 s (pganalyze: three for a minute), critical from 5 minutes on. Dasha: ten that wait are critical.",
  weight: { info: 5, warning: 35, critical: 60 },
  caps: false,
  of: "database",
  every_s: 60,
  needs: ["activity"],
  engines: ["postgres", "mysql", "mariadb"],
  judge: (subject) =>
    withSample(subject, ({ at, sessions }) =>
      judged(
        blockingTrees(sessions, at)
          .filter((tree) => belongsTo(subject, tree))
          .flatMap((tree) => judgeTree(subject, tree)),
      ),
    ),
};

/** Of the database whose sessions wait. What waits in none (a shared object) is said at the main one. */
function belongsTo({ database_name, is_main }: Subject, { root }: BlockingTree): boolean {
  const database = root.children[0]?.session?.database ?? null;
  return database === null ? is_main : database === database_name;
}

function judgeTree(subject: Subject, tree: BlockingTree): Found[] {
  const { root, waiters, depth } = tree;
  const longest = tree.longest_wait_s ?? 0;
  const grave = longest >= GRAVE_S || waiters >= GRAVE_MANY;
  if (!grave && longest < LONG_S) return [];
  const nodes = blockingNodes(tree);
  const slowest = nodes.find(({ waited_s }) => waited_s === tree.longest_wait_s);
  const evidence = [
    fact("waiting_sessions", waiters, "count", grave ? GRAVE_MANY : 1),
    fact("longest_wait", tree.longest_wait_s, "seconds", grave ? GRAVE_S : LONG_S),
    fact("levels", depth),
    fact("root_pid", root.pid),
    fact("root_user", root.session?.user_name ?? null, "text"),
    fact("root_application", root.session?.application ?? null, "text"),
    fact("root_state", root.session?.state ?? null, "text"),
    fact("root_statement", root.session?.kind ?? null, "text"),
    fact("root_transaction_began_at", root.session?.xact_start ?? null, "time"),
    fact("waited_for", lockOf(tree.ddl ?? slowest), "text"),
    ...(tree.ddl ? [fact("change_that_waits", changeOf(tree.ddl), "text")] : []),
  ];
  const exact = nodes.every(({ waited_s, wait_exact }) => waited_s === null || wait_exact);
  const object =
    root.session === null || root.session.backend_start === null
      ? `pid ${root.pid}`
      : `pid ${root.pid} of ${root.session.backend_start}`;
  const more = { confidence: exact ? ("high" as const) : ("medium" as const) };
  const fix = fixOf(subject, tree);
  return [found(object, grave ? "critical" : "warning", evidence, { ...more, fix })];
}

function lockOf(node: BlockingNode | undefined): string | null {
  const wait = node?.session?.waits_for;
  if (!wait) return null;
  const { schema, relation, mode, lock_type } = wait;
  const on = relation === null ? lock_type : qualified({ schema: schema ?? "?", name: relation });
  return `${mode} on ${on}`;
}

function changeOf({ pid, session }: BlockingNode): string {
  return `${session?.kind ?? "?"} of pid ${pid}`;
}

const SHORT_WAIT: Record<Subject["type"], string> = {
  postgres: "set lock_timeout = '2s'",
  mysql: "set lock_wait_timeout = 2",
  mariadb: "set lock_wait_timeout = 2",
};
const IDLE_LIMIT: Record<Subject["type"], string> = {
  postgres: "idle_in_transaction_session_timeout",
  mysql: "wait_timeout",
  mariadb: "idle_transaction_timeout",
};

function fixOf({ type }: Subject, { reason, root, ddl }: BlockingTree): Fix {
  const terminate =
    type === "postgres" ? `select pg_terminate_backend(${root.pid});` : `kill ${root.pid};`;
  switch (reason) {
    case "ddl_queue": {
      const cancel =
        type === "postgres" ? `select pg_cancel_backend(${ddl!.pid});` : `kill query ${ddl!.pid};`;
      const words = say(
        "A change of a table waits behind a long reader, and all later readers queue behind the change. Cancel the change: everybody but the first goes on at once. Run it again with `{statement}` and try again until it gets its turn.",
        { statement: SHORT_WAIT[type] },
      );
      return fixBy(cancel, words);
    }
    case "idle_in_transaction":
      return fixBy(
        terminate,
        say(
          "The session at the root does nothing and has a transaction open. End it (what it did is undone), and set {setting}.",
          { setting: IDLE_LIMIT[type] },
        ),
      );
    case "prepared":
      return fixBy(
        "select gid, prepared, owner, database from pg_prepared_xacts order by prepared;",
        "A prepared transaction holds the lock: no session does, so none can be ended. Find it, then `commit prepared` or `rollback prepared` it.",
      );
    case "cycle":
      return advice(
        "They wait for each other: the server ends one of them after deadlock_timeout. Let all transactions take rows and tables in the same order.",
      );
    default:
      return fixBy(
        terminate,
        "The session at the root is at work. Wait for it, or end it if it matters less than those that wait: what its transaction did is undone.",
      );
  }
}

/** What is said of who holds whom up, and what to do about it. */
import type { DatabaseType } from "@quern/contract/agent/payload";
import type { BlockingNode, BlockingTree } from "@quern/contract/health/blocking-tree";
import { t } from "../../i18n/language.ts";
import { endingSql } from "./sessions.ts";

/** `AccessExclusiveLock on public.orders`; null for a session that waits for nothing. */
export function lockWords({ session }: BlockingNode): string | null {
  const wait = session?.waits_for;
  if (!wait) return null;
  const { schema, relation, mode, lock_type } = wait;
  if (relation !== null)
    return t("{mode} on {object}", {
      mode,
      object: schema === null ? relation : `${schema}.${relation}`,
    });
  return t("{mode} on a {type}", { mode, type: lock_type });
}

function pidWords(pid: number): string {
  return pid === 0 ? t("a prepared transaction") : t("process {pid}", { pid: String(pid) });
}

/** One sentence: why the root of a tree holds the others up. */
export function reasonWords({ reason, root, ddl, waiters }: BlockingTree): string {
  const who = pidWords(root.pid);
  switch (reason) {
    case "cycle":
      return t(
        "{n} session waits in a circle: the server will end one of them. | {n} sessions wait in a circle: the server will end one of them.",
        { n: waiters + 1 },
      );
    case "ddl_queue":
      return t(
        "A change of a table ({kind}, process {pid}) waits for {who}, and who comes later queues behind it.",
        { kind: ddl?.session?.kind ?? "DDL", pid: String(ddl?.pid ?? "?"), who },
      );
    case "prepared":
      return t(
        "A prepared transaction holds {n} session up. No session holds it, so none can be ended. | A prepared transaction holds {n} sessions up. No session holds it, so none can be ended.",
        { n: waiters },
      );
    case "idle_in_transaction":
      return t(
        "Process {pid} does nothing, has its transaction open, and holds {n} session up. | Process {pid} does nothing, has its transaction open, and holds {n} sessions up.",
        { n: waiters, pid: String(root.pid) },
      );
    case "active":
      return t(
        "Process {pid} is at work and holds {n} session up. | Process {pid} is at work and holds {n} sessions up.",
        { n: waiters, pid: String(root.pid) },
      );
    case "unknown":
      return t(
        "Process {pid} holds {n} session up. What it does is not in the sample. | Process {pid} holds {n} sessions up. What it does is not in the sample.",
        { n: waiters, pid: String(root.pid) },
      );
  }
}

export type Advice = { words: string; sql: string | null };

const PREPARED = "select gid, prepared, owner, database from pg_prepared_xacts order by prepared;";

/** What to do about a tree, with the statement for it. */
export function treeAdvice(tree: BlockingTree, engine: DatabaseType): Advice {
  const sql = treeSql(tree, engine);
  const { reason } = tree;
  if (engine !== "postgres" && reason !== "prepared") return { words: otherWords(reason), sql };
  switch (reason) {
    case "cycle":
      return {
        words: t(
          "Wait: after deadlock_timeout the server ends one of them. So that it does not come again, let all transactions take rows and tables in the same order.",
        ),
        sql,
      };
    case "ddl_queue":
      return {
        words: t(
          "Cancel the change: all but the first go on at once. Run it again with `set lock_timeout = '2s'`, and again until it gets its turn.",
        ),
        sql,
      };
    case "prepared":
      return {
        words: t("Find it, then `commit prepared` or `rollback prepared` it in its database."),
        sql,
      };
    case "idle_in_transaction":
      return {
        words: t(
          "End the session: what its transaction did is undone. So that it does not come again, set `idle_in_transaction_session_timeout` for its role.",
        ),
        sql,
      };
    case "active":
    case "unknown":
      return { words: WAIT_OR_END, sql };
  }
}

const WAIT_OR_END = t(
  "Wait for it, or end it when it matters less than those that wait: what its transaction did is undone.",
);

/** Of MySQL and MariaDB, whose settings have other names. */
function otherWords(reason: BlockingTree["reason"]): string {
  switch (reason) {
    case "cycle":
      return t(
        "Wait: the server ends one of them. So that it does not come again, let all transactions take rows and tables in the same order.",
      );
    case "ddl_queue":
      return t(
        "Cancel the change: all but the first go on at once. Run it again with `set lock_wait_timeout = 2`, and again until it gets its turn.",
      );
    default:
      return WAIT_OR_END;
  }
}

function treeSql({ reason, root, ddl }: BlockingTree, engine: DatabaseType): string | null {
  switch (reason) {
    case "cycle":
      return null;
    case "ddl_queue":
      return endingSql("cancel", sessionOf(ddl ?? root), engine);
    case "prepared":
      return engine === "postgres" ? PREPARED : "xa recover;";
    default:
      return endingSql("terminate", sessionOf(root), engine);
  }
}

const sessionOf = ({ pid, session }: BlockingNode) => ({
  pid,
  backend_start: session?.backend_start ?? null,
});

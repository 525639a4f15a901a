/**
 * Sessions of read-only datasources start read-only, but SQL can switch that off. So behind each statement, in its
 * transaction and before it is committed, goes a question that fails when the transaction wrote: then nothing of it
 * is kept. A transaction gets an id when it first writes, so an id tells. What a procedure commits by itself escapes
 * this; the role's privileges do not.
 */
import type { PostgresConfig } from "@quern/contract/datasources";
import { ConnectorError } from "../errors.ts";
import { bind, executePortal, parse } from "./messages.ts";

const WROTE = "22012";

/** Does not return NULL for it, since errors are what undoes a transaction. */
const GUARD =
  "select 1 / case when pg_catalog.txid_current_if_assigned() is null then 1 else 0 end as read_only";

/** To be followed by a Sync, which commits when the guard did not fail. */
export function guardMessages(): Buffer[] {
  return [parse("", GUARD, []), bind("", [], [0]), executePortal(0)];
}

/**
 * Statements that write nothing, and after which a query would be in the way: `set transaction isolation level` has
 * to come before any.
 */
export function needsNoGuard(command: string | null): boolean {
  return /^(BEGIN|START TRANSACTION|SET|RESET|SHOW|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|LISTEN|UNLISTEN|PREPARE|DEALLOCATE|DISCARD ALL)$/.test(
    command ?? "",
  );
}

export const MAY_COMMIT_INSIDE = /^(DO|CALL)$/;
export const UNCHECKED =
  "WARNING: this datasource is read-only, and a DO or CALL can commit by itself: whether this one wrote was only checked at its end";

/** What the guard's error means; any other error stays what it is. */
export function guardError(error: unknown, config: PostgresConfig, position: number): unknown {
  if (!(error instanceof ConnectorError) || error.sqlstate !== WROTE) return error;
  const role = `"${config.user.replaceAll('"', '""')}"`;
  return new ConnectorError({
    code: "permission_denied",
    message:
      "This datasource is read-only, and the statement wrote (or took a transaction id): its transaction was rolled back.",
    sqlstate: "25006",
    position,
    hint: `Its SQL lifted the session's read-only setting, and the role ${role} may write. Take that from the role: revoke insert, update, delete, truncate on all tables in schema public from ${role}; revoke create on schema public from ${role}; or let Quern sign in as a role that has only: grant pg_read_all_data to reader.`,
  });
}

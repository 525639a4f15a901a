/**
 * What one server is and has. Which columns a view has is asked of the view itself: MySQL and MariaDB have gone apart in
 * ways that versions do not tell.
 */
import type { Row } from "../engine/values.ts";
import { quotedAccount } from "./failure.ts";
import type { Session } from "./session.ts";
import { versionNumber } from "./version.ts";

export type Facts = {
  type: "mysql" | "mariadb";
  /** `MariaDB 10.11.6-MariaDB`, `MySQL 8.0.36`. */
  version: string;
  /** 10.11.6 is 101106, 8.0.36 is 80036. */
  version_num: number;
  /** The account that the server has taken the agent for: `quern_agent@%`. */
  account: string;
  performance_schema: boolean;
  /** Columns in lower case by `schema.view`; views that are not there, or hidden, are absent. */
  columns: ReadonlyMap<string, ReadonlySet<string>>;
  /** Every right that the account has on all databases, in upper case; empty where it cannot be told. */
  rights: ReadonlySet<string>;
};

const VIEWS = [
  "information_schema.check_constraints",
  "information_schema.innodb_locks",
  "information_schema.innodb_lock_waits",
  "information_schema.statistics",
  "information_schema.system_variables",
  "performance_schema.data_lock_waits",
  "performance_schema.events_statements_current",
  "performance_schema.events_statements_summary_by_digest",
  "performance_schema.metadata_locks",
  "performance_schema.session_connect_attrs",
  "performance_schema.variables_info",
];

/** Asked once for a session: none of it changes while a server runs but for rights, which a new session has. */
export async function readFacts(session: Session): Promise<Facts> {
  const [row] = await session.query(
    "select version() as version, @@version_comment as comment, current_user() as account, @@performance_schema as performance",
  );
  const version = row?.version ?? "";
  const type = /mariadb/i.test(`${version} ${row?.comment}`) ? "mariadb" : "mysql";
  return {
    type,
    version: `${type === "mariadb" ? "MariaDB" : "MySQL"} ${version}`.slice(0, 500),
    version_num: versionNumber(version),
    account: row?.account ?? "",
    performance_schema: row?.performance === "1",
    columns: await readColumns(session),
    rights: await readRights(session, row?.account ?? ""),
  };
}

/** The columns of `schema.view`; none where there is no such view. */
export function columnsOf(facts: Facts, view: string): ReadonlySet<string> {
  return facts.columns.get(view) ?? new Set();
}

/** One by one, by equality: anything else makes MariaDB open the tables of every database. */
async function readColumns(session: Session): Promise<Map<string, ReadonlySet<string>>> {
  const each = VIEWS.map((view) => {
    const [schema = "", name = ""] = view.split(".");
    // MySQL 8 has the views of information_schema in upper case, and compares them so.
    const written = schema === "information_schema" ? name.toUpperCase() : name;
    return `select '${view}' as view, lower(column_name) as name from information_schema.columns
      where table_schema = '${schema}' and table_name = '${written}'`;
  });
  const rows: Row[] = await session.query(each.join(" union all "));
  const columns = new Map<string, Set<string>>();
  for (const { view, name } of rows) {
    const of = columns.get(view ?? "") ?? new Set();
    columns.set(view ?? "", of);
    of.add(name ?? "");
  }
  return columns;
}

/** An account that may read the tables of accounts sees the rights of all. */
async function readRights(session: Session, account: string): Promise<Set<string>> {
  const rows = await session.query(
    "select upper(privilege_type) as name from information_schema.user_privileges where grantee = ?",
    [quotedAccount(account)],
  );
  return new Set(rows.map(({ name }) => name ?? ""));
}

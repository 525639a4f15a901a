import type { Facts } from "./facts.ts";

/**
 * SQL that makes an account which can read all that the agent reads, and no row of any table of users. `references` is
 * the least right that shows the structure of tables: with it alone nothing can be read, written or made.
 */
export function printMysqlGrants(account = "'quern_agent'@'%'"): string {
  return `-- An account for the agent of Quern: it reads statistics and the structure of tables, and no rows of them.
-- Run this as an administrator. Set the password so that it is in no history; narrow '%' to the agent's machine.
create user ${account} identified by '…' with max_user_connections 5;

-- Sessions, transactions and locks of all accounts; the structure of tables, without their rows.
grant process, references on *.* to ${account};
-- Statistics of statements, tables and indexes; sizes of indexes.
grant select on performance_schema.* to ${account};
grant select on mysql.innodb_index_stats to ${account};

-- Replication and binary logs. MySQL:
grant replication client on *.* to ${account};
-- MariaDB 10.5 and later, instead:
-- grant binlog monitor, slave monitor on *.* to ${account};

-- In the server's option file, and then a restart; MySQL has both without it:
-- [mysqld]
-- performance_schema = ON
-- performance-schema-instrument = 'wait/lock/metadata/sql/mdl=ON'
`;
}

/** What MySQL has as one right, MariaDB has as two. */
export function replicationRights({ type, version_num }: Pick<Facts, "type" | "version_num">): {
  status: string;
  logs: string;
} {
  return type === "mariadb" && version_num >= 100_500
    ? { status: "slave monitor", logs: "binlog monitor" }
    : { status: "replication client", logs: "replication client" };
}

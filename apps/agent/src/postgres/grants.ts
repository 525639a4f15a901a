import { quoted } from "./select-list.ts";

/**
 * SQL for `psql` that makes a role which can read all that the agent reads and nothing of any table. `databases` are
 * those to be monitored.
 */
export function printGrants(role = "quern_agent", databases: string[] = []): string {
  const connects =
    databases.length === 0
      ? "-- grant connect on database … to the role, where connect was revoked from public"
      : databases
          .map((database) => `grant connect on database ${quoted(database)} to ${quoted(role)};`)
          .join("\n");
  return `-- A role for the agent of Quern: it reads statistics of the server, and no rows of any table.
-- Run this as a superuser or as the administrator of the managed service.
create role ${quoted(role)} login connection limit 12;
-- Then, in psql, so that the password is in no history and no log:   \\password ${quoted(role)}

-- Statistics, settings, and texts of statements of all roles.
grant pg_monitor to ${quoted(role)};
${connects}

-- Once per monitored database, for statistics of statements. shared_preload_libraries must name pg_stat_statements.
create extension if not exists pg_stat_statements;

-- Optional, once per monitored database: estimates of bloat and the state of sequences. See --print-helper-sql.
`;
}

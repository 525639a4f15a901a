/** The role by which the agent reads Quern's own database. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Client, escapeIdentifier, escapeLiteral } from "pg";
import { type DataFolder, keptSecret } from "./data-folder.ts";
import type { MetadataDatabase } from "./database.ts";

type MonitoredServer = {
  /** The metadata database, as a role that may read statistics. */
  url: string;
  /** What the server is called, where its address changes at every start. */
  name: string | null;
  /** For the terminal; null where all is as it should be. */
  notice: string | null;
};

export const AGENT_ENTRY = fileURLToPath(new URL("../../agent/dist/main.js", import.meta.url));
/** The one that the agent's own SQL names. */
const ROLE = "quern_agent";

/** Makes role, extension and the agent's functions on a server of ours; one of yours is left as it is, and read as the role of DATABASE_URL. */
export async function monitoredServer(
  { url, adminUrl, ours }: MetadataDatabase,
  folder: DataFolder,
): Promise<MonitoredServer> {
  if (!ours) return { url, name: null, notice: await noticeOf(url) };
  const password = await keptSecret(folder.path, "monitor.password");
  const own = new URL(url);
  const admin = new URL(adminUrl);
  admin.pathname = own.pathname;
  const { stdout: helperSql } = await promisify(execFile)(
    process.execPath,
    [AGENT_ENTRY, "--print-helper-sql"],
    { env: {} },
  );
  await withClient(admin.href, async (client) => {
    const { rows } = await client.query<{ database: string; role: boolean }>(
      "select current_database() as database, exists (select from pg_roles where rolname = $1) as role",
      [ROLE],
    );
    const { database, role } = rows[0]!;
    // One transaction, as statements in one text are.
    await client.query(`
      ${role ? "" : `create role ${ROLE};`}
      alter role ${ROLE} login connection limit 12 password ${escapeLiteral(password)};
      grant pg_monitor to ${ROLE};
      grant connect on database ${escapeIdentifier(database)} to ${ROLE};
      create extension if not exists pg_stat_statements`);
    await client.query(helperSql);
  });
  own.username = ROLE;
  own.password = password;
  return { url: own.href, name: "Quern", notice: null };
}

async function noticeOf(url: string): Promise<string> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ role: string; allowed: boolean }>(
      "select current_user as role, pg_has_role(current_user, 'pg_monitor', 'usage') as allowed",
    );
    const { role, allowed } = rows[0]!;
    const said = `Health reads Quern's own database as the role ${role} of DATABASE_URL.`;
    if (allowed) return said;
    return `${said} Statements and sessions of other roles stay hidden until you grant it: grant pg_monitor to ${escapeIdentifier(role)}`;
  });
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

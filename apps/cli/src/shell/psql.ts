import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { InstanceLogin } from "@quern/contract/instances";
import type { Context } from "../commands/command.ts";
import { EXIT, type Exit } from "../faults.ts";

/** Where psql is on this machine's path; null when it is not installed. */
export async function findPsql(path: string | undefined): Promise<string | null> {
  for (const folder of (path ?? "").split(delimiter).filter(Boolean)) {
    const file = join(folder, "psql");
    try {
      await access(file, constants.X_OK);
      return file;
    } catch (error) {
      if (!(error instanceof Error && "code" in error)) throw error;
    }
  }
  return null;
}

/** Hands the terminal to psql until it ends. The password is in its environment, where `ps` does not show it. */
export async function runPsql(
  psql: string,
  { host, port, user, password, database, sslmode }: InstanceLogin,
  { environment, interrupts }: Pick<Context, "environment" | "interrupts">,
): Promise<Exit> {
  // Ctrl-C reaches psql too, since the terminal sends it to both; it stops a statement there.
  const release = interrupts.take(() => {});
  const { QUERN_TOKEN: _token, ...rest } = environment;
  const child = spawn(psql, [], {
    stdio: "inherit",
    env: {
      ...rest,
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: database,
      PGSSLMODE: sslmode,
      PGAPPNAME: "quern",
    },
  });
  try {
    const [code] = await once(child, "close");
    return code === 0 ? EXIT.ok : EXIT.failed;
  } finally {
    release();
  }
}

/** Looks at a state without changing it, as a role that reads everything and runs none of its code. */
import { Client } from "pg";
import { type Fingerprint, fingerprint } from "../layers/fingerprint.ts";
import type { Chain } from "../planner/plan.ts";
import { SandboxError } from "../sandbox-error.ts";
import type { JobShop, JobWork } from "./job-work.ts";

/** What is in the state of the chain, whose PGDATA is `directory`. */
export async function inspect(
  shop: JobShop,
  work: JobWork,
  chain: Chain,
  directory: string,
): Promise<Fingerprint> {
  const instance = await shop.instances.start({
    from: directory,
    key: chain.keys.at(-1)!,
    environment: chain.environment,
    purpose: "inspection",
    holder: { kind: "job", id: work.job.id },
    signal: work.signal,
  });
  const { socket_dir, port, reader } = instance;
  try {
    if (reader === null) throw new SandboxError("instance_failed", "The instance has no reader.");
    const connect = async (database: string) => {
      const client = new Client({ host: socket_dir, port, user: reader.user, database });
      // It ends with its instance; what is asked of it then fails by itself.
      client.on("error", () => {});
      await client.connect();
      return client;
    };
    return await fingerprint(connect, { signal: work.signal });
  } finally {
    await instance.destroy();
  }
}

/** What the keys of environments stand for. */
import type { Database } from "@quern/store/db";
import { noteEnvironment, readEnvironment } from "@quern/store/environments";
import type { Instances, ResolvedEnvironment } from "../instances/instances.ts";
import { specOf } from "../planner/plan.ts";
import { SandboxError } from "../sandbox-error.ts";

export type EnvironmentBook = {
  note(environment: ResolvedEnvironment): Promise<void>;
  /** null when nobody noted it, or what it asks for is something else here by now. */
  of(envKey: Buffer): Promise<ResolvedEnvironment | null>;
};

export function openEnvironmentBook(
  db: Database,
  instances: Pick<Instances, "environment">,
): EnvironmentBook {
  const noted = new Set<string>();
  return {
    async note({ env_key, engine, extensions, settings, superuser }) {
      const hex = env_key.toString("hex");
      if (noted.has(hex)) return;
      const names = extensions.map(({ name }) => name);
      const asked = { engine_version: engine.major, extensions: names, settings, superuser };
      await noteEnvironment(db, env_key, asked);
      noted.add(hex);
    },
    async of(envKey) {
      const asked = await readEnvironment(db, envKey);
      if (asked === undefined) return null;
      try {
        const resolved = instances.environment(specOf(asked));
        return resolved.env_key.equals(envKey) ? resolved : null;
      } catch (error) {
        if (error instanceof SandboxError) return null;
        throw error;
      }
    },
  };
}

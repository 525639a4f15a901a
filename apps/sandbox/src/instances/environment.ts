/** Turns what a project asks for into an exact environment, and that into the key which every state made in it has. */
import { createHash } from "node:crypto";
import type { ExtensionControl } from "@quern/postmaster/extension-controls";
import { SandboxError } from "../sandbox-error.ts";
import { isAllowed, resolveExtensions } from "./extensions.ts";
import type { Engine, EnvironmentSpec, ResolvedEnvironment } from "./instances.ts";
import { initdbArguments, profileOf } from "./profile.ts";
import { checkSettings } from "./settings.ts";

/** What is possible here. */
export type Possibilities = {
  engines: Engine[];
  /** Whether each instance has a network namespace of its own. */
  network: boolean;
  /** Null: `superuser: true` is possible; otherwise why not, in a sentence that says what to do. */
  no_superuser: string | null;
};

/** Throws SandboxError: unsupported_engine, unknown_extension, setting_not_allowed, superuser_unavailable. */
export function resolveEnvironment(
  asked: EnvironmentSpec,
  here: Possibilities,
): ResolvedEnvironment {
  const engine = engineFor(asked.engine_version, here.engines);
  if (asked.superuser && here.no_superuser !== null) {
    throw new SandboxError("superuser_unavailable", here.no_superuser);
  }
  const extensions = resolveExtensions(asked.extensions ?? [], engine.extensions, here.network);
  const resolved = {
    engine,
    extensions,
    settings: checkSettings(asked.settings ?? {}, engine.major),
    superuser: asked.superuser ?? false,
  };
  return { env_key: environmentKey(resolved, process.platform), ...resolved };
}

function engineFor(major: number | undefined, engines: Engine[]): Engine {
  const found = major === undefined ? engines[0] : engines.find((one) => one.major === major);
  if (found !== undefined) return found;
  const installed = engines.map((one) => one.major).join(", ");
  throw new SandboxError(
    "unsupported_engine",
    major === undefined
      ? "No version of PostgreSQL is installed for this platform. Run npm ci without --omit=optional."
      : `PostgreSQL ${major} is not installed here; there is ${installed}. Ask for one of these, or for none.`,
  );
}

/** What an engine offers, with what may be asked for here. */
export function describeExtensions(controls: ExtensionControl[], network: boolean) {
  return controls.map((control) => ({ ...control, allowed: isAllowed(control.name, network) }));
}

/**
 * sha256 over tagged, length-framed fields. A field is its tag, the count of its values as 4 bytes and each value as
 * 8 bytes of length and its bytes, so that no two environments give the same bytes. The version is in the first field:
 * a key is never given another meaning.
 */
function environmentKey(
  environment: Omit<ResolvedEnvironment, "env_key">,
  platform: NodeJS.Platform,
): Buffer {
  const { engine, extensions, settings, superuser } = environment;
  const hash = createHash("sha256");
  const field = (tag: string, values: string[]) => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(values.length);
    hash.update(`${tag}\0`).update(head);
    for (const value of values) {
      const bytes = Buffer.from(value, "utf8");
      const length = Buffer.alloc(8);
      length.writeBigUInt64BE(BigInt(bytes.length));
      hash.update(length).update(bytes);
    }
  };
  field("quern/environment", ["v1"]);
  field("binaries", [engine.digest]);
  field("initdb", initdbArguments(engine.major, platform));
  field("profile", Object.entries(profileOf(engine.major)).sort().flat());
  field(
    "extensions",
    extensions
      .map((one) => [one.name, one.version])
      .sort()
      .flat(),
  );
  field("settings", Object.entries(settings).sort().flat());
  field("superuser", [String(superuser)]);
  return hash.digest();
}

import { readFileSync } from "node:fs";
import type { UploadConfig } from "../config/agent-config.ts";
import { ConfigError } from "../config/config-error.ts";

/** PEM of the authorities to trust beside Node's; null for none. Throws `ConfigError`. */
export function readAuthority({ ca_file }: Pick<UploadConfig, "ca_file">): string | null {
  if (ca_file === null) return null;
  try {
    return readFileSync(ca_file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(`ca_file names ${ca_file}, which cannot be read: ${code}`, {
      cause: error,
    });
  }
}

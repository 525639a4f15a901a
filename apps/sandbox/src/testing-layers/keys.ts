import { createHash } from "node:crypto";

/** The state key that tests give to a name. */
export function keyOf(name: string): Buffer {
  return createHash("sha256").update(name).digest();
}

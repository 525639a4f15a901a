import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { exportJWK, generateKeyPair, type JWK } from "jose";

/** A key file is missing or is not what it should be. */
export class KeysError extends Error {
  override name = "KeysError";
}

/** Keys that open datasource secrets. Only runners read them. The first key is the active one. */
export type RunnerKeys = { private: JWK[] };

/** What the API needs: the runners' public keys, to seal with, and a key ring of its own. */
export type ApiKeys = { runners: JWK[]; own: JWK[] };

const RUNNERS_PRIVATE = "runners.private.jwks.json";
const RUNNERS_PUBLIC = "runners.public.jwks.json";
const API = "api.jwks.json";

/** Makes the key files that `directory` lacks (mode 0600); keys that are there are never changed. */
export async function ensureKeys(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if (!existsSync(join(directory, RUNNERS_PRIVATE))) {
    const { privateKey, publicKey } = await generateKeyPair("ECDH-ES", {
      crv: "P-256",
      extractable: true,
    });
    const kid = randomUUID();
    // The public half first: a crash in between leaves no private key that nothing was sealed to.
    await writeKeys(directory, RUNNERS_PUBLIC, [{ ...(await exportJWK(publicKey)), kid }]);
    await writeKeys(directory, RUNNERS_PRIVATE, [{ ...(await exportJWK(privateKey)), kid }]);
  }
  if (!existsSync(join(directory, API))) {
    await writeKeys(directory, API, [
      { kty: "oct", kid: randomUUID(), k: randomBytes(32).toString("base64url") },
    ]);
  }
}

/** Throws `KeysError`. */
export async function readApiKeys(directory: string): Promise<ApiKeys> {
  const own = await readKeys(directory, API);
  if (own.some(({ k }) => Buffer.from(k ?? "", "base64url").length < 32)) {
    throw new KeysError(
      `${join(directory, API)} holds a key of less than 32 bytes. Restore the file from a backup.`,
    );
  }
  return { runners: await readKeys(directory, RUNNERS_PUBLIC), own };
}

/** Throws `KeysError`. */
export async function readRunnerKeys(directory: string): Promise<RunnerKeys> {
  return { private: await readKeys(directory, RUNNERS_PRIVATE) };
}

/** A secret for one use (`purpose`), derived from the API's active key: 32 bytes in base64url. */
export function derivedSecret(keys: ApiKeys, purpose: string): string {
  return createHmac("sha256", Buffer.from(keys.own[0]!.k!, "base64url"))
    .update(purpose)
    .digest("base64url");
}

/** Keys by which machines of this installation believe what others put into shared storage; the first one signs. */
export function sharingKeys(keys: RunnerKeys): { kid: string; key: Buffer }[] {
  return keys.private.map(({ kid, d }) => ({
    kid: kid!,
    key: createHmac("sha256", Buffer.from(d!, "base64url")).update("shared layers").digest(),
  }));
}

async function writeKeys(directory: string, file: string, keys: JWK[]): Promise<void> {
  const path = join(directory, file);
  const aside = await open(`${path}.${process.pid}.tmp`, "w", 0o600);
  await aside.writeFile(`${JSON.stringify({ keys }, null, 2)}\n`);
  await aside.sync();
  await aside.close();
  await rename(`${path}.${process.pid}.tmp`, path);
}

async function readKeys(directory: string, file: string): Promise<JWK[]> {
  const path = join(directory, file);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new KeysError(
      `The key file ${path} cannot be read (${error.code}). QUERN_KEYS must name the folder that holds it.`,
      { cause: error },
    );
  });
  const keys = (JSON.parse(text) as { keys?: JWK[] }).keys;
  if (
    !Array.isArray(keys) ||
    keys.length === 0 ||
    keys.some(({ kid }) => typeof kid !== "string")
  ) {
    throw new KeysError(
      `${path} is not a JSON Web Key Set with a kid for each key. Restore the file from a backup.`,
    );
  }
  return keys;
}

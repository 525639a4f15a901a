import { CompactEncrypt, compactDecrypt, errors, importJWK, type JWK } from "jose";

/** What a sealed secret belongs to. It stands in the protected header, so a copy elsewhere does not open. */
export type SecretBinding = { org: string; datasource: string; field: string; version: number };

/** A sealed secret does not open: its key is gone, or it was sealed for something else. */
export class SecretError extends Error {
  override name = "SecretError";
}

/** JWE (ECDH-ES, A256GCM) of `plaintext` to the first of the runners' public keys, in compact form. */
export async function sealSecret(
  runners: JWK[],
  binding: SecretBinding,
  plaintext: string,
): Promise<string> {
  const key = runners[0]!;
  return new CompactEncrypt(new TextEncoder().encode(plaintext))
    .setProtectedHeader({ alg: "ECDH-ES", enc: "A256GCM", kid: key.kid!, quern: binding })
    .encrypt(await imported(key));
}

/** Opens what `sealSecret` made for exactly this binding. Throws `SecretError`. */
export async function openSecret(
  runnerKeys: JWK[],
  binding: SecretBinding,
  sealed: string,
): Promise<string> {
  const opened = await compactDecrypt(
    sealed,
    async ({ kid }) => {
      const key = runnerKeys.find((candidate) => candidate.kid === kid);
      if (!key)
        throw new SecretError(
          "The key that this secret was sealed to is not in the runner's key ring.",
        );
      return imported(key);
    },
    { keyManagementAlgorithms: ["ECDH-ES"], contentEncryptionAlgorithms: ["A256GCM"] },
  ).catch((error: unknown) => {
    if (!(error instanceof errors.JOSEError)) throw error;
    throw new SecretError("The secret was changed or was sealed to another key.", { cause: error });
  });
  if (!sameBinding(opened.protectedHeader.quern, binding)) {
    throw new SecretError("The secret was sealed for another datasource, field or version.");
  }
  return new TextDecoder().decode(opened.plaintext);
}

const importing = new WeakMap<JWK, ReturnType<typeof importJWK>>();

/** Each run opens a secret, and importing the key costs more than that. */
function imported(key: JWK): ReturnType<typeof importJWK> {
  const known = importing.get(key);
  if (known) return known;
  const importedKey = importJWK(key, "ECDH-ES");
  importing.set(key, importedKey);
  return importedKey;
}

function sameBinding(found: unknown, expected: SecretBinding): boolean {
  if (typeof found !== "object" || found === null) return false;
  const binding = found as Partial<SecretBinding>;
  return (
    binding.org === expected.org &&
    binding.datasource === expected.datasource &&
    binding.field === expected.field &&
    binding.version === expected.version
  );
}

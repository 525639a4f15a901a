/** Secrets that the API itself must use, sealed under its own key ring. Those of datasources are in `secrets.ts`: these keys do not open them. */
import { hkdfSync } from "node:crypto";
import { CompactEncrypt, compactDecrypt, errors, type JWK } from "jose";
import { SecretError } from "./secrets.ts";

/** What a sealed secret belongs to. It stands in the protected header, so a copy elsewhere does not open. */
export type OwnBinding = {
  org: string;
  kind: "webhook" | "agent_key";
  id: string;
  version: number;
};

/** JWE (dir, A256GCM) of `plaintext` under a key derived from the first of the API's own, in compact form. */
export async function sealOwnSecret(
  own: JWK[],
  binding: OwnBinding,
  plaintext: string,
): Promise<string> {
  const key = own[0]!;
  return new CompactEncrypt(new TextEncoder().encode(plaintext))
    .setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: key.kid!, quern: binding })
    .encrypt(sealingKey(key));
}

/** Opens what `sealOwnSecret` made for exactly this binding. Throws `SecretError`. */
export async function openOwnSecret(
  own: JWK[],
  binding: OwnBinding,
  sealed: string,
): Promise<string> {
  const opened = await compactDecrypt(
    sealed,
    ({ kid }) => {
      const key = own.find((candidate) => candidate.kid === kid);
      if (!key) {
        throw new SecretError(
          "The key that this secret was sealed to is not in the API's key ring.",
        );
      }
      return sealingKey(key);
    },
    { keyManagementAlgorithms: ["dir"], contentEncryptionAlgorithms: ["A256GCM"] },
  ).catch((error: unknown) => {
    if (!(error instanceof errors.JOSEError)) throw error;
    throw new SecretError("The secret was changed or was sealed to another key.", { cause: error });
  });
  if (!sameBinding(opened.protectedHeader.quern, binding)) {
    throw new SecretError("The secret was sealed for another thing or version.");
  }
  return new TextDecoder().decode(opened.plaintext);
}

/** 32 bytes by HKDF-SHA256 (RFC 5869): the key itself also makes other secrets, and may be longer. */
function sealingKey(key: JWK): Uint8Array {
  const secret = Buffer.from(key.k!, "base64url");
  return new Uint8Array(hkdfSync("sha256", secret, new Uint8Array(), "quern/own-secrets/v1", 32));
}

function sameBinding(found: unknown, expected: OwnBinding): boolean {
  if (typeof found !== "object" || found === null) return false;
  const binding = found as Partial<OwnBinding>;
  return (
    binding.org === expected.org &&
    binding.kind === expected.kind &&
    binding.id === expected.id &&
    binding.version === expected.version
  );
}

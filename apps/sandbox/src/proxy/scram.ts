/** The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), as PostgreSQL frames it in SASL messages. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Writable } from "node:stream";
import type { ScramVerifier } from "@quern/store/scram";
import { authentication, ProtocolError, readPassword } from "./packets.ts";
import type { Reader } from "./reader.ts";

const SASL = 10;
const SASL_CONTINUE = 11;
const SASL_FINAL = 12;
const MECHANISM = "SCRAM-SHA-256";

/**
 * Talks the exchange through. False: the password was wrong. `verifier` of a name that does not exist must be made up
 * by `mockVerifier`, so that nobody learns from the exchange which names do. Throws ProtocolError, ClientGone.
 */
export async function authenticate(
  client: Writable,
  reader: Reader,
  verifier: ScramVerifier,
): Promise<boolean> {
  client.write(authentication(SASL, Buffer.from(`${MECHANISM}\0\0`)));
  const first = clientFirst(await readPassword(reader));
  const nonce = first.nonce + randomBytes(18).toString("base64");
  const serverFirst = `r=${nonce},s=${verifier.salt.toString("base64")},i=${verifier.iterations}`;
  client.write(authentication(SASL_CONTINUE, Buffer.from(serverFirst)));
  const final = clientFinal((await readPassword(reader)).toString("utf8"));
  if (final.nonce !== nonce || final.binding !== first.binding) {
    throw new ProtocolError("The password exchange does not fit together.");
  }
  const spoken = `${first.bare},${serverFirst},${final.withoutProof}`;
  if (!proves(verifier, spoken, final.proof)) return false;
  const signature = hmac(verifier.server_key, spoken).toString("base64");
  client.write(authentication(SASL_FINAL, Buffer.from(`v=${signature}`)));
  return true;
}

/** Always the same for a name, so that asking twice tells nothing. */
export function mockVerifier(secret: Buffer, user: string): ScramVerifier {
  const salt = hmac(secret, `salt ${user}`).subarray(0, 16);
  const key = hmac(secret, `key ${user}`);
  return { iterations: 4096, salt, stored_key: key, server_key: key };
}

function clientFirst(body: Buffer): { bare: string; nonce: string; binding: string } {
  const end = body.indexOf(0);
  if (end < 0 || body.toString("latin1", 0, end) !== MECHANISM || body.length < end + 5) {
    throw new ProtocolError(`Only ${MECHANISM} is offered.`);
  }
  const text = body.toString("utf8", end + 5);
  // n: the client has no channel binding; y: it has, and believes that we do not, which is so.
  const match = /^([ny],(?:a=[^,]*)?,)(n=[^,]*,r=([\x21-\x2b\x2d-\x7e]{8,256}))$/.exec(text);
  if (match === null)
    throw new ProtocolError("The password exchange begins with an unknown message.");
  const [, header, bare, nonce] = match;
  return { bare: bare!, nonce: nonce!, binding: Buffer.from(header!).toString("base64") };
}

function clientFinal(text: string) {
  const match = /^(c=([^,]+),r=([^,]+)(?:,[^p][^,]*)*),p=([A-Za-z0-9+/=]+)$/.exec(text);
  if (match === null)
    throw new ProtocolError("The password exchange ends with an unknown message.");
  const [, withoutProof, binding, nonce, proof] = match;
  return {
    withoutProof: withoutProof!,
    binding: binding!,
    nonce: nonce!,
    proof: Buffer.from(proof!, "base64"),
  };
}

/** ClientKey = ClientProof xor ClientSignature, and StoredKey = H(ClientKey). */
function proves(verifier: ScramVerifier, spoken: string, proof: Buffer): boolean {
  if (proof.length !== 32) return false;
  const signature = hmac(verifier.stored_key, spoken);
  const key = Buffer.from(proof.map((byte, at) => byte ^ signature[at]!));
  return timingSafeEqual(createHash("sha256").update(key).digest(), verifier.stored_key);
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

/** The packets of PostgreSQL's protocol 3.0 that begin a session. */
import type { Reader } from "./reader.ts";

export const SSL_REQUEST = 80_877_103;
export const GSS_REQUEST = 80_877_104;
export const CANCEL_REQUEST = 80_877_102;
const PROTOCOL_3 = 3;
/** As the server itself allows. */
const LONGEST_STARTUP = 10_000;
const LONGEST_PASSWORD_MESSAGE = 4_096;

/** What the client sent is no session of PostgreSQL. `message` is for the person at the client. */
export class ProtocolError extends Error {
  override name = "ProtocolError";
}

export type Startup =
  | { kind: "ssl" }
  | { kind: "gss" }
  | { kind: "cancel"; pid: number; secret: number }
  | { kind: "session"; minor: number; parameters: Map<string, string> };

/** Throws ProtocolError, ClientGone. */
export async function readStartup(reader: Reader): Promise<Startup> {
  const length = (await reader.take(4)).readInt32BE();
  if (length < 8 || length > LONGEST_STARTUP) {
    throw new ProtocolError(
      "This is the proxy of Quern's sandboxes: it speaks PostgreSQL's protocol only.",
    );
  }
  const body = await reader.take(length - 4);
  const code = body.readInt32BE();
  if (code === SSL_REQUEST && length === 8) return { kind: "ssl" };
  if (code === GSS_REQUEST && length === 8) return { kind: "gss" };
  if (code === CANCEL_REQUEST && length === 16) {
    return { kind: "cancel", pid: body.readInt32BE(4), secret: body.readInt32BE(8) };
  }
  if (code >> 16 !== PROTOCOL_3) {
    throw new ProtocolError(
      "The client speaks a protocol that sandboxes do not: version 3 is needed.",
    );
  }
  return { kind: "session", minor: code & 0xffff, parameters: readParameters(body.subarray(4)) };
}

function readParameters(bytes: Buffer): Map<string, string> {
  if (bytes.at(-1) !== 0) throw new ProtocolError("The start-up packet is malformed.");
  const words = bytes.toString("utf8").split("\0");
  // Pairs, an empty name that ends them, and what split leaves after the last zero.
  const parameters = new Map<string, string>();
  let at = 0;
  for (; words[at] !== "" && words[at] !== undefined; at += 2) {
    const value = words[at + 1];
    if (value === undefined) throw new ProtocolError("The start-up packet is malformed.");
    parameters.set(words[at]!, value);
  }
  return parameters;
}

/** A start-up packet of version 3.0. */
export function startupPacket(parameters: Map<string, string>): Buffer {
  const text = [...parameters].map(([name, value]) => `${name}\0${value}\0`).join("");
  const body = Buffer.from(`${text}\0`, "utf8");
  const head = Buffer.alloc(8);
  head.writeInt32BE(body.length + 8);
  head.writeInt32BE(PROTOCOL_3 << 16, 4);
  return Buffer.concat([head, body]);
}

export function cancelPacket(pid: number, secret: number): Buffer {
  const packet = Buffer.alloc(16);
  packet.writeInt32BE(16);
  packet.writeInt32BE(CANCEL_REQUEST, 4);
  packet.writeInt32BE(pid, 8);
  packet.writeInt32BE(secret, 12);
  return packet;
}

/** A message of the server: its type and its body. */
export function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, "latin1");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** AuthenticationRequest with what belongs to it. */
export function authentication(kind: number, data: Buffer = Buffer.alloc(0)): Buffer {
  const code = Buffer.alloc(4);
  code.writeInt32BE(kind);
  return message("R", Buffer.concat([code, data]));
}

export function fatal(sqlstate: string, text: string): Buffer {
  const fields = ["SFATAL", "VFATAL", `C${sqlstate}`, `M${text}`];
  return message("E", Buffer.from(`${fields.join("\0")}\0\0`, "utf8"));
}

/** Tells a client that asked for more that this is 3.0, and which of its options are not known. */
export function negotiation(unknown: string[]): Buffer {
  const head = Buffer.alloc(8);
  head.writeInt32BE(unknown.length, 4);
  return message(
    "v",
    Buffer.concat([head, Buffer.from(unknown.map((name) => `${name}\0`).join(""))]),
  );
}

/** The body of a message of type `p`. Throws ProtocolError, ClientGone. */
export async function readPassword(reader: Reader): Promise<Buffer> {
  const head = await reader.take(5);
  const length = head.readInt32BE(1);
  if (head[0] !== 0x70 || length < 4 || length > LONGEST_PASSWORD_MESSAGE) {
    throw new ProtocolError("A password message was expected.");
  }
  return length === 4 ? Buffer.alloc(0) : reader.take(length - 4);
}

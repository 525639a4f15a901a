/** One connection to the proxy, from its first byte to its last. */
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TLSSocket } from "node:tls";
import { parseVerifier } from "@quern/store/scram";
import { watchKeyData } from "./key-data.ts";
import {
  cancelPacket,
  fatal,
  negotiation,
  ProtocolError,
  readStartup,
  startupPacket,
} from "./packets.ts";
import type { ProxyContext, Target } from "./proxy.ts";
import { ClientGone, openReader, type Reader } from "./reader.ts";
import { authenticate, mockVerifier } from "./scram.ts";

/** Which instance a cancel request is for: by the process id and the secret that its server gave the client. */
export type CancelKeys = Map<string, Target>;

export type Outcome = "served" | "refused" | "failed" | "limited" | "canceled";

/** A client may ask for encryption of two kinds before it begins. */
const MOST_REQUESTS = 3;

/** Serves the connection until it ends; never leaves the socket open. */
export async function serveClient(
  raw: Socket,
  context: ProxyContext,
  tooMany: boolean,
): Promise<Outcome> {
  const deadline = setTimeout(() => raw.destroy(), context.startup_ms);
  let client: Socket = raw;
  try {
    if (tooMany)
      return refuse(
        client,
        "53300",
        "There are too many connections to sandboxes. Try again later.",
        "limited",
      );
    const begun = await begin(raw, context);
    client = begun.client;
    if (begun.kind === "cancel") {
      await forwardCancel(context, begun.pid, begun.secret);
      return "canceled";
    }
    const target = await signIn(begun, context, raw.remoteAddress ?? "");
    if (typeof target === "string") return target;
    begun.reader.release();
    return await connectThrough(client, context, target, begun.parameters, () =>
      clearTimeout(deadline),
    );
  } catch (error) {
    if (error instanceof ProtocolError) return refuse(client, "08P01", error.message, "failed");
    if (error instanceof ClientGone) return "failed";
    throw error;
  } finally {
    clearTimeout(deadline);
    client.destroySoon();
  }
}

type Begun =
  | { kind: "cancel"; client: Socket; pid: number; secret: number }
  | { kind: "session"; client: Socket; reader: Reader; parameters: Map<string, string> };
type BegunSession = Extract<Begun, { kind: "session" }>;

async function begin(raw: Socket, context: ProxyContext): Promise<Begun> {
  let client = raw;
  let reader = openReader(raw);
  for (let request = 0; request < MOST_REQUESTS; request++) {
    const startup = await readStartup(reader);
    if (startup.kind === "cancel") return { ...startup, client };
    if (startup.kind === "gss") {
      client.write("N");
    } else if (startup.kind === "ssl" && client === raw && context.secure !== null) {
      client = await encrypt(raw, reader, context);
      reader = openReader(client);
    } else if (startup.kind === "ssl") {
      client.write("N");
    } else if (startup.kind === "session") {
      if (context.secure !== null && client === raw) {
        throw new ProtocolError("This proxy wants TLS: connect with sslmode=require.");
      }
      const unknown = [...startup.parameters.keys()].filter((name) => name.startsWith("_pq_."));
      if (startup.minor > 0 || unknown.length > 0) client.write(negotiation(unknown));
      return { kind: "session", client, reader, parameters: startup.parameters };
    }
  }
  throw new ProtocolError("The client asks for encryption again and again.");
}

async function encrypt(raw: Socket, reader: Reader, context: ProxyContext): Promise<Socket> {
  // What came together with the request came unencrypted, maybe from somebody in between (CVE-2021-23214).
  if (reader.waiting() > 0) throw new ProtocolError("Data came before encryption began.");
  reader.release();
  raw.write("S");
  const secure = new TLSSocket(raw, {
    isServer: true,
    secureContext: context.secure!,
    ALPNProtocols: ["postgresql"],
  });
  await new Promise<void>((resolve, reject) => {
    secure.once("secure", resolve);
    secure.once("error", (error) => reject(new ClientGone(error.message)));
    secure.once("close", () => reject(new ClientGone("the connection ended")));
  });
  secure.on("error", () => secure.destroy());
  return secure;
}

/** Checks the password; gives the instance, or what was answered instead. */
async function signIn(
  { client, reader, parameters }: BegunSession,
  context: ProxyContext,
  address: string,
): Promise<Target | Outcome> {
  const user = parameters.get("user") ?? "";
  if (user === "") throw new ProtocolError("The client names no user: it must be an instance.");
  if (/^(?!off$|false$|no$|0$)/i.test(parameters.get("replication") ?? "off")) {
    throw new ProtocolError("Sandboxes do not replicate.");
  }
  const keys = [`address ${address}`, `user ${user}`];
  await sleep(context.throttle.wait(keys));
  const login = await context.find(user);
  const verifier = login ? parseVerifier(login.verifier) : mockVerifier(context.secret, user);
  const right = await authenticate(client, reader, verifier);
  if (!right || login === undefined) {
    context.throttle.failed(keys);
    return refuse(client, "28P01", `password authentication failed for user "${user}"`, "refused");
  }
  context.throttle.succeeded(keys);
  const target = context.target(login.instance_id);
  if (target !== null) return target;
  return refuse(
    client,
    "57P03",
    `The instance ${user} is not running at the moment. Try again shortly.`,
    "refused",
  );
}

/** Connects the client with its instance as `owner`, until one of them ends. */
async function connectThrough(
  client: Socket,
  context: ProxyContext,
  target: Target,
  asked: Map<string, string>,
  begun: () => void,
): Promise<Outcome> {
  const user = asked.get("user")!;
  const server = dial(target);
  const ended = new Promise<void>((resolve) => {
    for (const side of [client, server]) side.once("close", resolve);
  });
  const connected = await new Promise<boolean>((resolve) => {
    server.once("connect", () => resolve(true));
    server.once("error", () => resolve(false));
  });
  if (!connected) {
    return refuse(
      client,
      "57P03",
      `The instance ${user} is not running at the moment. Try again shortly.`,
      "refused",
    );
  }
  server.on("error", () => server.destroy());
  const parameters = new Map(
    [...asked].filter(([name]) => !name.startsWith("_pq_.") && name !== "replication"),
  );
  parameters.set("user", "owner");
  const database = asked.get("database");
  if (database === undefined || database === user) parameters.set("database", "project");
  server.write(startupPacket(parameters));
  const { sessions, cancels } = context;
  sessions.set(target.instance_id, (sessions.get(target.instance_id) ?? 0) + 1);
  let key: string | null = null;
  const pass = watchKeyData((pid, secret) => {
    key = `${pid} ${secret}`;
    cancels.set(key, target);
  });
  begun();
  for (const side of [client, server]) {
    side.setTimeout(context.idle_ms ?? 0, () => side.destroy());
  }
  server.pipe(pass).pipe(client);
  client.pipe(server);
  await ended;
  server.destroySoon();
  if (key !== null) cancels.delete(key);
  const left = sessions.get(target.instance_id)! - 1;
  if (left > 0) sessions.set(target.instance_id, left);
  else sessions.delete(target.instance_id);
  return "served";
}

function dial(target: Target): Socket {
  return connect(join(target.socket_dir, `.s.PGSQL.${target.port}`));
}

/** As the server does, nothing is answered, whether there was something to cancel or not. */
async function forwardCancel(context: ProxyContext, pid: number, secret: number): Promise<void> {
  const target = context.cancels.get(`${pid} ${secret}`);
  if (target === undefined) return;
  const server = dial(target);
  await new Promise<void>((resolve) => {
    server.once("close", () => resolve());
    server.once("error", () => resolve());
    server.setTimeout(context.startup_ms ?? 0, () => server.destroy());
    server.resume();
    server.end(cancelPacket(pid, secret));
  });
}

function refuse(client: Socket, sqlstate: string, text: string, outcome: Outcome): Outcome {
  client.write(fatal(sqlstate, text));
  return outcome;
}

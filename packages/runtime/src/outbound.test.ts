import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import http, { type RequestListener, type Server } from "node:http";
import https from "node:https";
import net, { type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { type OutboundRequest, openOutbound, type Resolve } from "./outbound.ts";
import { OutboundError } from "./outbound-error.ts";
import { parseOutboundAllow } from "./outbound-rules.ts";

const servers: net.Server[] = [];
const sockets = new Set<Socket>();
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

async function listening(server: net.Server): Promise<number> {
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  servers.push(server);
  return (server.address() as AddressInfo).port;
}

const serve = (listener: RequestListener) => listening(http.createServer(listener) as Server);
/** A server that speaks bytes: `talk` is called once the request came. */
const raw = (talk: (socket: Socket) => void) =>
  listening(net.createServer((socket) => socket.once("data", () => talk(socket))));

function client(resolve: Resolve = async () => ["127.0.0.1"], allowed = "127.0.0.1") {
  const allow = parseOutboundAllow(allowed);
  if ("wrong" in allow) throw new Error(allow.wrong);
  return openOutbound({ allow, resolve });
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof OutboundError) return error.code;
    throw error;
  }
  return "none";
}

async function read(request: OutboundRequest, outbound = client()) {
  const reply = await outbound.open(request);
  const chunks: Uint8Array[] = [];
  for await (const chunk of reply.body) chunks.push(chunk);
  return { status: reply.status, url: reply.url, text: Buffer.concat(chunks).toString() };
}

test("a request reaches its server with method, headers and body", async () => {
  const port = await serve((request, reply) => {
    request.setEncoding("utf8").once("data", (body) => {
      const { host, "x-one": one, connection } = request.headers;
      reply.end(
        JSON.stringify({ method: request.method, url: request.url, host, one, connection, body }),
      );
    });
  });
  const answer = await read({
    url: `http://hooks.example.test:${port}/in?a=b`,
    method: "POST",
    headers: { "x-one": "1", host: "other.example" },
    body: "é",
  });
  expect(JSON.parse(answer.text)).toEqual({
    method: "POST",
    url: "/in?a=b",
    host: `hooks.example.test:${port}`,
    one: "1",
    connection: "close",
    body: "é",
  });
});

test("a name is resolved once: what it says afterwards leads nowhere else", async () => {
  let asked = 0;
  let reached = 0;
  const port = await serve((_request, reply) => {
    reached++;
    reply.end("x");
  });
  const rebinding: Resolve = async () => (asked++ === 0 ? ["127.0.0.1"] : ["10.0.0.1"]);
  const outbound = client(rebinding);
  const url = `http://rebind.example.test:${port}/`;
  expect((await read({ url }, outbound)).text).toBe("x");
  expect(asked).toBe(1);
  expect(await codeOf(outbound.open({ url }))).toBe("forbidden_address");
  expect(reached).toBe(1);
});

test("one private address among public ones is enough to refuse, and nothing is connected to", async () => {
  const url = "http://mixed.example.test:8080/";
  const mixed = client(async () => ["8.8.8.8", "10.0.0.1"], "");
  expect(await codeOf(mixed.open({ url }))).toBe("forbidden_address");
  expect(await codeOf(mixed.check(url))).toBe("forbidden_address");
  const missing = client(async () => {
    throw new Error("ENOTFOUND");
  });
  expect(await codeOf(missing.open({ url }))).toBe("name_not_found");
  expect(await codeOf(missing.check(url))).toBe("none");
  expect(await codeOf(client(async () => []).open({ url }))).toBe("name_not_found");
});

test("a resolver that never answers ends with the deadline, and so does the caller's signal", async () => {
  const silent = client(() => new Promise(() => {}));
  const url = "http://slow.example.test/";
  expect(await codeOf(silent.open({ url, timeout_ms: 50 }))).toBe("timed_out");
  const stopping = new AbortController();
  const waiting = codeOf(silent.open({ url, signal: stopping.signal }));
  stopping.abort();
  expect(await waiting).toBe("interrupted");
  expect(await codeOf(silent.open({ url, signal: stopping.signal }))).toBe("interrupted");
});

test("servers that drip, flood or talk nonsense are cut off", async () => {
  const drip = (first: string) =>
    raw((socket) => {
      socket.write(first);
      const timer = setInterval(() => socket.write("x"), 10);
      socket.on("close", () => clearInterval(timer));
    });
  const open = async (port: Promise<number>, more: Partial<OutboundRequest> = {}) =>
    codeOf(read({ url: `http://a.example.test:${await port}/`, timeout_ms: 20_000, ...more }));
  const quick = { timeout_ms: 200 };
  expect(await open(drip("HTTP/1.1 200 OK\r\nx: "), quick)).toBe("timed_out");
  expect(await open(drip("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n"), quick)).toBe(
    "timed_out",
  );
  expect(
    await open(
      raw(() => {}),
      quick,
    ),
  ).toBe("timed_out");
  const informed = raw((socket) => {
    const timer = setInterval(() => socket.write("HTTP/1.1 103 Early Hints\r\n\r\n"), 10);
    socket.on("close", () => clearInterval(timer));
  });
  expect(await open(informed, quick)).toBe("timed_out");
  const flood = (head: string) =>
    raw((socket) => {
      socket.write(head);
      const chunk = "y".repeat(64 * 1024);
      const more = () => {
        while (!socket.destroyed && socket.write(chunk));
      };
      socket.on("drain", more);
      more();
    });
  expect(await open(flood("HTTP/1.1 200 OK\r\nx: "))).toBe("reply_too_large");
  expect(await open(flood("HTTP/1.1 200 OK\r\n\r\n"))).toBe("reply_too_large");
  expect(await open(raw((socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n")))).toBe("invalid_reply");
  const upgrade = "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n";
  expect(await open(raw((socket) => socket.write(upgrade)))).toBe("invalid_reply");
  expect(await open(raw((socket) => socket.destroy()))).toBe("connection_failed");
  const short = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc";
  expect(await open(raw((socket) => socket.end(short)))).toBe("connection_failed");
  const closed = await serve(() => {});
  servers.pop()!.close();
  expect(await open(Promise.resolve(closed))).toBe("connection_failed");
});

test("redirects are replies unless asked for, and then each is checked", async () => {
  const seen: (string | undefined)[] = [];
  const port = await serve((request, reply) => {
    seen.push(request.headers.authorization);
    const to = new URLSearchParams(request.url!.slice(2)).get("to");
    if (to === null) reply.end("here");
    else reply.writeHead(302, { location: to }).end();
  });
  const at = (to: string) => `http://a.example.test:${port}/?to=${encodeURIComponent(to)}`;
  const followed = { redirects: 2, headers: { Authorization: "Bearer x" } };
  expect(await read({ url: at("http://10.0.0.1/") })).toMatchObject({ status: 302 });
  expect(await read({ url: at("/"), ...followed })).toMatchObject({ status: 200, text: "here" });
  expect(await read({ url: at(`http://b.example.test:${port}/`), ...followed })).toMatchObject({
    url: `http://b.example.test:${port}/`,
  });
  expect(seen).toEqual([undefined, "Bearer x", "Bearer x", "Bearer x", undefined]);
  for (const to of [
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.1/",
    "http://localhost/",
  ])
    expect(await codeOf(read({ url: at(to), ...followed }))).toBe("forbidden_address");
  expect(await codeOf(read({ url: at("file:///etc/passwd"), ...followed }))).toBe("invalid_url");
  expect(await codeOf(read({ url: at(at(at("/"))), ...followed }))).toBe("redirect_refused");
  expect(await codeOf(read({ url: at("/"), method: "POST", ...followed }))).toBe(
    "redirect_refused",
  );
});

test("TLS is verified, whatever the environment says", async () => {
  const directory = mkdtempSync(join(tmpdir(), "quern-tls-"));
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  execFileSync(
    "openssl",
    [
      ...[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
      ],
      ...[
        "-subj",
        "/CN=a.example.test",
        "-addext",
        "subjectAltName=DNS:a.example.test",
        "-keyout",
        key,
        "-out",
        cert,
      ],
    ],
    { stdio: "ignore" },
  );
  const pem = readFileSync(cert, "utf8");
  const server = https.createServer({ key: readFileSync(key), cert: pem }, (_, reply) =>
    reply.end("secret"),
  );
  const port = await listening(server);
  rmSync(directory, { recursive: true });
  const url = `https://a.example.test:${port}/`;
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
  try {
    expect(await codeOf(client().open({ url }))).toBe("tls_failed");
  } finally {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  }
  const allow = { networks: [], hosts: ["a.example.test", "b.example.test"] };
  const trusting = openOutbound({ allow, resolve: async () => ["127.0.0.1"], ca: pem });
  expect((await read({ url }, trusting)).text).toBe("secret");
  expect(await codeOf(trusting.open({ url: url.replace("//a", "//b") }))).toBe("tls_failed");
  const plain = await serve((_, reply) => reply.end());
  expect(await codeOf(trusting.open({ url: `https://a.example.test:${plain}/` }))).toBe(
    "tls_failed",
  );
});

test("proxies of the environment are not used", async () => {
  const port = await serve((_, reply) => reply.end("direct"));
  Object.assign(process.env, {
    HTTP_PROXY: "http://127.0.0.1:1",
    http_proxy: "http://127.0.0.1:1",
    NODE_USE_ENV_PROXY: "1",
  });
  try {
    expect((await read({ url: `http://a.example.test:${port}/` })).text).toBe("direct");
  } finally {
    for (const name of ["HTTP_PROXY", "http_proxy", "NODE_USE_ENV_PROXY"]) delete process.env[name];
  }
});

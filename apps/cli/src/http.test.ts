import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@quern/contract/client";
import { readMe } from "@quern/contract/session";
import { afterEach, expect, test } from "vitest";
import { inWords } from "./connection.ts";
import { openFetch } from "./http.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  servers.push(server);
  return (server.address() as AddressInfo).port;
}
const serve = async (listener: RequestListener) =>
  `http://127.0.0.1:${await listening(createServer(listener))}`;

test("a stream is sent as it comes, and an answer without a body is none", async () => {
  const hash = createHash("sha256");
  const url = await serve(async (request, response) => {
    for await (const chunk of request) hash.update(chunk);
    response.writeHead(204, { "x-length": request.headers["content-length"] }).end();
  });
  const piece = Buffer.alloc(100_000, "x");
  const body = ReadableStream.from(Array.from({ length: 50 }, () => piece));
  const response = await openFetch()(url, {
    method: "PUT",
    headers: { "content-length": String(50 * piece.length) },
    body,
  });
  expect([response.status, response.body, response.headers.get("x-length")]).toEqual([
    204,
    null,
    "5000000",
  ]);
  const expected = createHash("sha256");
  for (let n = 0; n < 50; n++) expected.update(piece);
  expect(hash.digest("hex")).toBe(expected.digest("hex"));
});

test("a redirect is not followed: the token goes to nobody else", async () => {
  const url = await serve((_, response) =>
    response.writeHead(302, { location: "http://e.test/" }).end(),
  );
  await expect(openFetch()(url)).rejects.toThrow("it says that it is at http://e.test/");
});

test("an abort ends a request with its reason", async () => {
  const url = await serve(() => {});
  const reason = new Error("enough");
  await expect(openFetch()(url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

test("a server with its own CA is trusted by that CA's file alone, and only as the host that it is for", async () => {
  const folder = mkdtempSync(join(tmpdir(), "quern-cli-tls-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const made =
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost";
  execFileSync("openssl", [...made.split(" "), "-keyout", key, "-out", cert], { stdio: "ignore" });
  const ca = readFileSync(cert, "utf8");
  const server = createTlsServer({ key: readFileSync(key), cert: ca }, (_, response) =>
    response.end("yes"),
  );
  rmSync(folder, { recursive: true });
  const port = await listening(server);
  const response = await openFetch({ ca })(`https://localhost:${port}/`);
  expect(await response.text()).toBe("yes");
  const code = (url: string, options = { ca: null as string | null }) =>
    openFetch(options)(url).then(
      () => "no error",
      (error: NodeJS.ErrnoException) => error.code,
    );
  expect(await code(`https://localhost:${port}/`)).toBe("DEPTH_ZERO_SELF_SIGNED_CERT");
  expect(await code(`https://127.0.0.1:${port}/`, { ca })).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
});

test("what a person is told of a server that is not there", async () => {
  const error: unknown = await createClient("http://127.0.0.1:1", "token", openFetch())
    .call(readMe, {})
    .catch((caught: unknown) => caught);
  expect(inWords(error, "http://127.0.0.1:1")).toEqual({
    words: "http://127.0.0.1:1 cannot be reached: nothing listens there",
    exit: 3,
  });
});

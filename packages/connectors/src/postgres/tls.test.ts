import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TLSSocket } from "node:tls";
import type { SslMode } from "@quern/contract/datasources";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dial } from "./dial.ts";
import type { DialError } from "./dial-error.ts";

// Only the handshake is looked at, so a server that speaks no more than the request for TLS will do.
const folder = mkdtempSync(join(tmpdir(), "quern-tls-"));
let encrypting: Server;
let refusing: Server;
let silent: Server;
let certificate: string;

beforeAll(async () => {
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  execFileSync(
    "openssl",
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost
     -addext subjectAltName=DNS:localhost -keyout ${key} -out ${cert}`.split(/\s+/),
    { stdio: "ignore" },
  );
  certificate = readFileSync(cert, "utf8");
  const options = { key: readFileSync(key), cert: certificate, isServer: true };
  encrypting = await listen((socket) => {
    socket.once("data", () => {
      socket.write("S");
      new TLSSocket(socket, options).on("error", () => {});
    });
  });
  refusing = await listen((socket) => socket.once("data", () => socket.write("N")));
  silent = await listen(() => {});
});

afterAll(() => {
  for (const server of [encrypting, refusing, silent]) server.close();
  rmSync(folder, { recursive: true });
});

async function listen(onSocket: Parameters<typeof createServer>[1]): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    onSocket?.(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

async function attempt(
  server: Server,
  sslmode: SslMode,
  over: { host?: string; ca?: string; within_ms?: number } = {},
) {
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const config = {
    host: over.host ?? "localhost",
    port,
    database: "d",
    user: "u",
    sslmode,
    read_only: true,
    ...(over.ca === undefined ? {} : { ssl_root_cert: over.ca }),
  };
  try {
    const socket = await dial(config, over.within_ms ?? 20_000);
    socket.destroy();
    return socket instanceof TLSSocket ? "encrypted" : "plain";
  } catch (error) {
    return (error as DialError).step;
  }
}

test("disable and prefer", async () => {
  expect(await attempt(encrypting, "disable")).toBe("plain");
  expect(await attempt(encrypting, "prefer")).toBe("encrypted");
  expect(await attempt(refusing, "prefer")).toBe("plain");
});

test("require encrypts without looking at the certificate, unless a root is given", async () => {
  expect(await attempt(encrypting, "require")).toBe("encrypted");
  expect(await attempt(refusing, "require")).toBe("tls");
  expect(await attempt(encrypting, "require", { ca: certificate })).toBe("encrypted");
  expect(await attempt(encrypting, "require", { ca: OTHER_ROOT })).toBe("tls");
});

test("verify-ca looks at the chain, verify-full at the name as well", async () => {
  expect(await attempt(encrypting, "verify-ca")).toBe("tls");
  expect(await attempt(encrypting, "verify-ca", { ca: certificate })).toBe("encrypted");
  expect(await attempt(encrypting, "verify-ca", { ca: certificate, host: "127.0.0.1" })).toBe(
    "encrypted",
  );
  expect(await attempt(encrypting, "verify-full", { ca: certificate })).toBe("encrypted");
  expect(await attempt(encrypting, "verify-full", { ca: certificate, host: "127.0.0.1" })).toBe(
    "tls",
  );
});

test("a root certificate that is none, and a server that says nothing", async () => {
  expect(await attempt(encrypting, "verify-full", { ca: "-----BEGIN CERTIFICATE-----\nx" })).toBe(
    "tls",
  );
  expect(await attempt(silent, "prefer", { within_ms: 3_000 })).toBe("tls");
});

/** Some other self-signed certificate. */
const OTHER_ROOT = `-----BEGIN CERTIFICATE-----
MIIBdjCCAR2gAwIBAgIUV0X4umbPwGr2V4FczFmkMOcGbWkwCgYIKoZIzj0EAwIw
EDEOMAwGA1UEAwwFb3RoZXIwIBcNMjYxMTIxMDQ1NjI0WhgPMjEyNjEwMjgwNDU2
MjRaMBAxDjAMBgNVBAMMBW90aGVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
9PfC2KLI5y134Ijk7pT+nMy4grXqrgIh/An6H4wiDUBj/HJ/a6rJaUEyAD7Ool1S
Gqcg6ixEZxA3uTuhckK+66NTMFEwHQYDVR0OBBYEFFvNLNAi6v0cmO6c1u6fap0a
4yuHMB8GA1UdIwQYMBaAFFvNLNAi6v0cmO6c1u6fap0a4yuHMA8GA1UdEwEB/wQF
MAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgPCDHSMKJVKiFkdMYdzddDtfsKbZMcDns
e/nnHjYcriYCICi6YIPvFABLE2f+NszFamtquPog6H/GzT6ehj5Gqvky
-----END CERTIFICATE-----
`;

import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serverUser } from "@quern/postmaster/os-user";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { UnreachableError } from "../collector.ts";
import type { TlsConfig } from "../config/agent-config.ts";
import { collectorFor, configFor, resultOf } from "../testing-postgres/collector.ts";
import { startProxy, type TestProxy } from "../testing-postgres/proxy.ts";
import { startTestServer, type TestServer } from "../testing-postgres/server.ts";

const folder = mkdtempSync(join(tmpdir(), "quern-agent-tls-"));
const file = (name: string) => join(folder, name);
let server: TestServer;
let proxy: TestProxy;

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
const LOCAL = ["-addext", "subjectAltName=DNS:localhost"];

/** Each signed by itself. */
function makeCertificate(name: string, subject: string, ...more: string[]) {
  const out = ["-keyout", file(`${name}.key`), "-out", file(`${name}.pem`)];
  const args = ["req", "-x509", "-days", "2", "-subj", `/CN=${subject}`, ...KEY, ...out, ...more];
  execFileSync("openssl", args, { stdio: "ignore" });
}

/** `req` makes none that is over; the `ca` of a day in the past does. */
function makeExpired() {
  const run = (args: string[]) => execFileSync("openssl", args, { stdio: "ignore", cwd: folder });
  writeFileSync(
    file("ca.cnf"),
    "[ca]\ndefault_ca=x\n[x]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\ncopy_extensions=copy\n[p]\ncommonName=supplied\n",
  );
  writeFileSync(file("index"), "");
  writeFileSync(file("serial"), "01");
  const key = ["-keyout", "expired.key", "-out", "expired.csr"];
  run(["req", "-new", "-subj", "/CN=localhost", ...KEY, ...key, ...LOCAL]);
  const dates = ["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"];
  const files = ["-keyfile", "expired.key", "-in", "expired.csr", "-out", "expired.pem"];
  run(["ca", "-selfsign", "-batch", "-notext", "-config", "ca.cnf", ...dates, ...files]);
}

beforeAll(async () => {
  makeCertificate("server", "localhost", ...LOCAL);
  makeCertificate("other", "other");
  makeCertificate("client", "certain");
  makeExpired();
  const user = await serverUser(null);
  writeFileSync(
    file("pg_hba.conf"),
    "hostssl all certain all cert\nhostnossl all tls_only all reject\nhost all all all trust\n",
  );
  server = await startTestServer(18, { max_connections: "12" });
  await server.sql(
    "create extension pg_stat_statements; create role certain login; create role tls_only login; create table t (n int)",
  );
  for (const name of [
    "server.pem",
    "server.key",
    "expired.pem",
    "expired.key",
    "client.pem",
    "pg_hba.conf",
  ]) {
    copyFileSync(file(name), join(server.dataDir, name));
    chmodSync(join(server.dataDir, name), 0o600);
    if (user !== null) chownSync(join(server.dataDir, name), user.uid, user.gid);
  }
  await server.restart("fast", {
    ...{ ssl: "on", ssl_cert_file: "server.pem", ssl_key_file: "server.key" },
    ssl_ca_file: "client.pem",
  });
  proxy = await startProxy(server.port);
});
beforeEach(() => {
  Object.assign(proxy, {
    ...{ swallow: false, cut_after: null, keeps_open: false, pooler: null, announced_pid: null },
  });
});
afterAll(async () => {
  await proxy.stop();
  await server.stop();
  rmSync(folder, { recursive: true });
});

const urlAt = (port: number, host = "127.0.0.1", user = "postgres") =>
  `postgres://${user}:secret@${host}:${port}/postgres`;
const NO_TLS: TlsConfig = { sslmode: "disable", sslrootcert: null, sslcert: null, sslkey: null };

/** Behind the proxy, with as much patience as a busy machine needs, and no more. */
function behindProxy(connect_timeout_ms = 4_000) {
  const config = configFor(
    urlAt(proxy.port),
    { statement_timeout_ms: 2_500 },
    { connect_timeout_ms, tls: NO_TLS },
  );
  return collectorFor(config, { grace_ms: 100 });
}

/** The effective encryption, or the code of what went wrong. */
async function attempt(tls: Partial<TlsConfig>, host = "localhost", user = "postgres") {
  const config = configFor(
    urlAt(server.port, host, user),
    {},
    { tls: { ...NO_TLS, ...tls }, connect_timeout_ms: 20_000 },
  );
  const collector = collectorFor(config);
  const { aspects } = await collector.testConnection();
  await collector.close();
  const reached = aspects.find(({ aspect }) => aspect === "reachable");
  expect(reached?.detail).not.toContain("secret");
  if (reached?.status !== "ok") return reached?.detail ?? "";
  return aspects.find(({ aspect }) => aspect === "tls")?.detail ?? "";
}

test("N1: a server that falls silent costs its deadline, no descriptor, and nothing afterwards", async () => {
  const collector = behindProxy();
  await collector.collect("tables");
  proxy.swallow = true;
  await expect(collector.collect("tables")).rejects.toThrow(UnreachableError);
  await collector.close();
  const impatient = behindProxy(15);
  const descriptors = async () => (await readdir("/proc/self/fd")).length;
  await expect(impatient.collect("tables")).rejects.toThrow(/no answer in time/);
  const before = await descriptors();
  for (let cycle = 0; cycle < 100; cycle += 1) {
    await expect(impatient.collect("tables")).rejects.toThrow(UnreachableError);
    await impatient.sample();
  }
  // Sockets are closed a moment after they are given up, on the proxy's side, too.
  await expect.poll(descriptors).toBeLessThan(before + 10);
  await impatient.close();
  proxy.swallow = false;
  const again = behindProxy();
  const [payload] = await again.collect("tables");
  expect(resultOf(payload, "tables").status).toBe("ok");
  await again.close();
});

test("N3: the end of a session that was told before its socket closes costs nothing", async () => {
  const collector = behindProxy();
  await collector.collect("tables");
  proxy.keeps_open = true;
  await server.sql(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'quern-agent'",
  );
  await expect.poll(() => proxy.kept_open).toBeGreaterThan(0);
  const [payload] = await collector.collect("tables");
  expect(resultOf(payload, "tables").status).toBe("ok");
  await collector.close();
});

test("N2: a cut in the middle of a result costs one section, and the next one is read anew", async () => {
  const collector = behindProxy();
  await collector.collect("server");
  // Past the sign-in and the facts, within what comes next.
  const codes = new Set<string | null>();
  for (const bytes of [9_000, 14_000, 20_000, 40_000]) {
    await collector.close();
    proxy.cut_after = bytes;
    const cut = behindProxy();
    try {
      const [payload] = await cut.collect();
      for (const { status, code } of payload?.collectors ?? [])
        if (status === "error") codes.add(code);
      expect(
        payload?.collectors?.filter(({ code }) => code === "connection_lost").length,
      ).toBeLessThan(2);
    } catch (error) {
      expect(error).toBeInstanceOf(UnreachableError);
    }
    await cut.close();
  }
  expect(codes).toContain("connection_lost");
});

test("N4, N5: a server that starts, and one that is full, are told apart in words", async () => {
  const starting = createServer((socket) => {
    socket.once("data", () => {
      const body = Buffer.from("SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0");
      const head = Buffer.alloc(5);
      head.write("E");
      head.writeUInt32BE(body.length + 4, 1);
      socket.end(Buffer.concat([head, body]));
    });
  });
  await new Promise<void>((resolve) => starting.listen(0, "127.0.0.1", resolve));
  const address = starting.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const early = collectorFor(configFor(urlAt(port), {}, { tls: NO_TLS }));
  await expect(early.collect()).rejects.toMatchObject({ code: "57P03" });
  starting.close();
  // A place that somebody leaves afterwards would be free for the agent.
  await expect
    .poll(() =>
      server.sql(
        "select count(*) as n from pg_stat_activity where backend_type = 'client backend'",
      ),
    )
    .toEqual([{ n: "1" }]);
  const holders = [];
  for (let n = 0; n < 20; n += 1) {
    const one = await server.session().catch(() => null);
    if (one === null) break;
    holders.push(one);
  }
  const full = collectorFor(configFor(server.url(), {}, { tls: NO_TLS }));
  await expect(full.collect()).rejects.toMatchObject({ code: "53300" });
  await full.sample();
  for (const holder of holders) await holder.end();
  const gone = () => full.collect("server").catch(() => null);
  let payloads = await gone();
  while (payloads === null) payloads = await gone();
  expect(resultOf(payloads[0], "activity")).toMatchObject({ code: "too_many_connections" });
  await full.close();
});

test("N6: a name that is not known, and a port where nobody listens", async () => {
  const unknown = collectorFor(configFor("postgres://u:secret@no-such-host.invalid/db"));
  await expect(unknown.collect()).rejects.toThrow(/name|names/);
  const closed = collectorFor(configFor(urlAt(1)));
  await expect(closed.collect()).rejects.toMatchObject({ code: "ECONNREFUSED" });
  const { ok, aspects } = await closed.testConnection();
  expect(ok).toBe(false);
  expect(aspects[0]?.detail).toContain("nothing listens there");
});

test("T1–T3, T6: sslmode means what it means in libpq", async () => {
  const sslrootcert = file("server.pem");
  expect(await attempt({ sslmode: "disable" })).toBe("not encrypted");
  expect(await attempt({ sslmode: "allow" })).toBe("not encrypted");
  expect(await attempt({ sslmode: "allow" }, "localhost", "tls_only")).toMatch(/^TLSv1.3/);
  expect(await attempt({ sslmode: "prefer" })).toMatch(/certificate not verified$/);
  expect(await attempt({ sslmode: "require" })).toMatch(/certificate not verified$/);
  expect(await attempt({ sslmode: "require", sslrootcert })).toMatch(/, certificate verified$/);
  const other = { sslrootcert: file("other.pem") };
  expect(await attempt({ sslmode: "require", ...other })).toMatch(/sslrootcert/);
  expect(await attempt({ sslmode: "verify-ca" })).toMatch(/signed by itself/);
  expect(await attempt({ sslmode: "verify-ca", sslrootcert }, "127.0.0.1")).toMatch(/verified$/);
  expect(await attempt({ sslmode: "verify-full", sslrootcert })).toMatch(/name verified$/);
  expect(await attempt({ sslmode: "verify-full", sslrootcert }, "127.0.0.1")).toMatch(
    /another name/,
  );
  expect(await attempt({ sslmode: "require" }, "localhost", "certain")).toMatch(
    /pg_hba|28000|password/,
  );
  const client = { sslcert: file("client.pem"), sslkey: file("client.key") };
  expect(await attempt({ sslmode: "require", ...client }, "localhost", "certain")).toMatch(/^TLS/);
  expect(await attempt({ sslmode: "verify-ca", sslrootcert: file("none") })).toMatch(/sslrootcert/);
  await server.restart("fast", { ssl_cert_file: "expired.pem", ssl_key_file: "expired.key" });
  const expired = { sslrootcert: file("expired.pem") };
  expect(await attempt({ sslmode: "verify-full", ...expired })).toMatch(/has expired/);
});

test("T4: a server without TLS under each sslmode", async () => {
  await server.restart("fast", { ssl: "off" });
  for (const sslmode of ["disable", "allow", "prefer"] as const) {
    expect(await attempt({ sslmode })).toBe("not encrypted");
  }
  for (const sslmode of ["require", "verify-ca", "verify-full"] as const) {
    expect(await attempt({ sslmode })).toMatch(/does not offer TLS, and sslmode/);
  }
});

test("P1: a pooler per transaction is refused with words, a plain proxy is not", async () => {
  proxy.announced_pid = 7;
  const plain = behindProxy();
  expect(resultOf((await plain.collect("tables"))[0], "tables").status).toBe("ok");
  await plain.close();
  proxy.pooler = { answers: "pool_mode", value: "transaction" };
  const refused = behindProxy();
  await expect(refused.collect()).rejects.toMatchObject({ code: "pooler" });
  await expect(refused.collect()).rejects.toThrow(/pool_mode transaction.*DATABASE_URL/s);
  proxy.pooler = { answers: "pool_mode", value: "session" };
  expect(resultOf((await refused.collect("tables"))[0], "tables").status).toBe("ok");
  await refused.close();
});

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { newScramPassword, scramVerifier } from "@quern/store/scram";
import { Client, type ClientConfig } from "pg";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Instance } from "../instances/instances.ts";
import { openTestInstances, startOn, type TestInstances } from "../instances/testing.ts";
import { type InstanceProxy, type ProxyOptions, startProxy } from "./proxy.ts";

const run = promisify(execFile);

let sandbox: TestInstances;
let instance: Instance;
let password: string;
let verifier: string;
const proxies: InstanceProxy[] = [];

beforeAll(async () => {
  sandbox = await openTestInstances();
  instance = await startOn(sandbox, sandbox.instances.environment({}), { purpose: "person" });
  ({ password, verifier } = await newScramPassword());
});
afterAll(async () => {
  for (const proxy of proxies) await proxy.stop();
  await sandbox.stop();
});

async function openProxy(options: Partial<ProxyOptions> = {}): Promise<InstanceProxy> {
  const proxy = await startProxy({
    host: "127.0.0.1",
    port: 0,
    max_connections: 20,
    find: async (user) => (user === "mine" ? { instance_id: instance.id, verifier } : undefined),
    target: (instance_id) => ({
      instance_id,
      socket_dir: instance.socket_dir,
      port: instance.port,
    }),
    instruments: sandbox.instances.instruments,
    onError: (error) => {
      throw error;
    },
    ...options,
  });
  proxies.push(proxy);
  return proxy;
}

async function withClient<T>(
  proxy: InstanceProxy,
  work: (client: Client) => Promise<T>,
  config: ClientConfig = {},
): Promise<T> {
  const { host, port } = proxy.address;
  const client = new Client({ host, port, user: "mine", password, database: "project", ...config });
  client.on("error", () => {
    // The query that is under way tells.
  });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

test("whoever has the password is the owner of the instance, in any of its databases", async () => {
  const proxy = await openProxy();
  const said = await withClient(proxy, (client) =>
    client.query("select current_user as who, current_database() as what"),
  );
  expect(said.rows).toEqual([{ who: "owner", what: "project" }]);
  const other = await withClient(
    proxy,
    (client) => client.query("select current_database() as what"),
    {
      database: "postgres",
      application_name: "a tool",
      options: "-c work_mem=9MB",
    },
  );
  expect(other.rows).toEqual([{ what: "postgres" }]);
  const named = await withClient(
    proxy,
    (client) => client.query("select current_database() as what"),
    {
      database: "mine",
    },
  );
  expect(named.rows).toEqual([{ what: "project" }]);
  await expect.poll(() => proxy.connections()).toBe(0);
  expect(proxy.connectionsOf(instance.id)).toBe(0);
});

test("a wrong password, and a name that does not exist, are told alike and ever more slowly", async () => {
  const proxy = await openProxy();
  const began = performance.now();
  const wrong = withClient(proxy, async () => {}, { password: "wrong" });
  await expect(wrong).rejects.toMatchObject({
    code: "28P01",
    message: 'password authentication failed for user "mine"',
  });
  const unknown = withClient(proxy, async () => {}, { user: "yours" });
  await expect(unknown).rejects.toMatchObject({
    code: "28P01",
    message: 'password authentication failed for user "yours"',
  });
  await expect(withClient(proxy, async () => {}, { password: "wrong" })).rejects.toThrow();
  // 0, 100 and 200 ms by the address alone.
  expect(performance.now() - began).toBeGreaterThan(290);
  await withClient(proxy, async () => {});
});

test("rows by the hundred thousand go through unharmed", async () => {
  const proxy = await openProxy();
  const { rows } = await withClient(proxy, (client) =>
    client.query("select i, repeat(md5(i::text), 4) as t from generate_series(1, 100000) i"),
  );
  expect(rows).toHaveLength(100_000);
  expect(rows.at(-1).i).toBe(100_000);
});

test("a cancel request reaches the session that it is for, and no other", async () => {
  const proxy = await openProxy();
  await withClient(proxy, async (client) => {
    const { processID, secretKey } = client as Client & { processID: number; secretKey: number };
    const cancel = async (pid: number, secret: number) => {
      const packet = Buffer.alloc(16);
      for (const [at, value] of [16, 80_877_102, pid, secret].entries())
        packet.writeInt32BE(value, at * 4);
      const socket = connect(proxy.address.port, "127.0.0.1");
      socket.end(packet);
      socket.resume();
      await new Promise((closed) => socket.once("close", closed));
    };
    const asleep = client.query("select pg_sleep(1)");
    await cancel(processID, secretKey ^ 1);
    await asleep;
    const long = client.query("select pg_sleep(60)");
    const refused = expect(long).rejects.toMatchObject({ code: "57014" });
    // Until the statement runs there is nothing to cancel.
    await withClient(proxy, (other) =>
      vi.waitUntil(async () => {
        const { rowCount } = await other.query(
          "select from pg_stat_activity where query like '%pg_sleep(60)%' and state = 'active' and pid <> pg_backend_pid()",
        );
        return rowCount === 1;
      }, 20_000),
    );
    await cancel(processID, secretKey);
    await refused;
  });
});

test("psql connects with the URL that people get", async ({ skip }) => {
  const psql = await run("psql", ["--version"]).catch(() => null);
  if (psql === null) skip("psql is not installed");
  const proxy = await openProxy();
  const url = `postgres://mine:${password}@127.0.0.1:${proxy.address.port}/project?sslmode=disable`;
  const { stdout } = await run("psql", [
    "-XqAt",
    url,
    "-c",
    "select current_user",
    "-c",
    "\\conninfo",
  ]);
  expect(stdout).toMatch(/^owner\n/);
});

test("with a certificate, sessions are encrypted or refused", async () => {
  const folder = await mkdtemp(join(tmpdir(), "quern-proxy-tls-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const made = await run("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...["-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost"],
    ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
  ]);
  expect(made).toBeTruthy();
  const pems = { key: await readFile(key, "utf8"), cert: await readFile(cert, "utf8") };
  const proxy = await openProxy({ tls: pems });
  await withClient(proxy, (client) => client.query("select 1"), { ssl: { ca: pems.cert } });
  await expect(withClient(proxy, async () => {})).rejects.toThrow(/sslmode=require/);
  await rm(folder, { recursive: true });
});

function dialRaw(proxy: InstanceProxy): Promise<{ socket: Socket; heard: Promise<string> }> {
  const socket = connect(proxy.address.port, "127.0.0.1");
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
  });
  socket.on("error", () => {
    // The close that follows is what counts.
  });
  const heard = new Promise<string>((resolve) => socket.once("close", () => resolve(text)));
  return new Promise((resolve) => socket.once("connect", () => resolve({ socket, heard })));
}

test.each([
  ["a web browser", Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), /speaks PostgreSQL/],
  ["a huge packet", Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0]), /speaks PostgreSQL/],
  ["an old protocol", Buffer.from([0, 0, 0, 8, 0, 2, 0, 0]), /version 3/],
  ["a packet without an end", Buffer.from([0, 0, 0, 12, 0, 3, 0, 0, 65, 66, 67, 68]), /malformed/],
  ["nobody's session", Buffer.from([0, 0, 0, 9, 0, 3, 0, 0, 0]), /names no user/],
  ["bytes behind a request for TLS", Buffer.from([0, 0, 0, 8, 4, 210, 22, 47, 1, 2, 3]), /^/],
])("%s is sent away", async (_, bytes, answer) => {
  // Only the last is not answered; whoever is has the time for it on a busy machine, too.
  const proxy = await openProxy({ startup_ms: answer.test("") ? 500 : 30_000 });
  const { socket, heard } = await dialRaw(proxy);
  socket.write(bytes);
  expect(await heard).toMatch(answer);
  await expect.poll(() => proxy.connections()).toBe(0);
});

test("who says nothing, or says it byte by byte, does not stay", async () => {
  const proxy = await openProxy({ startup_ms: 200 });
  const silent = await dialRaw(proxy);
  const slow = await dialRaw(proxy);
  const drip = setInterval(() => slow.socket.write(Buffer.from([0])), 20);
  await Promise.all([silent.heard, slow.heard]);
  clearInterval(drip);
  await expect.poll(() => proxy.connections()).toBe(0);
});

test("one connection too many is told so, and there is room again afterwards", async () => {
  const proxy = await openProxy({ max_connections: 1 });
  await withClient(proxy, async () => {
    await expect(withClient(proxy, async () => {})).rejects.toMatchObject({ code: "53300" });
  });
  await expect.poll(() => proxy.connections()).toBe(0);
  await withClient(proxy, async () => {});
});

test("an idle session ends, and one whose instance is gone is told", async () => {
  const idle = await openProxy({ idle_ms: 150 });
  const ended = withClient(idle, async (client) => {
    await new Promise((resolve) => client.once("end", resolve));
  });
  await ended;
  const gone = await openProxy({ target: () => null });
  await expect(withClient(gone, async () => {})).rejects.toMatchObject({ code: "57P03" });
  const dead = await openProxy({
    target: (instance_id) => ({ instance_id, socket_dir: "/tmp/quern-no-such-folder", port: 5432 }),
  });
  await expect(withClient(dead, async () => {})).rejects.toMatchObject({ code: "57P03" });
});

test("a port that is taken is an error, unless any will do", async () => {
  const { port } = (await openProxy()).address;
  await expect(openProxy({ port })).rejects.toMatchObject({ code: "EADDRINUSE" });
  const other = await openProxy({ port, any_port: true });
  expect(other.address.port).not.toBe(port);
  await withClient(other, async () => {});
});

test("replication is refused", async () => {
  const proxy = await openProxy();
  const config: ClientConfig & { replication: string } = { replication: "true" };
  await expect(withClient(proxy, async () => {}, config)).rejects.toThrow(/do not replicate/);
});

test("verifiers are PostgreSQL's own", async () => {
  // The password and the salt are those of the example in RFC 7677.
  const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
  expect(await scramVerifier("pencil", salt)).toBe(
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
  );
});

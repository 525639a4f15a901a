import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ConfigError } from "../config/config-error.ts";
import { testingPayload } from "../testing-payload.ts";
import { postPayload } from "./attempt.ts";
import { readAuthority } from "./authority.ts";
import { openTestingIngest } from "./testing-ingest.ts";

const dir = mkdtempSync(join(tmpdir(), "quern-tls-"));
const [key, cert] = [join(dir, "key.pem"), join(dir, "cert.pem")];
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function certify(host: string): { key: string; cert: string } {
  const kind = [
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-days",
    "2",
  ];
  const subject = ["-subj", `/CN=${host}`, "-addext", `subjectAltName=DNS:${host}`];
  execFileSync("openssl", ["req", ...kind, ...subject, "-keyout", key, "-out", cert], {
    stdio: "ignore",
  });
  return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
}

const body = Buffer.from(JSON.stringify(testingPayload()));

test("T5: nothing is sent to a server whose certificate is not trusted, whatever the environment says", async () => {
  const ingest = await openTestingIngest(certify("localhost"));
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
  try {
    const sending = postPayload(ingest.config(), null, body, Date.now());
    await expect(sending).rejects.toThrow(/self-signed.*ca_file \(DEPTH_ZERO_SELF_SIGNED_CERT\)/);
    expect(ingest.received).toEqual([]);
    const authority = readAuthority({ ca_file: cert });
    expect((await postPayload(ingest.config(), authority, body, Date.now())).status).toBe(202);
    expect(ingest.received).toHaveLength(1);
  } finally {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    await ingest.close();
  }
});

test("T2: a certificate for another name is not taken", async () => {
  const ingest = await openTestingIngest(certify("elsewhere.example"));
  try {
    const sending = postPayload(
      ingest.config(),
      readAuthority({ ca_file: cert }),
      body,
      Date.now(),
    );
    await expect(sending).rejects.toThrow("for another name");
    expect(ingest.received).toEqual([]);
  } finally {
    await ingest.close();
  }
});

/** Answers CONNECT as a proxy does: leads on, wants a password, or is silent. */
async function openProxy(answer: "leads" | "asks" | "silent") {
  const seen: (string | undefined)[] = [];
  const server = createServer();
  const sockets = new Set<Socket>();
  server.on("connect", (request, socket: Socket) => {
    sockets.add(socket);
    seen.push(request.url, request.headers["proxy-authorization"]);
    if (answer === "silent") return;
    if (answer === "asks") {
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
      return;
    }
    const [host, port] = (request.url ?? "").split(":");
    const onward = connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      onward.pipe(socket).pipe(onward);
    });
    sockets.add(onward);
    for (const it of [socket, onward]) it.on("error", () => it.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  };
  return { seen, url: `http://a:p%40ss@127.0.0.1:${port}`, close };
}

test("through a proxy TLS goes whole, and is verified as without", async () => {
  const ingest = await openTestingIngest(certify("localhost"));
  const proxy = await openProxy("leads");
  try {
    const config = ingest.config({ proxy: proxy.url });
    const authority = readAuthority({ ca_file: cert });
    expect((await postPayload(config, authority, body, Date.now())).status).toBe(202);
    const basic = `Basic ${Buffer.from("a:p@ss").toString("base64")}`;
    expect(proxy.seen).toEqual([new URL(ingest.endpoint).host, basic]);
    await expect(postPayload(config, null, body, Date.now())).rejects.toThrow("self-signed");
    expect(ingest.received).toHaveLength(1);
  } finally {
    await proxy.close();
    await ingest.close();
  }
});

test.each([
  ["asks", "the proxy refuses with 407", 30_000],
  ["silent", "no answer of the proxy within 0.2 s", 200],
] as const)("a proxy that %s is an error with words", async (behaviour, words, timeout_ms) => {
  const proxy = await openProxy(behaviour);
  const ingest = await openTestingIngest(certify("localhost"));
  try {
    const config = ingest.config({ proxy: proxy.url, timeout_ms });
    await expect(postPayload(config, null, body, Date.now())).rejects.toThrow(words);
    expect(ingest.received).toEqual([]);
  } finally {
    await proxy.close();
    await ingest.close();
  }
});

test("a file of authorities that cannot be read is an error of the settings", () => {
  expect(() => readAuthority({ ca_file: join(dir, "none") })).toThrow(ConfigError);
});

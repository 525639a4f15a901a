/** A git server on this machine, with git's own server side behind HTTPS. Only tests may import this file. */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Outbound, openOutbound } from "@quern/runtime/outbound";
import { outboundAllowOf } from "@quern/runtime/outbound-rules";

export type GitServer = {
  /** `https://127.0.0.1:…`; the repository is at `/work/.git`, and `/moved/` leads there. */
  address: string;
  /** The working copy. */
  work: string;
  /** Trusts the server. */
  outbound: Outbound;
  git(...args: string[]): string;
  stop(): void;
};

/** Lines that compress badly, so that versions of a file become deltas. */
const LONG = Array.from({ length: 400 }, (_, i) =>
  createHash("sha256").update(String(i)).digest("hex"),
);

/** With a branch `main` of two commits, a tag `v1` of the first, and a branch `feature/x`. */
export async function startGitServer(): Promise<GitServer> {
  const folder = mkdtempSync(join(tmpdir(), "quern-git-"));
  const work = join(folder, "work");
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", ...args], {
      cwd: work,
      encoding: "utf8",
      env: { PATH: process.env.PATH, GIT_CONFIG_NOSYSTEM: "1", HOME: folder },
    });
  makeRepository(work, git);
  execFileSync(
    "openssl",
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost
     -addext subjectAltName=IP:127.0.0.1 -keyout ${folder}/key.pem -out ${folder}/cert.pem`.split(
      /\s+/,
    ),
    { stdio: "ignore" },
  );
  const [key, cert] = ["key.pem", "cert.pem"].map((name) => readFileSync(join(folder, name)));
  const server = createServer({ key, cert }, (request, response) =>
    serveGit(folder, request, response),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    work,
    git,
    outbound: openOutbound({ allow: outboundAllowOf("127.0.0.1"), ca: String(cert) }),
    stop() {
      server.close();
      // What serves a request that was given up may still be ending.
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function makeRepository(work: string, git: (...args: string[]) => string): void {
  const write = (path: string, content: string | Buffer) => {
    mkdirSync(dirname(join(work, path)), { recursive: true });
    writeFileSync(join(work, path), content);
  };
  mkdirSync(work);
  git("init", "-q", "-b", "main");
  write("readme.md", "# hello");
  write("db/init/001.sql", "create table t (i int);\r\n");
  write("db/test/café.sql", "select 1");
  write("db/empty.sql", "");
  write("db/bytes.bin", Buffer.from([0, 255, 1]));
  write("db/long.sql", LONG.join("\n"));
  write("db/longer.sql", [...LONG, "one more line"].join("\n"));
  symlinkSync("/etc/passwd", join(work, "db/link"));
  git("add", "-A");
  git("update-index", "--add", "--cacheinfo", `160000,${"1".repeat(40)},db/module`);
  git("commit", "-qm", "one");
  git("tag", "-a", "v1", "-m", "the first");
  write("db/init/001.sql", "create table t (i bigint);");
  git("add", "db/init/001.sql");
  git("commit", "-qm", "two");
  git("branch", "feature/x");
  git("repack", "-adfq", "--depth=50", "--window=50");
}

/** The real server side of git, as a web server runs it. */
function serveGit(folder: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url!, "http://x");
  if (pathname.startsWith("/moved/")) {
    response.writeHead(301, { location: request.url!.replace("/moved/", "/work/") }).end();
    return;
  }
  const child = spawn("git", ["http-backend"], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers["content-type"] ?? "",
    },
  });
  // It may refuse a request before it has read it.
  child.stdin.on("error", () => {});
  request.pipe(child.stdin);
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.on("close", () => {
    const all = Buffer.concat(output);
    const end = all.indexOf("\r\n\r\n");
    const headers = all.toString("latin1", 0, end).split("\r\n");
    let status = 200;
    for (const header of headers) {
      const [name, value] = header.split(/: (.*)/s);
      if (name === "Status") status = Number.parseInt(value!, 10);
      else response.setHeader(name!, value!);
    }
    response.writeHead(status).end(all.subarray(end + 4));
  });
}

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { openOutbound } from "@quern/runtime/outbound";
import { outboundAllowOf } from "@quern/runtime/outbound-rules";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readFiles } from "./files.ts";
import { openPack } from "./pack.ts";
import { fetchCommit } from "./repository.ts";
import { type GitServer, startGitServer } from "./testing-git.ts";

const LIMITS = { max_file_bytes: 1024 ** 2, max_bytes: 8 * 1024 ** 2 };
let server: GitServer;
beforeAll(async () => {
  server = await startGitServer();
});
afterAll(() => server.stop());

const fetched = (ref?: string, path = "/work/.git") =>
  fetchCommit(server.outbound, server.address + path, ref);
const filesOf = async (ref?: string, below = "", limits = LIMITS) =>
  readFiles(await fetched(ref), below, limits);

test("the files of the default branch come byte for byte; links and submodules are left out, and said", async () => {
  const { commit } = await fetched();
  expect(commit).toBe(server.git("rev-parse", "HEAD").trim());
  const { files, skipped } = await filesOf(undefined, "db");
  const paths = [...files.keys()].sort();
  expect(paths).toEqual(
    ["bytes.bin", "empty.sql", "init/001.sql", "long.sql", "longer.sql", "test/café.sql"].sort(),
  );
  for (const path of paths)
    expect(files.get(path)!.equals(readFileSync(join(server.work, "db", path))), path).toBe(true);
  expect(skipped).toEqual([
    { path: "link", reason: "is a symbolic link" },
    { path: "module", reason: "is a submodule" },
  ]);
});

test("a branch, a tag of the first commit, and a repository that moved", async () => {
  const old = await filesOf("v1", "/db/init/");
  expect(old.files.get("001.sql")!.toString()).toBe("create table t (i int);\r\n");
  expect((await filesOf("feature/x")).files.has("readme.md")).toBe(true);
  expect(await fetched(undefined, "/moved/.git/")).toMatchObject({
    commit: server.git("rev-parse", "HEAD").trim(),
  });
});

test.each<[string, () => Promise<unknown>, RegExp]>([
  ["a branch that is not there", () => fetched("nope"), /no branch or tag "nope"/],
  ["a repository that is not there", () => fetched(undefined, "/none/.git"), /status 404/],
  [
    "no https",
    () => fetchCommit(server.outbound, server.address.replace("https", "http"), undefined),
    /https:\/\//,
  ],
  ["no URL", () => fetchCommit(server.outbound, "git@github.com:a/b", undefined), /no URL|https/],
  [
    "a password in the address",
    () => fetchCommit(server.outbound, "https://u:p@example.test/a", undefined),
    /password/,
  ],
  [
    "an address of this network",
    () => fetchCommit(openOutbound({ allow: outboundAllowOf("") }), server.address, undefined),
    /127\.0\.0\.1/,
  ],
  ["a folder that is not there", () => filesOf(undefined, "db/none"), /no folder/],
  ["a folder that is a link", () => filesOf(undefined, "db/link"), /no folder/],
  [
    "too many bytes",
    () => filesOf(undefined, "", { ...LIMITS, max_bytes: 10 }),
    /more than 10 bytes/,
  ],
])("%s is refused in words", async (_name, work, words) => {
  await expect(work()).rejects.toThrow(words);
});

test("a file that is too large is left out, and said", async () => {
  const { skipped } = await filesOf(undefined, "db", { ...LIMITS, max_file_bytes: 1_000 });
  expect(skipped.map(({ path }) => path)).toContain("long.sql");
});

/** A pack of blobs, each with the size that it claims. */
function packOf(...blobs: { claims: number; content: Buffer }[]): Buffer {
  const header = Buffer.alloc(12);
  header.write("PACK");
  header.writeUInt32BE(2, 4);
  header.writeUInt32BE(blobs.length, 8);
  const entries = blobs.flatMap(({ claims, content }) => {
    const bytes = [(3 << 4) | (claims & 15)];
    for (let rest = Math.floor(claims / 16); rest > 0; rest = Math.floor(rest / 128)) {
      bytes[bytes.length - 1]! |= 128;
      bytes.push(rest & 127);
    }
    return [Buffer.from(bytes), deflateSync(content)];
  });
  const body = Buffer.concat([header, ...entries]);
  return Buffer.concat([body, createHash("sha1").update(body).digest()]);
}

const PACK_LIMITS = { max_objects: 10, max_inflated_bytes: 1024 ** 2 };

test("a pack that inflates to more than it says, or than there may be, is refused before it is inflated", async () => {
  const small = Buffer.from("hello");
  const pack = await openPack(packOf({ claims: 5, content: small }), PACK_LIMITS);
  expect(pack.read("b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0")).toEqual({
    type: "blob",
    content: small,
  });
  const bomb = Buffer.alloc(64 * 1024 ** 2);
  for (const [claims, words] of [
    [10, /damaged/],
    [bomb.length, /larger/],
    [2 ** 50, /larger/],
  ] as const) {
    const before = process.memoryUsage.rss();
    await expect(openPack(packOf({ claims, content: bomb }), PACK_LIMITS)).rejects.toThrow(words);
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 1024 ** 2);
  }
  const many = Array.from({ length: 11 }, () => ({ claims: 5, content: small }));
  await expect(openPack(packOf(...many), PACK_LIMITS)).rejects.toThrow(/11 objects/);
});

test("a pack with any byte changed is damaged, and nothing else", async () => {
  const sound = packOf({ claims: 5, content: Buffer.from("hello") });
  for (let at = 0; at < sound.length; at += 1) {
    const broken = Buffer.from(sound);
    broken[at]! ^= 0x55;
    await expect(openPack(broken, PACK_LIMITS)).rejects.toThrow(/damaged/);
    // The same with a sum that fits.
    const body = broken.subarray(0, -20);
    const again = Buffer.concat([body, createHash("sha1").update(body).digest()]);
    await openPack(again, PACK_LIMITS).catch((error: Error) => expect(error.name).toBe("GitError"));
  }
});

import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  abortUploads,
  deleteParts,
  fetchPart,
  hasPart,
  listParts,
  putPart,
} from "./part-writing.ts";
import {
  openPart,
  PartMissingError,
  type PartStore,
  PartStoreError,
  parsePartStore,
} from "./parts.ts";
import { startS3, type TestS3 } from "./testing-s3.ts";

const CREDENTIALS = { access_key_id: "S3RVER", secret_access_key: "S3RVER" };
const RUN = "019aa5b2-7c00-7000-8000-000000000001";
let directory: string;
let server: TestS3;
let store: PartStore;
let endpoint: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "quern-s3-"));
  server = await startS3(directory);
  endpoint = server.endpoint;
  store = parsePartStore(`s3://results/quern?endpoint=${endpoint}&path_style=1`, CREDENTIALS);
});
afterAll(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

async function put(key: string, bytes: string | Buffer): Promise<void> {
  const from = join(directory, "from");
  await writeFile(from, bytes);
  await putPart(store, key, from);
  await expect(stat(from)).rejects.toThrow("ENOENT");
}

test("a part is uploaded, read by ranges, fetched, found and deleted with its run", async () => {
  await put(`${RUN}/1/s0-p0.parquet`, "0123456789");
  await put(`${RUN}/1/s0-p1.parquet`, "x");
  // Unlike S3, this server overlooks folders that hold only folders.
  await put(`${RUN}/0`, "x");
  await put(`${RUN}x/0`, "of another run");
  const part = await openPart(store, `${RUN}/1/s0-p0.parquet`, 10);
  const text = async (start: number, end?: number) =>
    Buffer.from(await part.slice(start, end)).toString();
  expect(await Promise.all([text(0, 3), text(7), text(4, 100), text(10), text(2, 3)])).toEqual([
    ...["012", "789", "456789", "", "2"],
  ]);
  await fetchPart(store, `${RUN}/1/s0-p0.parquet`, join(directory, "to"));
  expect(await readFile(join(directory, "to"), "utf8")).toBe("0123456789");
  expect(await hasPart(store, `${RUN}/1/s0-p1.parquet`)).toBe(true);

  const [listed] = await listParts(store);
  expect(listed).toEqual({ prefix: RUN, changed_at: new Date(0x019aa5b27c00) });
  await deleteParts(store, RUN);
  await deleteParts(store, RUN);
  expect((await listParts(store)).map(({ prefix }) => prefix)).toEqual([`${RUN}x`]);
  expect(await hasPart(store, `${RUN}/1/s0-p1.parquet`)).toBe(false);
  const gone = await openPart(store, `${RUN}/1/s0-p1.parquet`, 1);
  await expect(gone.slice(0, 1)).rejects.toThrow(PartMissingError);
  await expect(fetchPart(store, `${RUN}/1/s0-p1.parquet`, join(directory, "to2"))).rejects.toThrow(
    PartMissingError,
  );
});

test("a large part goes up in pieces and comes back whole", async () => {
  const bytes = Buffer.alloc(20 * 1024 * 1024, "quern");
  await put("large/1/p", bytes);
  await fetchPart(store, "large/1/p", join(directory, "large"));
  expect((await readFile(join(directory, "large"))).equals(bytes)).toBe(true);
  await deleteParts(store, "large");
});

test("a refusal says what is wrong, and the file stays", async () => {
  const from = join(directory, "stays");
  await writeFile(from, "x");
  const at = (setting: string, credentials = CREDENTIALS) => parsePartStore(setting, credentials);
  await expect(
    putPart(at(`s3://nowhere?endpoint=${endpoint}&path_style=1`), "a/1/p", from),
  ).rejects.toThrow(/could not keep a\/1\/p: there is no such bucket/);
  const strict = await startS3(directory, { strict: true });
  await expect(
    putPart(
      at(`s3://results?endpoint=${strict.endpoint}&path_style=1`, {
        ...CREDENTIALS,
        secret_access_key: "no",
      }),
      "a/1/p",
      from,
    ),
  ).rejects.toThrow("the secret key is wrong");
  await strict.close();
  await expect(
    putPart(at("s3://results?endpoint=http://127.0.0.1:1&path_style=1"), "a/1/p", from),
  ).rejects.toThrow(PartStoreError);
  expect(await readFile(from, "utf8")).toBe("x");
});

test("a store that fails twice is asked again", async () => {
  let asked = 0;
  const flaky: Server = createServer((_, response) => {
    asked += 1;
    response.statusCode = asked <= 2 ? 503 : 200;
    response.end(asked <= 2 ? "" : "bytes");
  });
  await new Promise<void>((resolve) => flaky.listen(0, "127.0.0.1", resolve));
  const { port } = flaky.address() as AddressInfo;
  const part = await openPart(
    parsePartStore(`s3://results?endpoint=http://127.0.0.1:${port}&path_style=1`, CREDENTIALS),
    "a/1/p",
    5,
  );
  expect(Buffer.from(await part.slice(0, 5)).toString()).toBe("bytes");
  expect(asked).toBe(3);
  flaky.close();
});

test("unfinished uploads are ended where the store can list them", async () => {
  expect(await abortUploads(store, new Date())).toBe(0);
});

test.each([
  ["s3://", "write s3://BUCKET/PREFIX"],
  ["s3://Bad_Bucket/x", "name of a bucket"],
  ["s3://results?endpoint=ftp://x", "write endpoint=https://HOST:PORT"],
  ["s3://results?path_style=yes", "path_style is 1 or 0"],
  ["s3://results?secret=x", "secret is none of endpoint, region and path_style"],
])("%s is no setting", (setting, why) => {
  expect(() => parsePartStore(setting)).toThrow(why);
});

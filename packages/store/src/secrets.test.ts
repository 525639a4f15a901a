import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensureKeys, KeysError, readApiKeys, readRunnerKeys } from "./keys.ts";
import { openSecret, SecretError, sealSecret } from "./secrets.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "quern-keys-"));
  await ensureKeys(directory);
});
afterAll(() => rm(directory, { recursive: true }));

const binding = { org: "o", datasource: "d", field: "password", version: 3 };

test("runners open what the API sealed, and only for the same binding", async () => {
  const { runners } = await readApiKeys(directory);
  const keys = await readRunnerKeys(directory);
  const sealed = await sealSecret(runners, binding, "pässwörd\u{1F511}");
  expect(sealed).not.toContain("pässwörd");
  expect(await openSecret(keys.private, binding, sealed)).toBe("pässwörd\u{1F511}");
  for (const change of [{ org: "x" }, { datasource: "x" }, { field: "x" }, { version: 4 }]) {
    await expect(openSecret(keys.private, { ...binding, ...change }, sealed)).rejects.toThrow(
      SecretError,
    );
  }
});

test("a changed secret, another key and the public key open nothing", async () => {
  const { runners } = await readApiKeys(directory);
  const keys = await readRunnerKeys(directory);
  const sealed = await sealSecret(runners, binding, "secret");
  const parts = sealed.split(".");
  const header = JSON.parse(String(Buffer.from(parts[0]!, "base64url")));
  header.quern.version = 4;
  const forged = [
    Buffer.from(JSON.stringify(header)).toString("base64url"),
    ...parts.slice(1),
  ].join(".");
  await expect(openSecret(keys.private, { ...binding, version: 4 }, forged)).rejects.toThrow(
    SecretError,
  );
  const renamed = keys.private.map((key) => ({ ...key, kid: "other" }));
  await expect(openSecret(renamed, binding, sealed)).rejects.toThrow(SecretError);
  await expect(openSecret(runners, binding, sealed)).rejects.toThrow();
});

test("key files are private, and a second start keeps them", async () => {
  const file = join(directory, "runners.private.jwks.json");
  const before = await readFile(file, "utf8");
  await ensureKeys(directory);
  expect(await readFile(file, "utf8")).toBe(before);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(JSON.stringify(await readApiKeys(directory))).not.toContain(JSON.parse(before).keys[0].d);
});

test("a missing, short or broken key file ends the start in words", async () => {
  await expect(readApiKeys(join(directory, "nowhere"))).rejects.toThrow(KeysError);
  const other = await mkdtemp(join(tmpdir(), "quern-keys-"));
  await ensureKeys(other);
  await writeFile(
    join(other, "api.jwks.json"),
    JSON.stringify({ keys: [{ kty: "oct", kid: "a", k: "c2hvcnQ" }] }),
  );
  await expect(readApiKeys(other)).rejects.toThrow(/less than 32 bytes/);
  await rm(other, { recursive: true });
});

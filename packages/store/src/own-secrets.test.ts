import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { openOwnSecret, sealOwnSecret } from "./own-secrets.ts";
import { SecretError } from "./secrets.ts";

const key = (kid: string) => ({ kty: "oct", kid, k: randomBytes(32).toString("base64url") });
const binding = { org: "o", kind: "webhook", id: "w", version: 1 } as const;

test("a secret opens with the key ring that sealed it, for what it was sealed for, and with nothing else", async () => {
  const [one, two] = [key("one"), key("two")];
  const sealed = await sealOwnSecret([one], binding, "whsec_é");
  expect(sealed).not.toContain("whsec");
  expect(await openOwnSecret([two, one], binding, sealed)).toBe("whsec_é");
  for (const other of [
    { ...binding, org: "p" },
    { ...binding, id: "x" },
    { ...binding, version: 2 },
  ])
    await expect(openOwnSecret([one], other, sealed)).rejects.toThrow(SecretError);
  await expect(openOwnSecret([two], binding, sealed)).rejects.toThrow(/key ring/);
  await expect(openOwnSecret([key("one")], binding, sealed)).rejects.toThrow(SecretError);
  const changed = `${sealed.slice(0, -2)}${sealed.endsWith("AA") ? "BB" : "AA"}`;
  await expect(openOwnSecret([one], binding, changed)).rejects.toThrow(SecretError);
});

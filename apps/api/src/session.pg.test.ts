import { createClient } from "@quern/contract/client";
import { acceptLink, addMember, changeMember, readLink } from "@quern/contract/members";
import { createToken, listTokens, readMe, readSetup, setUp } from "@quern/contract/session";
import { openLog } from "@quern/runtime/log";
import { readApiKeys } from "@quern/store/keys";
import { getMigrations } from "better-auth/db/migration";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openSignIn } from "./sign-in.ts";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const ADMIN = { email: "Ada@Example.test", name: "Ada", password: "correct horse battery" };
const JSON_BODY = { "content-type": "application/json" };

function signIn(body: unknown, headers: Record<string, string> = {}) {
  return fetch(`${api.address}/api/v1/session`, {
    method: "POST",
    headers: { ...JSON_BODY, ...headers },
    body: JSON.stringify(body),
  });
}
function cookieOf(response: Response): string {
  return response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(";")[0])
    .join("; ");
}
const me = (cookie: string) => fetch(`${api.address}/api/v1/me`, { headers: { cookie } });

test("the set-up link makes the first admin once, and its link is built from the configured address", async () => {
  const client = createClient(api.address);
  expect(await client.call(readSetup, {})).toEqual({ needed: true });
  expect(api.setup_link).toMatch(/^http:\/\/quern\.example\.test\/setup#token=[\w-]{43}$/);
  const token = api.setup_link!.split("token=")[1]!;
  expect(await problemOf(client.call(setUp, { body: { ...ADMIN, token: "guess" } }))).toMatchObject(
    { code: "link_expired" },
  );
  await client.call(setUp, { body: { ...ADMIN, token } });
  expect(await problemOf(client.call(setUp, { body: { ...ADMIN, token } }))).toMatchObject({
    code: "already_set_up",
  });
  expect(await client.call(readSetup, {})).toEqual({ needed: false });
});

test("signing in sets a strict cookie; signing out ends it on the server", async () => {
  const response = await signIn({ email: "ADA@example.test", password: ADMIN.password });
  expect(response.status).toBe(200);
  expect(response.headers.getSetCookie()[0]).toMatch(/HttpOnly; SameSite=Lax/);
  const cookie = cookieOf(response);
  expect(await (await me(cookie)).json()).toMatchObject({
    user: { email: "ada@example.test" },
    role: "admin",
  });
  const forged = cookie.replace(/=(.)/, (_, first) => `=${first === "a" ? "b" : "a"}`);
  expect((await me(forged)).status).toBe(401);
  await fetch(`${api.address}/api/v1/session`, {
    method: "DELETE",
    headers: { cookie, origin: api.address },
  });
  expect((await me(cookie)).status).toBe(401);
});

test("a wrong password, an unknown address and a deactivated person get the same answer", async () => {
  const { client } = await api.as("admin");
  const added = await client.call(addMember, {
    body: { email: "gone@example.test", name: "Gone", role: "viewer" },
  });
  const token = added.link.url.split("token=")[1]!;
  expect(await createClient(api.address).call(readLink, { body: { token } })).toMatchObject({
    email: "gone@example.test",
  });
  await createClient(api.address).call(acceptLink, {
    body: { token, name: "Gone", password: "long enough" },
  });
  const session = cookieOf(await signIn({ email: "gone@example.test", password: "long enough" }));
  expect((await me(session)).status).toBe(200);
  await client.call(changeMember, { params: { id: added.member.id }, body: { active: false } });
  expect((await me(session)).status).toBe(401);

  const answers = await Promise.all([
    signIn({ email: ADMIN.email, password: "wrong" }),
    signIn({ email: "nobody@example.test", password: "wrong" }),
    signIn({ email: "gone@example.test", password: "long enough" }),
  ]);
  const bodies = await Promise.all(
    answers.map(async (answer) => ({ ...((await answer.json()) as object), request_id: "" })),
  );
  expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(1);
  expect(answers.map(({ status }) => status)).toEqual([401, 401, 401]);
  expect(answers[2]!.headers.getSetCookie()).toEqual([]);
});

test("another site can neither sign in nor change anything with the cookie", async () => {
  const cookie = cookieOf(await signIn({ email: ADMIN.email, password: ADMIN.password }));
  const post = (headers: Record<string, string>) =>
    fetch(`${api.address}/api/v1/tokens`, {
      method: "POST",
      headers: { ...JSON_BODY, cookie, ...headers },
      body: JSON.stringify({ name: "t" }),
    });
  expect((await post({ origin: "https://evil.example" })).status).toBe(403);
  expect((await post({ "sec-fetch-site": "cross-site", origin: api.address })).status).toBe(403);
  expect((await post({ "sec-fetch-site": "same-site" })).status).toBe(403);
  expect((await post({ origin: "null" })).status).toBe(403);
  expect((await post({})).status).toBe(403);
  expect(
    (
      await signIn(
        { email: ADMIN.email, password: ADMIN.password },
        { origin: "https://evil.example" },
      )
    ).status,
  ).toBe(403);
  expect((await post({ "sec-fetch-site": "same-origin" })).status).toBe(201);
  expect((await post({ origin: api.address })).status).toBe(201);
});

test("a token acts as its owner, is shown once, and cannot make another", async () => {
  const cookie = cookieOf(await signIn({ email: ADMIN.email, password: ADMIN.password }));
  const response = await fetch(`${api.address}/api/v1/tokens`, {
    method: "POST",
    headers: { ...JSON_BODY, cookie, origin: api.address },
    body: JSON.stringify({ name: "ci", expires_in_days: 1 }),
  });
  const made = (await response.json()) as { id: string; token: string };
  const client = createClient(api.address, made.token);
  expect(await client.call(readMe, {})).toMatchObject({ role: "admin" });
  const listed = JSON.stringify(await client.call(listTokens, {}));
  expect(listed).toContain(made.id);
  expect(listed).not.toContain(made.token);
  const another = client.call(createToken, { body: { name: "heir" } });
  expect(await problemOf(another)).toMatchObject({ status: 403, code: "not_allowed" });
  const both = await fetch(`${api.address}/api/v1/me`, {
    headers: { cookie, authorization: "Bearer qrn_nonsense" },
  });
  expect(both.status).toBe(401);
});

test("guessing passwords is slowed down", async () => {
  const statuses = [];
  for (let n = 0; n < 25; n++)
    statuses.push((await signIn({ email: "x@example.test", password: "x" })).status);
  expect(statuses.at(-1)).toBe(429);
});

test("our tables are what better-auth needs", async () => {
  const signIn = openSignIn(
    api.db,
    await readApiKeys(api.keysDirectory),
    "http://localhost",
    openLog("test", "fatal"),
  );
  const { toBeCreated, toBeAdded } = await getMigrations(signIn.options);
  expect([toBeCreated, toBeAdded]).toEqual([[], []]);
});

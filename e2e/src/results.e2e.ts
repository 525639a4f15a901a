/** Results between runner, API and client: early pages, files that prove themselves, work on stored results. */
import { createHash } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { createClient, ProblemError } from "@quern/contract/client";
import {
  compareRunResults,
  describeRunResult,
  digestRunResult,
  downloadRunResult,
  readRunRows,
  viewRunResult,
} from "@quern/contract/run-results";
import { cancelRun, readRun } from "@quern/contract/runs";
import { makeActor } from "@quern/store/testing-fixtures";
import { createToken } from "@quern/store/tokens";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ResultSite, startResultSite } from "./result-site.ts";

let site: ResultSite;
beforeAll(async () => {
  site = await startResultSite();
});
afterAll(() => site.stop());

const LARGE = "select g, md5(g::text) as t from generate_series(1, 400000) g";

test("a file can be verified: by its trailer, by the headers of a later one, by the digest", async () => {
  const { id } = await site.run("select g, md5(g::text) as t from generate_series(1, 30000) g");
  for (const format of ["csv", "json", "xlsx", "parquet"] as const) {
    const path = site.client.url(downloadRunResult, { params: { id, format } });
    const first = await received(path);
    const sha256 = createHash("sha256").update(first.body).digest();
    const field = `sha-256=:${sha256.toString("base64")}:`;
    expect(first.response.trailers["repr-digest"], format).toBe(field);
    const digest = await site.client.call(digestRunResult, { params: { id, format } });
    expect(digest, format).toEqual({
      rows: 30_000,
      size: first.body.length,
      sha256: sha256.toString("hex"),
      truncated: null,
    });
    const second = await received(path);
    expect(second.response.headers, format).toMatchObject({
      "content-length": String(first.body.length),
      "repr-digest": field,
    });
    expect(second.body.equals(first.body), format).toBe(true);
  }
});

test("a file that cannot be finished is broken off, never short", async () => {
  const { id } = await site.run(LARGE);
  const folder = join(site.directory, "results", id, "1");
  const parts = (await readdir(folder)).sort();
  expect(parts.length).toBeGreaterThan(2);
  await rm(join(folder, parts[2]!));
  for (const format of ["csv", "json", "parquet"] as const) {
    const broken = received(site.client.url(downloadRunResult, { params: { id, format } }));
    await expect(broken, format).rejects.toThrow(/aborted|ECONNRESET|socket hang up/);
  }
  const digest = site.client.call(digestRunResult, { params: { id, format: "csv" } });
  await expect(digest).rejects.toMatchObject({ problem: { code: "result_expired" } });
});

/** A whole answer; rejects when the connection ends before it does. */
function received(url: string): Promise<{ response: IncomingMessage; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const request = get(url, { headers: { authorization: `Bearer ${site.token}` } }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => resolve({ response, body: Buffer.concat(chunks) }));
    });
    request.once("error", reject);
  });
}

test("the first page comes before the end, and says that it is not all", async () => {
  const id = await site.begin(
    "select g, md5(g::text), case when g = 60000 then pg_sleep(30)::text end from generate_series(1, 60000) g",
  );
  await expect
    .poll(() => site.client.call(readRunRows, { params: { id } }).catch(problemCode))
    .toMatchObject({
      complete: false,
      rows: expect.arrayContaining([[1, expect.any(String), null]]),
    });
  expect(
    await site.client.call(digestRunResult, { params: { id, format: "csv" } }).catch(problemCode),
  ).toBe("run_not_finished");
  expect(
    await site.client.call(viewRunResult, { params: { id }, body: {} }).catch(problemCode),
  ).toBe("run_not_finished");
  await site.client.call(cancelRun, { params: { id } });
  await site.client.call(readRun, { params: { id }, query: { wait: 30 } });
  expect(await site.client.call(readRunRows, { params: { id } }).catch(problemCode)).toBe(
    "no_result",
  );
});

function problemCode(error: unknown): string {
  if (error instanceof ProblemError) return error.problem.code;
  throw error;
}

test("views, statistics and comparisons are runs; equal ones are shared; nonsense is refused", async () => {
  const { id } = await site.run(
    "select g as n, g % 3 as k, (g / 7.0)::numeric as q from generate_series(1, 1000) g",
  );
  const params = { id };
  const body = {
    sort: [{ column: 1, direction: "desc" as const }],
    filters: [{ column: 2, operator: "<" as const, value: "1e1" }],
  };
  const started = await site.client.call(viewRunResult, { params, body });
  expect(started.reused).toBe(false);
  expect(await site.client.call(viewRunResult, { params, body })).toMatchObject({
    id: started.id,
    reused: true,
  });
  const view = await site.ended(started.id);
  expect(view).toMatchObject({
    kind: "result_view",
    source: { run_id: id, statement: 0 },
    rows: 69,
  });
  const { rows } = await site.pageOf(view.id);
  expect(rows[0]?.slice(0, 2)).toEqual([2, 2]);
  expect(rows.at(-1)?.slice(0, 2)).toEqual([69, 0]);
  const statistics = await site.client.call(describeRunResult, { params, body: {} });
  await site.ended(statistics.id);
  expect((await site.pageOf(statistics.id)).rows[0]?.slice(0, 8)).toEqual([
    ...[0, "n", "0", "1000", "1", "1000", "500.5", "500500"],
  ]);
  const other = { other_run_id: view.id };
  const comparison = await site.client.call(compareRunResults, { params, body: other });
  await site.ended(comparison.id);
  expect((await site.pageOf(comparison.id)).rows).toHaveLength(931);

  const refused = async (filter: object) =>
    site.client.call(viewRunResult, { params, body: { filters: [filter as never] } }).then(
      () => "accepted",
      (error: unknown) => (error as ProblemError).problem.detail,
    );
  expect(await refused({ column: 0, operator: "<", value: "ten" })).toContain(
    '"ten" is no value of column "n" (integer): write a whole number',
  );
  expect(await refused({ column: 9, operator: "is_null" })).toContain("there is no column 9");
  expect(await refused({ column: 0, operator: "<" })).toContain("needs a `value`");
  const elsewhere = await site.run("select 1 as m");
  const compared = site.client.call(compareRunResults, {
    params,
    body: { other_run_id: elsewhere.id },
  });
  await expect(compared).rejects.toMatchObject({
    problem: { code: "invalid_request", detail: expect.stringContaining("3 and 1 columns") },
  });
  const { token: guest } = await createToken(
    site.db,
    await makeActor(site.db, "viewer"),
    "guest",
    1,
  );
  const asGuest = createClient(site.address, guest).call(describeRunResult, { params, body: {} });
  await expect(asGuest).rejects.toMatchObject({ problem: { code: "not_found" } });
});

/** Requests of the API of projects and jobs for tests. Only tests may import this file. */
import { createHash } from "node:crypto";
import { createJob, type Job, readJob } from "@quern/contract/jobs";
import { claimJobs } from "@quern/store/job-queue";
import type { TestApi } from "./testing.ts";

export type Person = Awaited<ReturnType<TestApi["as"]>>;

export const TREE = {
  "init/001.sql": { content: "create table t (i int);" },
  "test/x.sql": { content: "select * from t" },
};

export function sha256(bytes: string | Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Sends bytes as a file of a project, and gives the status and the body of the reply. */
export async function upload(
  api: TestApi,
  { token }: Person,
  bytes: Buffer,
  digest = sha256(bytes),
) {
  const response = await fetch(`${api.address}/api/v1/blobs/sha256/${digest}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/octet-stream" },
    body: new Uint8Array(bytes),
  });
  const body = (await response.json()) as { code?: string; detail?: string; size?: number };
  return { status: response.status, ...body };
}

export async function download(api: TestApi, { token }: Person, digest: string) {
  const response = await fetch(`${api.address}/api/v1/blobs/sha256/${digest}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) };
}

export async function startJob(person: Person, body: object = {}): Promise<string> {
  const { job_id } = await person.client.call(createJob, {
    body: { project_tree: TREE, head_path: "test/x.sql", ...body },
  });
  return job_id;
}

export function jobOf({ client }: Person, id: string, wait = 0): Promise<Job> {
  return client.call(readJob, { params: { id }, query: { wait } });
}

/** As a sandbox claims. */
export function claim(api: TestApi) {
  return claimJobs(api.db, "sandbox-1", {
    max: 10,
    lease_ms: 30_000,
    store_id: "00000000-0000-4000-8000-00000000000a",
    engines: [18],
  });
}

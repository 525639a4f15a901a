import { readFile } from "node:fs/promises";
import type { SideSpec } from "@quern/store/job-spec";
import type { TreeFiles } from "@quern/store/trees";
import { type Chain, type PlanInput, plan, planKnown } from "../planner/plan.ts";
import { unknownState } from "./job-failure.ts";
import type { JobShop, JobWork } from "./job-work.ts";

/** Plans what the job asks for. Throws PlanError, SandboxError, MissingBlobError. */
export async function planJob(shop: JobShop, work: JobWork): Promise<Chain> {
  const { tree, manifest, head_path, head_sql, variables, environment, policy, spec } = work.job;
  if (spec.state_key !== undefined)
    return planState(shop, work, spec.state_key, { head_sql, variables });
  return planTree(shop, work, {
    ...{ tree: tree ?? {}, manifest, head_path, head_sql },
    ...{ variables, environment, policy },
  });
}

/** Plans one side of a diff: the state that its head would run on. */
export async function planSide(
  shop: JobShop,
  work: JobWork,
  side: SideSpec,
  tree: TreeFiles | null,
): Promise<Chain> {
  const { manifest, head_path, variables, environment } = side;
  if (side.state_key !== null)
    return planState(shop, work, side.state_key, { head_sql: null, variables });
  const { policy } = work.job;
  const input = { tree: tree ?? {}, manifest, head_path, head_sql: null };
  return planTree(shop, work, { ...input, variables, environment, policy });
}

type Asked = Omit<PlanInput, "environment"> & Pick<JobWork["job"], "environment">;

async function planTree(shop: JobShop, work: JobWork, asked: Asked): Promise<Chain> {
  const { files, instances, scripts } = shop;
  work.progress.begin("parsing", "preparing");
  await files.fetch(work.job.org_id, Object.values(asked.tree));
  const typed = await withHead(shop, asked.tree, asked.head_sql);
  work.progress.begin("planning", "preparing");
  const input = { ...asked, tree: typed.tree, head_path: typed.path ?? asked.head_path };
  const chain = await plan(input, {
    environment: (spec) => instances.environment(spec),
    scripts,
    read: (digest) => readFile(files.path(digest)),
  });
  await shop.environments.note(chain.environment);
  return chain;
}

async function planState(
  shop: JobShop,
  work: JobWork,
  hex: string,
  asked: Pick<PlanInput, "head_sql" | "variables">,
): Promise<Chain> {
  work.progress.begin("planning", "preparing");
  const key = Buffer.from(hex, "hex");
  await shop.behind.settled(work.job.org_id, key, work.signal);
  const { layer } = await shop.layers.find(work.job.org_id, [key], work.holder);
  if (layer === null) throw unknownState(NOT_THERE);
  const environment = await shop.environments.of(layer.env_key);
  if (environment === null) throw unknownState(OTHER_ENGINE);
  const { tree, path } = await withHead(shop, {}, asked.head_sql);
  return planKnown(key, environment, { ...asked, tree, head_path: path }, shop);
}

const NOT_THERE =
  "The cache does not have this state: it was evicted, or it is another installation's. Run its project again.";
const OTHER_ENGINE =
  "This state was made by a PostgreSQL that is not installed any more, or by other settings. Run its project again.";

/** The tree with a head that was typed in among its files, and where. */
async function withHead(
  { files }: JobShop,
  tree: TreeFiles,
  text: string | null,
): Promise<{ tree: TreeFiles; path: string | null }> {
  if (text === null) return { tree, path: null };
  const path = freePath(tree);
  return { tree: { ...tree, [path]: await files.add(Buffer.from(text)) }, path };
}

/** Where a head that was typed in stands among the files. */
function freePath(tree: TreeFiles): string {
  for (let n = 1; ; n++) {
    const path = n === 1 ? "head.sql" : `head-${n}.sql`;
    if (tree[path] === undefined) return path;
  }
}

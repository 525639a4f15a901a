import { Environment, Variables } from "@quern/contract/environment";
import { z } from "zod";
import { PlanError } from "./plan-error.ts";

/** The one file of a tree that says how it is to be read. It may be missing. */
export const MANIFEST = "quern.project.json";

const path = z.string().min(1).max(1024);
const folder = path.regex(/^[^/]+$/, "must be the name of a folder at the top");

export const Manifest = z.strictObject({
  /** The steps themselves, in order; `*` stands for anything but `/`, `**` for anything. */
  chain: z.array(path).max(20_000).optional(),
  /** `phases`: files of the sibling phases do not see each other. `linear`: each file sees all before it. */
  order: z.enum(["phases", "linear"]).optional(),
  phases: z.array(folder).min(1).max(50).optional(),
  siblings: z.array(folder).max(50).optional(),
  variables: Variables.optional(),
  environment: Environment.optional(),
  /** Files after which the state is kept whatever it cost. */
  checkpoints: z.array(path).max(1000).optional(),
  volatile: z.enum(["pin", "deny", "nocache"]).optional(),
});
export type Manifest = z.infer<typeof Manifest>;

/** Throws PlanError `invalid_manifest` with the place in words. */
export function parseManifest(text: string): Manifest {
  const refuse = (why: string) =>
    new PlanError({ code: "invalid_manifest", message: `${MANIFEST}: ${why}`, file: MANIFEST });
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw refuse(`this is not JSON (${error.message}).`);
  }
  const parsed = Manifest.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw refuse(`${issue?.path.join(".") || "the file"}: ${issue?.message}.`);
}

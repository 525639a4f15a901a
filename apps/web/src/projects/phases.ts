import { z } from "zod";

/** The folders that stand for a phase of the chain, in the order in which they run; what is in none of them runs with `init`. */
export const PHASES = ["init", "seed", "test", "bench"] as const;
export type Phase = (typeof PHASES)[number];

/** The phase that a path belongs to by its topmost folder: `seed/010_people.sql` is of `seed`. */
export function phaseOf(path: string): Phase | null {
  const top = path.includes("/") ? path.slice(0, path.indexOf("/")) : "";
  return PHASES.find((phase) => phase === top.toLowerCase()) ?? null;
}

/** Only these can run as the head; others are includes, data or the manifest. */
export function isScript(path: string): boolean {
  return /\.(sql|psql|pgsql|ddl)$/i.test(path);
}

export const MANIFEST = "quern.project.json";
export const isManifest = (path: string): boolean => path === MANIFEST;

const natural = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** `2_b` before `10_a`; names that differ only by case have an order too. */
export function naturalOrder(a: string, b: string): number {
  return natural.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}

const Manifest = z.object({
  variables: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});

/** The variables that a manifest's text declares; none where it is no manifest, which the planner says in words. */
export function variablesOf(manifest: string | null): Record<string, string> {
  if (manifest === null) return {};
  let json: unknown;
  try {
    json = JSON.parse(manifest);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return {};
  }
  const parsed = Manifest.safeParse(json);
  if (!parsed.success) return {};
  return Object.fromEntries(
    Object.entries(parsed.data.variables).map(([name, value]) => [name, String(value)]),
  );
}

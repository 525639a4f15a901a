/**
 * Which files are the steps of a chain, in which order, and which of them a head sees.
 *
 * Steps are the `.sql` files of the phase folders `init`, `seed`, `test`, `bench` at the top of the tree, phase after phase, in natural
 * order inside. A file or folder whose name begins with `_` is no step: such files are there to be included. A tree
 * without any of these folders is a chain of all its `.sql` files. Files of `test` and `bench` are siblings: each sees
 * `init` and `seed` only, so that tests do not depend on each other; with `linear` each sees all that come before it. A
 * manifest may name the chain itself.
 */
import type { Manifest } from "./manifest.ts";
import { naturalOrder } from "./natural-order.ts";
import { PlanError } from "./plan-error.ts";

const PHASES = ["init", "seed", "test", "bench"];
const SIBLINGS = ["test", "bench"];

export type OrderRules = Pick<Manifest, "chain" | "order" | "phases" | "siblings">;

/** The steps that make the state on which `head` runs; without a head, all that are no siblings. */
export function tailOf(paths: readonly string[], rules: OrderRules, head: string | null): string[] {
  if (rules.chain) return before(fromChain(paths, rules.chain), head);
  const phases = rules.phases ?? PHASES;
  const siblings = new Set(rules.order === "linear" ? [] : (rules.siblings ?? SIBLINGS));
  const steps = stepsInOrder(paths, phases);
  if (rules.order === "linear") return before(steps, head);
  const shared = steps.filter((path) => !siblings.has(phaseOf(path)));
  return head !== null && siblings.has(phaseOf(head)) ? shared : before(shared, head);
}

/** All steps of a tree in order, siblings included: what a page shows. */
export function stepsInOrder(
  paths: readonly string[],
  phases: readonly string[] = PHASES,
): string[] {
  const steps = paths.filter(isStep);
  const place = new Map(phases.map((phase, at) => [phase, at]));
  const inPhases = steps.filter((path) => path.includes("/") && place.has(phaseOf(path)));
  if (inPhases.length === 0) return steps.sort(naturalOrder);
  return inPhases.sort(
    (a, b) => place.get(phaseOf(a))! - place.get(phaseOf(b))! || naturalOrder(a, b),
  );
}

function isStep(path: string): boolean {
  return path.endsWith(".sql") && !path.split("/").some((name) => name.startsWith("_"));
}

function phaseOf(path: string): string {
  return path.slice(0, Math.max(0, path.indexOf("/")));
}

/** A head that is no step itself sees them all. */
function before(steps: string[], head: string | null): string[] {
  const at = head === null ? -1 : steps.indexOf(head);
  return at === -1 ? steps : steps.slice(0, at);
}

function fromChain(paths: readonly string[], chain: readonly string[]): string[] {
  const steps: string[] = [];
  const taken = new Set<string>();
  for (const entry of chain) {
    const found = entry.includes("*")
      ? paths.filter((path) => matches(path, entry)).sort(naturalOrder)
      : paths.filter((path) => path === entry);
    if (found.length === 0) {
      throw new PlanError({
        code: "missing_step",
        message: `The chain of the manifest names ${entry}, and the tree has no such file.`,
        hint: "Add the file, or take it out of the chain.",
      });
    }
    for (const path of found) {
      if (taken.has(path) && entry.includes("*")) continue;
      if (taken.has(path)) {
        throw new PlanError({
          code: "invalid_manifest",
          message: `The chain of the manifest names ${path} twice.`,
          hint: "A file is one step. Include it from two files instead.",
        });
      }
      taken.add(path);
      steps.push(path);
    }
  }
  return steps;
}

/**
 * `*` is anything within a name, `**` anything at all. All places of the pattern that the path may have reached are followed at
 * once, so that no pattern is slow.
 */
function matches(path: string, pattern: string): boolean {
  const parts = pattern
    .split(/(\*\*|\*)/)
    .flatMap((part) => (part.startsWith("*") ? [part] : [...part]));
  const skips = (places: Set<number>) => {
    for (const at of places) if (parts[at]?.startsWith("*")) places.add(at + 1);
    return places;
  };
  let places = skips(new Set([0]));
  for (const letter of path) {
    const next = new Set<number>();
    for (const at of places) {
      const part = parts[at];
      if (part === "**" || (part === "*" && letter !== "/")) next.add(at);
      else if (part === letter) next.add(at + 1);
    }
    places = skips(next);
  }
  return places.has(parts.length);
}

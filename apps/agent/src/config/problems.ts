/** Says what is wrong with settings, by the names under which the operator wrote them. */
import type { z } from "zod";
import { COMMON_MISTAKES } from "./settings.ts";

/** One line for each issue. `nameOf` is how the operator knows the setting with this path. Values are never quoted. */
export function problemsOf(
  error: z.ZodError,
  keysAt: (path: string[]) => string[],
  nameOf: (path: string) => string,
): string[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code !== "unrecognized_keys") {
      return [`${nameOf(path.join(".")) || "the file"}: ${messageOf(issue)}`];
    }
    return issue.keys.map((key) => unknownKey([...path, key], keysAt(path)));
  });
}

function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_value") return `must be ${issue.values.join(", ")}`;
  if (issue.code === "invalid_type") return `must be of the type ${issue.expected}`;
  return issue.message;
}

function unknownKey(path: string[], known: string[]): string {
  const key = path.at(-1) ?? "";
  const parent = path.slice(0, -1).join(".");
  const meant =
    COMMON_MISTAKES[path.join(".").replace(/^quern\./, "datapace.")] ??
    [parent, nearest(key, known)].filter(Boolean).join(".");
  const hint =
    nearest(key, known) !== undefined || COMMON_MISTAKES[path.join(".")] !== undefined
      ? `did you mean ${meant}?`
      : `known here: ${known.join(", ")}`;
  return `${path.join(".")}: there is no such key; ${hint}`;
}

function nearest(key: string, known: string[]): string | undefined {
  const ranked = known
    .map((it) => ({ it, distance: distance(key.toLowerCase(), it) }))
    .sort((one, other) => one.distance - other.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.max(2, key.length / 3) ? best.it : undefined;
}

/** Levenshtein's. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const same = from[i - 1] === to[j - 1] ? 0 : 1;
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + same);
    }
    row = next;
  }
  return row[to.length]!;
}

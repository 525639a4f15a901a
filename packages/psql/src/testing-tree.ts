/** A tree of files in memory, for tests of the analysis. */
import { createHash } from "node:crypto";
import type { AnalysisFiles } from "./analysis.ts";

export function treeOf(files: Record<string, string | Uint8Array>): AnalysisFiles {
  const bytesOf = (path: string) =>
    Object.hasOwn(files, path) ? Buffer.from(files[path] as string) : null;
  return {
    read: bytesOf,
    digest(path) {
      const bytes = bytesOf(path);
      return bytes === null ? null : createHash("sha256").update(bytes).digest("hex");
    },
  };
}

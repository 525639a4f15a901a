import type { JobInput } from "@quern/contract/job-input";
import type { Project } from "@quern/contract/projects";
import { type MaybeRefOrGetter, toValue } from "vue";
import { treeBody } from "../projects/working-copy.ts";
import { useJobDeeds } from "./jobs.ts";
import type { WorkingCopy } from "./working-copy.ts";

/** Runs and plans heads of the files as they are on the page: saved ones by their version, others as they are written. */
export function useProjectRun(copy: WorkingCopy, values: MaybeRefOrGetter<Record<string, string>>) {
  const deeds = useJobDeeds();

  function source(base: Project): JobInput {
    const variables = toValue(values);
    const shared = {
      project_id: base.id,
      project_version: base.version,
      ...(Object.keys(variables).length === 0 ? {} : { variables }),
    };
    return copy.dirty.value ? { ...shared, project_tree: treeBody(copy.files.value) } : shared;
  }
  /** The id of the job; undefined when it could not be started. */
  async function start(head: Pick<JobInput, "head_path" | "head_sql" | "type" | "instance">) {
    if (copy.base.value === undefined) return undefined;
    return deeds.start.run({ ...source(copy.base.value), ...head });
  }
  return { ...deeds, begin: start };
}

import { createProject } from "@quern/contract/projects";
import { useQueryClient } from "@tanstack/vue-query";
import { useRouter } from "vue-router";
import { api } from "../api.ts";
import { t } from "../i18n/language.ts";
import { paths } from "../paths.ts";
import { useAction } from "./action.ts";

/** The files of `examples/projects/outages`, each a chunk of its own that is loaded when somebody takes the example. */
const FILES = import.meta.glob<string>(
  "../../../../examples/projects/outages/**/*.{sql,csv,json,md}",
  { query: "?raw", import: "default" },
);

/** Makes a project of the example that comes with Quern, and shows it. */
export function useTakeExample() {
  const queries = useQueryClient();
  const router = useRouter();
  return useAction(async () => {
    const files = await Promise.all(
      Object.entries(FILES).map(async ([path, load]) => [
        path.slice(path.indexOf("/outages/") + "/outages/".length),
        { content: await load() },
      ]),
    );
    const made = await api.call(createProject, {
      body: {
        name: t("Power outages"),
        description: t("The example that comes with Quern: a schema, rows, tests and benchmarks."),
        project_tree: Object.fromEntries(files),
      },
    });
    await queries.invalidateQueries({ queryKey: ["projects"] });
    await router.push(paths.project(made.id));
    return made.id;
  });
}

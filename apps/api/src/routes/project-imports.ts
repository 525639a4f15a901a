import { importProject } from "@quern/contract/projects";
import { recordAudit } from "@quern/store/audit";
import { storeContents } from "@quern/store/blob-writes";
import { inTransaction } from "@quern/store/db";
import * as changes from "@quern/store/project-changes";
import { readSettings } from "@quern/store/settings";
import { keepTree, refuseUnsound } from "@quern/store/trees";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { readFiles } from "../git/files.ts";
import { GitError } from "../git/git-error.ts";
import { fetchCommit } from "../git/repository.ts";
import { ApiError, notFound } from "../problems.ts";
import { serve } from "../serve.ts";
import { existing } from "./projects.ts";

const MAX_BYTES = 128 * 1024 ** 2;
/** Each holds a repository in memory. */
const MAX_IMPORTS = 2;

export function addProjectImportRoutes(app: FastifyInstance, api: Api): void {
  let imports = 0;

  serve(
    app,
    api,
    importProject,
    ({ params }) => ({ action: "projects.write", on: { type: "project", id: params.id } }),
    async ({ actor, params: { id }, body, origin }) => {
      if (imports >= MAX_IMPORTS) {
        throw new ApiError(
          "rate_limited",
          "Other repositories are being imported. Try again soon.",
        );
      }
      const { url, ref, folder = "" } = body;
      const { jobs } = await readSettings(api.db, actor.org_id);
      imports += 1;
      const { commit, files, skipped } = await fetchCommit(api.outbound, url, ref)
        .then((fetched) => ({
          commit: fetched.commit,
          ...readFiles(fetched, folder, {
            max_file_bytes: jobs.max_blob_bytes,
            max_bytes: MAX_BYTES,
          }),
        }))
        .catch(rethrowAsProblem)
        .finally(() => {
          imports -= 1;
        });
      return inTransaction(api.db, async (trx) => {
        const paths = [...files.keys()];
        refuseUnsound(paths, "body.folder");
        const contents = [...files.values()];
        const digests = await storeContents(trx, actor, contents);
        const tree = await keepTree(
          trx,
          actor.org_id,
          Object.fromEntries(
            paths.map((path, i) => [
              path,
              { digest: digests[i]!.toString("hex"), size: contents[i]!.length },
            ]),
          ),
        );
        const message = body.message ?? `Imported ${url} at ${commit.slice(0, 12)}`;
        const change = { tree: tree.digest };
        const saved = await changes.changeProject(
          trx,
          actor,
          id,
          body.version,
          change,
          {},
          message.slice(0, 1000),
        );
        if (saved === undefined) throw notFound("project");
        await recordAudit(trx, actor, origin, {
          action: "project.imported",
          resource_type: "project",
          resource_id: id,
          details: { url, commit, version: saved, files: tree.file_count },
        });
        return { project: await existing(trx, actor, id), commit, skipped };
      });
    },
  );
}

function rethrowAsProblem(error: unknown): never {
  if (!(error instanceof GitError)) throw error;
  throw new ApiError("import_failed", error.message);
}

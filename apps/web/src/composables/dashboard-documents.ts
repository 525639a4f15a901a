import {
  DashboardDocument,
  exportDashboard,
  importDashboard,
} from "@quern/contract/dashboard-documents";
import { useQueryClient } from "@tanstack/vue-query";
import { api } from "../api.ts";
import { t } from "../i18n/language.ts";
import { useAction } from "./action.ts";
import { rememberDashboard } from "./dashboards.ts";
import { saveFile } from "./file-save.ts";

/** Larger files are no documents: the API takes requests of 1 MiB. */
const MOST_BYTES = 1024 * 1024;

/** Why a file is no document, in a sentence for the person who chose it. */
export class DocumentFileError extends Error {
  override name = "DocumentFileError";
}

/** Reads a file that was exported. Throws `DocumentFileError`. */
export async function readDocument(file: File): Promise<DashboardDocument> {
  if (file.size > MOST_BYTES)
    throw new DocumentFileError(
      t("The file is larger than 1 MiB: an exported dashboard is smaller."),
    );
  const parsed = DashboardDocument.safeParse(parseJson(await file.text()));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new DocumentFileError(
    t("This is no dashboard that was exported from Quern: {place} {message}", {
      place: issue?.path.join(".") ?? "",
      message: issue?.message ?? "",
    }),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new DocumentFileError(
      t("This file is no JSON. Choose one that was exported from Quern."),
    );
  }
}

/** Dashboards as files. */
export function useDashboardDocuments() {
  const queries = useQueryClient();
  return {
    /** Has the browser save the document. Throws what the API answers. */
    async exportAs(id: string): Promise<void> {
      const document = await api.call(exportDashboard, { params: { id } });
      const text = `${JSON.stringify(document, null, 2)}\n`;
      const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
      saveFile(url, `${document.key}.dashboard.json`);
      URL.revokeObjectURL(url);
    },
    bring: useAction(
      async (
        document: DashboardDocument,
        datasources: Record<string, string>,
        on_existing: "keep" | "replace",
      ) => {
        const done = await api.call(importDashboard, {
          body: { document, datasources, on_existing },
        });
        if (done.dashboard) rememberDashboard(queries, done.dashboard);
        void queries.invalidateQueries({ queryKey: ["queries"] });
        return done;
      },
    ),
  };
}

import { UnreachableError } from "@quern/contract/client";
import { exportFinding, type Finding } from "@quern/contract/health/findings";
import { api } from "../../api.ts";
import { saveFile } from "../../composables/file-save.ts";

/** A finding as the text to paste into an issue. Throws UnreachableError when it does not come. */
export async function readMarkdown(id: string): Promise<string> {
  const url = api.url(exportFinding, { params: { id } });
  try {
    const response = await fetch(url, { credentials: "same-origin" });
    if (response.ok) return await response.text();
    throw new UnreachableError(`The server answered with status ${response.status}.`);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UnreachableError("Quern's server does not answer.", { cause: error });
  }
}

/** Has the browser save it as the API gives it. */
export function saveJson(finding: Finding): void {
  const text = `${JSON.stringify(finding, null, 2)}\n`;
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  saveFile(url, `finding-${finding.rule}.json`);
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

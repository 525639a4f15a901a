import type { editor } from "monaco-editor/editor";
import { t } from "../i18n/language.ts";
import type { Formatted } from "../sql/format.ts";
import { languagePort } from "./language.ts";

/** The largest text that is laid out: it takes the formatter about a second. */
const MOST_CHARACTERS = 262_144;

/**
 * Lays the selection out anew, or the whole text when nothing is selected. Gives the words to say when it could not be
 * done: the text then stays as it was.
 */
export async function formatIn(of: editor.IStandaloneCodeEditor): Promise<string | null> {
  const model = of.getModel();
  const selection = of.getSelection();
  if (model === null || selection === null) return null;
  const range = selection.isEmpty() ? model.getFullModelRange() : selection;
  const text = model.getValueInRange(range);
  if (text.trim() === "") return null;
  if (text.length > MOST_CHARACTERS) return t("The text is too long to format.");
  const version = model.getVersionId();
  const formatted = await languagePort.ask("format", { text });
  if (formatted === null) return t("Formatting failed. Your text is as it was.");
  if (model.isDisposed() || model.getVersionId() !== version) return null;
  if ("reason" in formatted) return whyNot(formatted);
  if (formatted.text === text) return null;
  of.pushUndoStop();
  of.executeEdits("format", [{ range, text: formatted.text }]);
  of.pushUndoStop();
  return null;
}

function whyNot({ reason, detail }: Exclude<Formatted, { text: string }>): string {
  if (reason === "changed")
    return t(
      "Not formatted: more than blanks would have changed, first at “{detail}”. Your text is as it was.",
      { detail },
    );
  return t(
    "Not formatted: the formatter cannot read this SQL ({detail}). Your text is as it was.",
    { detail },
  );
}

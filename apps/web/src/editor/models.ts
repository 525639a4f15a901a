/** The texts of open tabs: going to another tab and back keeps the cursor, what is folded, and undo. */

import { followModel } from "./language.ts";
import { monaco } from "./monaco.ts";

type Kept = {
  model: monaco.editor.ITextModel;
  view: monaco.editor.ICodeEditorViewState | null;
  letGo: () => void;
};

const MOST_KEPT = 20;
const kept = new Map<string, Kept>();

/** The model of a tab with this text; one that is kept gets the text as an edit, so that undo brings back what was there. */
export function takeModel(tab: string, text: string): Omit<Kept, "letGo"> {
  const known = kept.get(tab);
  kept.delete(tab);
  if (known && !known.model.isDisposed()) {
    kept.set(tab, known);
    replaceText(known.model, text);
    return known;
  }
  const model = monaco.editor.createModel(text, "pgsql");
  model.setEOL(monaco.editor.EndOfLineSequence.LF);
  const made = { model, view: null, letGo: followModel(model) };
  kept.set(tab, made);
  for (const [other] of kept) {
    if (kept.size <= MOST_KEPT) break;
    dropModel(other);
  }
  return made;
}

/** The editor of the tab goes away: where it stood is kept. */
export function leaveModel(tab: string, view: monaco.editor.ICodeEditorViewState | null): void {
  const known = kept.get(tab);
  if (known) known.view = view;
}

/** The tab is closed. */
function dropModel(tab: string): void {
  const known = kept.get(tab);
  kept.delete(tab);
  known?.letGo();
  known?.model.dispose();
}

/** Makes `text` the model's text, as an edit that can be undone. */
export function replaceText(model: monaco.editor.ITextModel, text: string): void {
  if (model.getValue() === text) return;
  model.pushStackElement();
  model.pushEditOperations([], [{ range: model.getFullModelRange(), text }], () => null);
  model.pushStackElement();
}

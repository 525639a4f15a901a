/**
 * Monaco with what SQL needs of it and nothing else. This module is large: it is loaded when an editor is shown.
 */
import "monaco-editor/features/bracketMatching/register";
import "monaco-editor/features/caretOperations/register";
import "monaco-editor/features/clipboard/register";
import "monaco-editor/features/codeEditor/register";
import "monaco-editor/features/codicon/register";
import "monaco-editor/features/comment/register";
import "monaco-editor/features/contextmenu/register";
import "monaco-editor/features/cursorUndo/register";
import "monaco-editor/features/dnd/register";
import "monaco-editor/features/find/register";
import "monaco-editor/features/folding/register";
import "monaco-editor/features/gotoError/register";
import "monaco-editor/features/hover/register";
import "monaco-editor/features/indentation/register";
import "monaco-editor/features/lineSelection/register";
import "monaco-editor/features/linesOperations/register";
import "monaco-editor/features/multicursor/register";
import "monaco-editor/features/placeholderText/register";
import "monaco-editor/features/readOnlyMessage/register";
import "monaco-editor/features/smartSelect/register";
import "monaco-editor/features/snippet/register";
// `features/suggest/register` holds the inline suggestions only; the list itself is this one.
import "monaco-editor/editor/contrib/suggest/browser/suggestController";
import "monaco-editor/features/toggleTabFocusMode/register";
import "monaco-editor/features/tokenization/register";
import "monaco-editor/features/unusualLineTerminators/register";
import "monaco-editor/features/wordHighlighter/register";
import "monaco-editor/features/wordOperations/register";
import "monaco-editor/features/wordPartOperations/register";
import "monaco-editor/languages/definitions/pgsql/register";
import type { SchemaSnapshot } from "@quern/contract/datasources";
import * as monaco from "monaco-editor/editor";
import EditorWorker from "monaco-editor/editor/editor.worker?worker";
import { type CompletionKind, complete } from "../sql/completion.ts";
import { darkTheme, lightTheme } from "./monaco-themes.ts";

declare global {
  interface Window {
    MonacoEnvironment?: { getWorker: () => Worker };
  }
}

self.MonacoEnvironment = { getWorker: () => new EditorWorker() };
// Editors measure their letters when they are made, which may be before the font has come.
void document.fonts
  .load('13px "JetBrains Mono Variable"')
  .then(() => monaco.editor.remeasureFonts());
monaco.editor.defineTheme("quern-light", lightTheme);
monaco.editor.defineTheme("quern-dark", darkTheme);

const snapshots = new WeakMap<monaco.editor.ITextModel, () => SchemaSnapshot | null>();

/** Completion in `model` draws on the snapshot that `read` gives at that moment. */
export function setSchemaOf(
  model: monaco.editor.ITextModel,
  read: () => SchemaSnapshot | null,
): void {
  snapshots.set(model, read);
}

const { CompletionItemKind } = monaco.languages;
const KINDS: Record<CompletionKind, monaco.languages.CompletionItemKind> = {
  schema: CompletionItemKind.Module,
  table: CompletionItemKind.Struct,
  view: CompletionItemKind.Interface,
  column: CompletionItemKind.Field,
  function: CompletionItemKind.Function,
  keyword: CompletionItemKind.Keyword,
  cte: CompletionItemKind.Variable,
};

monaco.languages.registerCompletionItemProvider("pgsql", {
  triggerCharacters: ["."],
  provideCompletionItems(model, position) {
    const word = model.getWordUntilPosition(position);
    const range = new monaco.Range(
      position.lineNumber,
      word.startColumn,
      position.lineNumber,
      word.endColumn,
    );
    const found = complete(
      model.getValue(),
      model.getOffsetAt(position),
      snapshots.get(model)?.() ?? null,
    );
    return {
      // What fits depends on how much of a word is there.
      incomplete: true,
      suggestions: found.map((item) => ({
        label: { label: item.label, description: item.detail },
        kind: KINDS[item.kind],
        insertText: item.insert,
        filterText: item.label,
        sortText: String(item.rank),
        range,
      })),
    };
  },
});

export { monaco };

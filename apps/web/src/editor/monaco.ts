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
import "monaco-editor/features/diffEditor/register";
import "monaco-editor/features/dnd/register";
import "monaco-editor/features/find/register";
import "monaco-editor/features/folding/register";
import "monaco-editor/features/gotoError/register";
import "monaco-editor/features/hover/register";
import "monaco-editor/features/indentation/register";
import "monaco-editor/features/lineSelection/register";
import "monaco-editor/features/linesOperations/register";
import "monaco-editor/features/multicursor/register";
import "monaco-editor/features/parameterHints/register";
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
import * as monaco from "monaco-editor/editor";
import EditorWorker from "monaco-editor/editor/editor.worker?worker";
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

export { monaco };

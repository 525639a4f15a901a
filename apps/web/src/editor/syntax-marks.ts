/** Underlines what PostgreSQL's parser would refuse, a moment after the last key. */
import { monaco } from "./monaco.ts";
import ParseWorker from "./parse-worker.ts?worker";
import { workerPort } from "./worker-port.ts";

const port = workerPort(() => new ParseWorker({ name: "sql-parser" }));
const SETTLE_MS = 300;

/** Keeps the marks of `editor` current until it is disposed of. Texts that are not for `fits` have none. */
export function markSyntax(
  editor: monaco.editor.IStandaloneCodeEditor,
  fits: (text: string) => boolean = () => true,
): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  async function check(): Promise<void> {
    const model = editor.getModel();
    if (model === null) return;
    const version = model.getVersionId();
    const text = model.getValue();
    const faults = text.trim() === "" || !fits(text) ? [] : await port.ask("check", { text });
    if (faults === null || model.isDisposed() || model.getVersionId() !== version) return;
    const markers = faults.map(({ message, start, end }) => {
      const { lineNumber: startLineNumber, column: startColumn } = model.getPositionAt(start);
      const { lineNumber: endLineNumber, column: endColumn } = model.getPositionAt(end);
      const severity = monaco.MarkerSeverity.Error;
      return { severity, message, startLineNumber, startColumn, endLineNumber, endColumn };
    });
    monaco.editor.setModelMarkers(model, "syntax", markers);
  }
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void check(), SETTLE_MS);
  };
  editor.onDidChangeModelContent(later);
  editor.onDidDispose(() => clearTimeout(timer));
  later();
}

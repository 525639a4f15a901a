/** SQL in Monaco: completion, hover and signatures, all of them answered by the worker that knows the schema. */
import type { SchemaSnapshot } from "@quern/contract/datasources";
import type { Completion, CompletionKind, SnippetChoice } from "../sql/candidates.ts";
import { argumentSpans } from "../sql/name-facts.ts";
import { factsMarkdown } from "./facts-markdown.ts";
import LanguageWorker from "./language-worker.ts?worker";
import { monaco } from "./monaco.ts";
import { workerPort } from "./worker-port.ts";

export const languagePort = workerPort(() => new LanguageWorker({ name: "sql-language" }));

const documents = new WeakMap<monaco.editor.ITextModel, number>();
let opened = 0;

/** Keeps the worker's copy of the model's text; call the result to let go of it. */
export function followModel(model: monaco.editor.ITextModel): () => void {
  opened += 1;
  const document = opened;
  documents.set(model, document);
  languagePort.tell({ tell: "open", document, text: model.getValue() });
  const listening = model.onDidChangeContent(({ changes, isFlush }) => {
    if (isFlush) {
      languagePort.tell({ tell: "open", document, text: model.getValue() });
      return;
    }
    const edits = changes.map(({ rangeOffset, rangeLength, text }) => ({
      offset: rangeOffset,
      length: rangeLength,
      text,
    }));
    languagePort.tell({ tell: "edit", document, edits });
  });
  return () => {
    listening.dispose();
    languagePort.tell({ tell: "close", document });
  };
}

/** What completion and hover in `model` draw on. */
export function setSchema(model: monaco.editor.ITextModel, snapshot: SchemaSnapshot | null): void {
  const document = documents.get(model);
  if (document !== undefined) languagePort.tell({ tell: "schema", document, snapshot });
}

export function setSnippets(snippets: SnippetChoice[]): void {
  languagePort.tell({ tell: "snippets", snippets });
}

const { CompletionItemKind, CompletionItemInsertTextRule } = monaco.languages;
const KINDS: Record<CompletionKind, monaco.languages.CompletionItemKind> = {
  schema: CompletionItemKind.Module,
  table: CompletionItemKind.Struct,
  view: CompletionItemKind.Interface,
  column: CompletionItemKind.Field,
  function: CompletionItemKind.Function,
  keyword: CompletionItemKind.Keyword,
  cte: CompletionItemKind.Variable,
  join: CompletionItemKind.Reference,
  type: CompletionItemKind.TypeParameter,
  snippet: CompletionItemKind.Snippet,
};

monaco.languages.registerCompletionItemProvider("pgsql", {
  triggerCharacters: [".", '"', " "],
  async provideCompletionItems(model, position, context) {
    const document = documents.get(model);
    if (document === undefined) return null;
    const offset = model.getOffsetAt(position);
    const afterBlank = context.triggerCharacter === " ";
    const found = await languagePort.ask("complete", { document, offset, afterBlank });
    if (found === null || model.isDisposed() || found.items.length === 0) return null;
    const start = model.getPositionAt(found.start);
    const insert = monaco.Range.fromPositions(start, position);
    const replace = monaco.Range.fromPositions(start, model.getPositionAt(found.end));
    if (
      insert.startLineNumber !== insert.endLineNumber ||
      replace.startLineNumber !== replace.endLineNumber
    )
      return null;
    const typed = model.getValueInRange(insert);
    const quote = typed.startsWith('"') ? '"' : "";
    const suggestions = found.items.map((item, at) =>
      // Of a list that is cut the worker has chosen and ordered: all of it fits what was typed, and keeps its order.
      suggestion(item, at, found.whole ? quote + item.label : typed, { insert, replace }),
    );
    return { incomplete: !found.whole, suggestions };
  },
});

function suggestion(
  item: Completion,
  at: number,
  filterText: string,
  range: { insert: monaco.Range; replace: monaco.Range },
): monaco.languages.CompletionItem {
  const call = item.kind === "function" && item.insert.endsWith("($0)");
  return {
    label: { label: shortened(item.label), description: item.detail.slice(0, 120) },
    kind: KINDS[item.kind],
    insertText: item.insert,
    ...(item.places ? { insertTextRules: CompletionItemInsertTextRule.InsertAsSnippet } : {}),
    ...(item.words ? { documentation: item.words.slice(0, 2000) } : {}),
    ...(call ? { command: { id: "editor.action.triggerParameterHints", title: "" } } : {}),
    filterText,
    sortText: String(at).padStart(4, "0"),
    range,
  };
}

const shortened = (label: string) => (label.length > 120 ? `${label.slice(0, 119)}…` : label);

monaco.languages.registerHoverProvider("pgsql", {
  async provideHover(model, position) {
    const document = documents.get(model);
    if (document === undefined) return null;
    const found = await languagePort.ask("hover", {
      document,
      offset: model.getOffsetAt(position),
    });
    if (found === null || model.isDisposed()) return null;
    return {
      range: monaco.Range.fromPositions(
        model.getPositionAt(found.start),
        model.getPositionAt(found.end),
      ),
      contents: found.facts.map((facts) => ({ value: factsMarkdown(facts) })),
    };
  },
});

monaco.languages.registerSignatureHelpProvider("pgsql", {
  signatureHelpTriggerCharacters: ["(", ","],
  signatureHelpRetriggerCharacters: [","],
  async provideSignatureHelp(model, position) {
    const document = documents.get(model);
    if (document === undefined) return null;
    const found = await languagePort.ask("call", { document, offset: model.getOffsetAt(position) });
    if (found === null) return null;
    const signatures = found.signatures.map(({ name, arguments: list, result }) => {
      const before = `${name}(`;
      const parameters = argumentSpans(list).map(({ start, end }) => ({
        label: [before.length + start, before.length + end] as [number, number],
      }));
      return { label: `${before}${list}) → ${result}`, parameters };
    });
    const fits = signatures.findIndex(({ parameters }) => parameters.length > found.argument);
    const value = {
      signatures,
      activeSignature: Math.max(0, fits),
      activeParameter: found.argument,
    };
    return { value, dispose() {} };
  },
});

monaco.languages.registerFoldingRangeProvider("pgsql", {
  async provideFoldingRanges(model) {
    const document = documents.get(model);
    if (document === undefined) return null;
    const folds = await languagePort.ask("fold", { document });
    return (folds ?? []).map(({ start, end, kind }) => ({
      start,
      end,
      ...(kind === "comment" ? { kind: monaco.languages.FoldingRangeKind.Comment } : {}),
    }));
  },
});

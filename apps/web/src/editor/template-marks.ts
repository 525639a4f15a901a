/** The `{{ }}` and `[[ ]]` of an editor's text: their looks, and the names that may be written in `{{ }}`. */
import type { Parameter } from "@quern/contract/parameters";
import { checkTemplate } from "@quern/contract/parameters/definitions";
import { t } from "../i18n/language.ts";
import { parametersInUse, TYPE_WORDS } from "../parameters/definitions.ts";
import { readTemplate } from "../parameters/engine.ts";
import { parameterPlace } from "../sql/parameter-place.ts";
import { monaco } from "./monaco.ts";

const parametersOf = new WeakMap<monaco.editor.ITextModel, () => Parameter[]>();

/** Completion in `{{ }}` of `model` offers the names that `read` gives at that moment. */
export function setParametersOf(model: monaco.editor.ITextModel, read: () => Parameter[]): void {
  parametersOf.set(model, read);
}

monaco.languages.registerCompletionItemProvider("pgsql", {
  triggerCharacters: ["{"],
  provideCompletionItems(model, position) {
    const offset = model.getOffsetAt(position);
    const place = parameterPlace(model.getValue(), offset);
    if (place === null) return { suggestions: [] };
    const start = model.getPositionAt(place.start);
    const range = monaco.Range.fromPositions(start, model.getPositionAt(place.end));
    const known = parametersOf.get(model)?.() ?? [];
    const names = known
      .filter((each) => each.name !== place.name)
      .flatMap((each) =>
        each.type === "date_range"
          ? [`${each.name}.start`, `${each.name}.end`].map((name) => ({ name, type: each.type }))
          : [{ name: each.name, type: each.type }],
      );
    return {
      suggestions: names.map(({ name, type }) => ({
        label: { label: name, description: TYPE_WORDS[type] },
        kind: monaco.languages.CompletionItemKind.Variable,
        insertText: ` ${name} ${place.closed ? "" : "}}"}`,
        filterText: name,
        sortText: `0${name}`,
        range,
      })),
    };
  },
});

/** Longer texts are marked a moment after the last key, shorter ones at once. */
const AT_ONCE = 20_000;
const LATER_MS = 200;

/** Keeps the marks of `editor` at their places while somebody writes. Call the result when a definition has changed. */
export function markTemplate(
  editor: monaco.editor.IStandaloneCodeEditor,
  parameters: () => Parameter[],
): () => void {
  const marks = editor.createDecorationsCollection();
  let timer: ReturnType<typeof setTimeout> | undefined;
  function draw(): void {
    const model = editor.getModel();
    if (model === null) return;
    const template = readTemplate(model.getValue());
    const { uses, blocks } = template;
    const known = parametersInUse(uses, parameters());
    const rangeOf = (span: { start: number; end: number }) =>
      monaco.Range.fromPositions(model.getPositionAt(span.start), model.getPositionAt(span.end));
    monaco.editor.setModelMarkers(
      model,
      "template",
      checkTemplate(template, known).map(({ message, start = 0, end = start }) => {
        const { startLineNumber, startColumn, endLineNumber, endColumn } = rangeOf({ start, end });
        const severity = monaco.MarkerSeverity.Warning;
        return { severity, message, startLineNumber, startColumn, endLineNumber, endColumn };
      }),
    );
    marks.set([
      ...blocks.map((block) => ({
        range: rangeOf(block),
        options: {
          inlineClassName: "quern-optional-block",
          hoverMessage: { value: t("Left out when a parameter in it has no value, or is All.") },
        },
      })),
      ...uses.map((use) => {
        const { type } = known.find((each) => each.name === use.name) ?? { type: "text" };
        return {
          range: rangeOf(use),
          options: {
            inlineClassName: "quern-parameter",
            hoverMessage: {
              value: t("Parameter `{name}`: {type}", {
                name: use.name,
                type: TYPE_WORDS[type],
              }),
            },
          },
        };
      }),
    ]);
  }
  draw();
  editor.onDidChangeModelContent(() => {
    clearTimeout(timer);
    if ((editor.getModel()?.getValueLength() ?? 0) <= AT_ONCE) draw();
    else timer = setTimeout(draw, LATER_MS);
  });
  editor.onDidDispose(() => clearTimeout(timer));
  return draw;
}

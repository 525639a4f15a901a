/** What the page and the editor's workers say to each other. */
import type { SchemaSnapshot } from "@quern/contract/datasources";
import type { SnippetChoice } from "../sql/candidates.ts";
import type { SyntaxFault } from "../sql/check.ts";
import type { Completions } from "../sql/completion.ts";
import type { Fold } from "../sql/folding.ts";
import type { Formatted } from "../sql/format.ts";
import type { CallFacts, Hovered } from "../sql/name-facts.ts";

/** Part of a text that another text takes the place of; offsets are UTF-16 code units. */
type Edit = { offset: number; length: number; text: string };

/** Told to the worker of the language. The order in which things are told is the order in which they hold. */
export type Told =
  | { tell: "open"; document: number; text: string }
  | { tell: "edit"; document: number; edits: Edit[] }
  | { tell: "close"; document: number }
  | { tell: "schema"; document: number; snapshot: SchemaSnapshot | null }
  | { tell: "snippets"; snippets: SnippetChoice[] };

/** Each question with its answer. */
export type Questions = {
  complete: { ask: { document: number; offset: number; afterBlank: boolean }; answer: Completions };
  hover: { ask: { document: number; offset: number }; answer: Hovered | null };
  call: { ask: { document: number; offset: number }; answer: CallFacts | null };
  fold: { ask: { document: number }; answer: Fold[] };
  format: { ask: { text: string }; answer: Formatted };
  check: { ask: { text: string }; answer: SyntaxFault[] };
};
export type Question = keyof Questions;
export type Asked = {
  [Q in Question]: { id: number; question: Q; ask: Questions[Q]["ask"] };
}[Question];
/** `failure`: the worker could not answer, which is a fault of ours. */
export type Answered = { id: number; answer: unknown } | { id: number; failure: string };

/**
 * The worker that knows the schema. It holds each text as the edits make it, so that a key stroke sends a few bytes, and
 * nothing that takes time happens where keys are waited for.
 */

import type { SnippetChoice } from "../sql/candidates.ts";
import { complete } from "../sql/completion.ts";
import { foldsOf } from "../sql/folding.ts";
import { callAt, factsAt } from "../sql/name-facts.ts";
import { indexSchema, type SchemaIndex } from "../sql/schema-index.ts";
import type { Answered, Asked, Told } from "./messages.ts";

type Held = { text: string; index: SchemaIndex };

const NO_SCHEMA = indexSchema(null);
const documents = new Map<number, Held>();
let snippets: SnippetChoice[] = [];

self.onmessage = async ({ data }: MessageEvent<Told | Asked>) => {
  if ("tell" in data) hear(data);
  else self.postMessage(await reply(data));
};

function hear(told: Told): void {
  if (told.tell === "snippets") {
    snippets = told.snippets;
    return;
  }
  const held = documents.get(told.document);
  if (told.tell === "open") documents.set(told.document, { text: told.text, index: NO_SCHEMA });
  else if (told.tell === "close") documents.delete(told.document);
  else if (held && told.tell === "schema") held.index = indexSchema(told.snapshot);
  // Monaco gives the edits of one change from the last place to the first.
  else if (held && told.tell === "edit")
    for (const { offset, length, text } of told.edits)
      held.text = held.text.slice(0, offset) + text + held.text.slice(offset + length);
}

async function reply(asked: Asked): Promise<Answered> {
  try {
    return { id: asked.id, answer: await answer(asked) };
  } catch (error) {
    // Whatever failed is told to the page, which logs it: the editor works on without an answer.
    return { id: asked.id, failure: String(error) };
  }
}

async function answer(asked: Asked): Promise<unknown> {
  if (asked.question === "format") {
    const { formatSql } = await import("../sql/format.ts");
    return formatSql(asked.ask.text);
  }
  if (asked.question === "check") throw new Error("the parser is another worker's");
  const { text: sql, index } = documents.get(asked.ask.document) ?? { text: "", index: NO_SCHEMA };
  if (asked.question === "fold") return foldsOf(sql);
  const { offset } = asked.ask;
  if (asked.question === "hover") return factsAt(sql, offset, index);
  if (asked.question === "call") return callAt(sql, offset, index);
  return complete({ sql, offset, index, snippets, afterBlank: asked.ask.afterBlank });
}

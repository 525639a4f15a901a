/**
 * The worker that holds PostgreSQL's own parser, as WebAssembly. It is a worker of its own so that nothing waits behind
 * it, and so that compiling WebAssembly is allowed here and nowhere else: see the API's web-app.ts.
 */
import { syntaxChecker } from "../sql/check.ts";
import type { Answered, Asked } from "./messages.ts";
import { openParser } from "./postgres-parser.ts";

let opening = openParser().then(syntaxChecker);

self.onmessage = async ({ data }: MessageEvent<Asked>) => {
  if (data.question !== "check") return;
  self.postMessage(await reply(data.id, data.ask.text));
};

async function reply(id: number, text: string): Promise<Answered> {
  try {
    return { id, answer: (await opening)(text) };
  } catch (error) {
    // Whatever failed is told to the page, which logs it: the text is then not checked before it runs. A parser that ran
    // out of its stack cannot be trusted any more.
    opening = openParser().then(syntaxChecker);
    return { id, failure: String(error) };
  }
}

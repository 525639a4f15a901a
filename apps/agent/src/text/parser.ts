/**
 * PostgreSQL's own parser as WebAssembly. Unlike the package's wrapper it starts anew after a trap: a text nested deeply
 * enough ends in an exception in the middle of C, after which the old instance's stack is not to be trusted.
 */
import { setFlagsFromString } from "node:v8";
import open, { type PgQueryModule } from "libpg-query/wasm/libpg-query.js";
import { parserBinary } from "./parser-binary.ts";

/** A node of PostgreSQL's parse tree: `{ "SelectStmt": { … } }`. */
export type Tree = { [key: string]: unknown };

/** The text is not one that PostgreSQL 18 would parse, or there is no parser at this moment. */
export class UnparsableError extends Error {
  override name = "UnparsableError";
}

/** Memory of WebAssembly never shrinks; an instance that has grown beyond its first 128 MiB by half is replaced. */
const MAX_MEMORY_BYTES = 192 * 1024 * 1024;

let compiled: WebAssembly.Module | null = null;
let memory: WebAssembly.Memory | null = null;
let parser: PgQueryModule | null = null;
let opening: Promise<void> | null = null;

/** Has to be awaited once before anything of this folder is called; afterwards it costs nothing. */
export function loadParser(): Promise<void> {
  opening ??= openParser();
  return opening;
}

async function openParser(): Promise<void> {
  // V8's optimising compiler takes over 100 MB for this module and more time than it saves: 2,000 texts cost 87 MB and
  // 0.4 s of processor time without it, 195 MB and 1.0 s with it (Node 20), 640 MB with it on Node 24, where the first
  // flag no longer stands for the others once V8 runs.
  for (const flag of ["--liftoff-only", "--no-wasm-tier-up", "--no-wasm-dynamic-tiering"]) {
    setFlagsFromString(flag);
  }
  compiled ??= new WebAssembly.Module(parserBinary());
  const module = compiled;
  parser = await open({
    instantiateWasm(imports, receive) {
      const instance = new WebAssembly.Instance(module, imports);
      memory =
        Object.values(instance.exports).find((value) => value instanceof WebAssembly.Memory) ??
        null;
      receive(instance);
    },
  });
}

/** The statements of the text, each `{ stmt: { SomeStmt: … } }`. Throws `UnparsableError`. */
export function parseStatements(text: string): Tree[] {
  const json = call(text, (instance, pointer) => {
    const result = instance._wasm_parse_query_raw(pointer);
    try {
      // PgQueryParseResult: char *parse_tree, char *stderr_buffer, PgQueryError *error
      if (instance.getValue(result + 8, "i32") !== 0) throw new UnparsableError("syntax");
      return instance.UTF8ToString(instance.getValue(result, "i32"));
    } finally {
      instance._wasm_free_parse_result(result);
    }
  });
  return (JSON.parse(json) as { stmts?: Tree[] }).stmts ?? [];
}

/** The same for all texts that differ in literals, white space and length of lists alone. Throws `UnparsableError`. */
export function fingerprintOf(text: string): string {
  const answer = call(text, (instance, pointer) => {
    const result = instance._wasm_fingerprint(pointer);
    try {
      return instance.UTF8ToString(result);
    } finally {
      instance._wasm_free_string(result);
    }
  });
  // Errors come back in the place of the answer, as a sentence.
  if (!/^[0-9a-f]{16}$/.test(answer)) throw new UnparsableError("syntax");
  return answer;
}

function call(text: string, use: (instance: PgQueryModule, pointer: number) => string): string {
  const instance = parser;
  if (instance === null) throw new UnparsableError("the parser is being opened");
  const bytes = instance.lengthBytesUTF8(text) + 1;
  const pointer = instance._malloc(bytes);
  let trapped = false;
  try {
    instance.stringToUTF8(text, pointer, bytes);
    return use(instance, pointer);
  } catch (error) {
    if (error instanceof UnparsableError) throw error;
    if (!(error instanceof RangeError) && !(error instanceof WebAssembly.RuntimeError)) throw error;
    trapped = true;
    throw new UnparsableError("nested too deeply", { cause: error });
  } finally {
    if (!trapped) instance._free(pointer);
    if (trapped || (memory?.buffer.byteLength ?? 0) > MAX_MEMORY_BYTES) startAnew();
  }
}

function startAnew(): void {
  parser = null;
  opening = openParser();
}

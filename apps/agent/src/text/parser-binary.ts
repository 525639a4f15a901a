import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** The parser's WebAssembly. The build of the single file puts a module in the place of this one that holds it. */
export function parserBinary(): Uint8Array<ArrayBuffer> {
  const path = createRequire(import.meta.url).resolve("libpg-query/wasm/libpg-query.wasm");
  return new Uint8Array(readFileSync(path));
}

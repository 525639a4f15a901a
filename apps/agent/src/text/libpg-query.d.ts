/** The module that Emscripten made; the package types only its wrapper, which cannot start anew after a trap. */
declare module "libpg-query/wasm/libpg-query.js" {
  export type PgQueryModule = {
    _malloc(bytes: number): number;
    _free(pointer: number): void;
    _wasm_parse_query_raw(text: number): number;
    _wasm_free_parse_result(result: number): void;
    _wasm_fingerprint(text: number): number;
    _wasm_normalize_query(text: number): number;
    _wasm_scan(text: number): number;
    _wasm_free_string(text: number): void;
    lengthBytesUTF8(text: string): number;
    stringToUTF8(text: string, pointer: number, bytes: number): void;
    UTF8ToString(pointer: number): string;
    getValue(pointer: number, type: "i32"): number;
  };
  type Options = {
    instantiateWasm(
      imports: WebAssembly.Imports,
      receive: (instance: WebAssembly.Instance) => void,
    ): void;
  };
  export default function open(options: Options): Promise<PgQueryModule>;
}

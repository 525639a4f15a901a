/** What is used of the module that Emscripten made; the package types only its wrapper, which cannot be told where the WebAssembly is. */
declare module "libpg-query/wasm/libpg-query.js" {
  type Parser = {
    _malloc(bytes: number): number;
    _free(pointer: number): void;
    _wasm_parse_query_raw(text: number): number;
    _wasm_free_parse_result(result: number): void;
    lengthBytesUTF8(text: string): number;
    stringToUTF8(text: string, pointer: number, bytes: number): void;
    UTF8ToString(pointer: number): string;
    getValue(pointer: number, type: "i32"): number;
  };
  export default function open(options: { locateFile(name: string): string }): Promise<Parser>;
}

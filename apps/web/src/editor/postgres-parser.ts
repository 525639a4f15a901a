import open from "libpg-query/wasm/libpg-query.js";
import address from "libpg-query/wasm/libpg-query.wasm?url";
import type { Parse } from "../sql/check.ts";
import { offsetOfCharacter } from "../sql/plain-sql.ts";

/**
 * Loads the parser of PostgreSQL 18. Only its errors are taken: the tree of a long text would be megabytes of JSON.
 * The fields of its result stand 4 bytes apart: tree, what it printed, error; those of an error: message, function, file,
 * line, cursor (in characters, from 1; 0 when there is none).
 */
export async function openParser(): Promise<Parse> {
  const parser = await open({ locateFile: () => address });
  return (statement) => {
    const size = parser.lengthBytesUTF8(statement) + 1;
    const text = parser._malloc(size);
    if (text === 0) throw new RangeError(`no memory for ${size} bytes of SQL`);
    let result = 0;
    try {
      parser.stringToUTF8(statement, text, size);
      result = parser._wasm_parse_query_raw(text);
      if (result === 0) throw new RangeError("no memory to parse with");
      const error = parser.getValue(result + 8, "i32");
      if (error === 0) return null;
      const message = parser.UTF8ToString(parser.getValue(error, "i32"));
      const cursor = parser.getValue(error + 16, "i32");
      return { message, offset: offsetOfCharacter(statement, Math.max(0, cursor - 1)) };
    } finally {
      parser._free(text);
      if (result !== 0) parser._wasm_free_parse_result(result);
    }
  };
}

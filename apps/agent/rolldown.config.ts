/**
 * The agent as one file that needs nothing but Node: `make agent`. What it reads from its folder while it is developed,
 * the parser's WebAssembly and the version, is in the file.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { brotliCompressSync, constants } from "node:zlib";
import { defineConfig, type Plugin } from "rolldown";

const require = createRequire(import.meta.url);

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
    return null;
  },
};

export default defineConfig({
  input: "src/main.ts",
  platform: "node",
  // Ours are read as sources: nothing has to be built before.
  resolve: { conditionNames: ["quern", "node", "default"] },
  plugins: [inFile],
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

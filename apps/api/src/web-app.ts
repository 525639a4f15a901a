import { existsSync, readdirSync } from "node:fs";
import { relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance } from "fastify";
import { ApiError, sendProblem } from "./problems.ts";
import { PARSER_WORKER_POLICY } from "./security.ts";

const WEB = fileURLToPath(new URL("../../web/dist", import.meta.url));
const FOR_GOOD = "public, max-age=31536000, immutable";
/** Paths that are never a page of the web app. */
const NOT_A_PAGE = /^\/(api|assets)(\/|$)|^\/(healthz|readyz|metrics)$/;
/** The script of apps/web/src/editor/parse-worker.ts, under the name that the build gives it. */
const PARSER_WORKER = /^\/assets\/parse-worker-[\w-]+\.js$/;

/**
 * Serves the built web app: the files that were there at the start (those in assets/ for good, since their names change
 * with their content), and its page for every other path, which the app then looks at itself.
 */
export async function serveWebApp(app: FastifyInstance, directory = WEB): Promise<void> {
  const files = listFiles(directory);
  await app.register(fastifyStatic, { root: directory, serve: false, cacheControl: false });
  app.setNotFoundHandler(async (request, reply) => {
    const path = request.url.split("?")[0]!;
    if (request.method === "GET" || request.method === "HEAD") {
      if (files.has(path)) {
        reply.header("cache-control", path.startsWith("/assets/") ? FOR_GOOD : "no-cache");
        if (PARSER_WORKER.test(path)) reply.header("content-security-policy", PARSER_WORKER_POLICY);
        return reply.sendFile(path.slice(1));
      }
      if (!NOT_A_PAGE.test(path)) {
        if (files.has("/index.html"))
          return reply.header("cache-control", "no-cache").sendFile("index.html");
        return sendProblem(
          new ApiError("not_found", "The web app is not built. Run `make build`."),
          request,
          reply,
        );
      }
    }
    return sendProblem(
      new ApiError("not_found", `There is nothing at ${request.method} ${path}.`),
      request,
      reply,
    );
  });
}

function listFiles(directory: string): Set<string> {
  if (!existsSync(directory)) return new Set();
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return new Set(
    files.map(
      ({ parentPath, name }) =>
        `/${relative(directory, `${parentPath}/${name}`).split(sep).join("/")}`,
    ),
  );
}

import helmet from "@fastify/helmet";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { ApiError } from "./problems.ts";

/** Everything comes from this server. Styles may be inline: Vue and Monaco set them on elements; scripts never are. */
const POLICY = {
  "default-src": ["'none'"],
  "script-src": ["'self'"],
  "style-src": ["'self'", "'unsafe-inline'"],
  "img-src": ["'self'", "data:", "blob:"],
  "font-src": ["'self'", "data:"],
  "connect-src": ["'self'"],
  "worker-src": ["'self'"],
  "manifest-src": ["'self'"],
  "base-uri": ["'none'"],
  "form-action": ["'self'"],
  "frame-ancestors": ["'none'"],
  "object-src": ["'none'"],
};

/**
 * The policy of the one worker that checks SQL by PostgreSQL's own parser, which is WebAssembly. It is sent with that
 * worker's script alone: the page, and every other worker, may compile nothing.
 */
export const PARSER_WORKER_POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";

/** Security headers on every reply, and the same-origin check on everything that changes something. */
export async function secure(app: FastifyInstance, baseUrl: string): Promise<void> {
  const https = baseUrl.startsWith("https:");
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: POLICY },
    strictTransportSecurity: https ? { maxAge: 31_536_000 } : false,
    crossOriginOpenerPolicy: { policy: "same-origin" },
    crossOriginResourcePolicy: { policy: "same-origin" },
    referrerPolicy: { policy: "no-referrer" },
    frameguard: { action: "deny" },
  });
  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", request.id);
    if (/^\/(api|v1)\//.test(request.url)) reply.header("cache-control", "no-store");
    if (!isSafe(request.method) && !isSameOrigin(request, baseUrl)) {
      throw new ApiError(
        "cross_site_request",
        "This request came from another site. Use Quern's own pages, or an access token.",
      );
    }
  });
}

function isSafe(method: string): boolean {
  return method === "GET" || method === "HEAD" || method === "OPTIONS";
}

/**
 * Browsers send Sec-Fetch-Site or Origin with every unsafe request. A cookie without either is refused; a request with
 * neither cookie nor them is a program's, as is one with an access token.
 */
function isSameOrigin(request: FastifyRequest, baseUrl: string): boolean {
  const { authorization, cookie, origin, host, "sec-fetch-site": site } = request.headers;
  if (authorization !== undefined) return true;
  if (site !== undefined) return site === "same-origin" || site === "none";
  if (origin !== undefined) {
    return (
      origin === new URL(baseUrl).origin || (URL.canParse(origin) && new URL(origin).host === host)
    );
  }
  return cookie === undefined;
}

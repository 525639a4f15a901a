import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { createJsonSchemaTransformObject, jsonSchemaTransform } from "fastify-type-provider-zod";
import { z } from "zod";

/** The interactive page, whose own files declare no permission: they are the same for everybody. */
export const DOCS = "/api/v1/docs";

/** OpenAPI 3.1 of all routes at /api/v1/openapi.json, and an interactive page for it. Register before the routes. */
export async function describe(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Quern",
        version: "1",
        description:
          "Sign in with the session cookie, or send `Authorization: Bearer qrn_…`; wall screens send the token of their display link, `qrd_…`. Errors are problem documents (RFC 9457).",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      components: {
        securitySchemes: {
          token: { type: "http", scheme: "bearer" },
          display: { type: "http", scheme: "bearer", description: "The token of a display link" },
          session: { type: "apiKey", in: "cookie", name: "quern.session_token" },
        },
      },
      security: [{ token: [] }, { session: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: (document) => withoutUnused(toOpenApi(document)),
  });
  await app.register(swaggerUi, {
    routePrefix: DOCS,
    staticCSP: false,
    theme: { title: "Quern API" },
    logo: { type: "image/svg+xml", content: LOGO, href: "/" },
  });
  app.get(
    "/api/v1/openapi.json",
    { config: { guarded: false }, schema: { hide: true } },
    async () => app.swagger(),
  );
}

const LOGO = Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 150 32" font-family="sans-serif" font-size="20" fill="#fff"><text x="0" y="23">Quern API</text></svg>',
);

const toOpenApi = createJsonSchemaTransformObject({ schemaRegistry: z.globalRegistry });
type Document = ReturnType<typeof toOpenApi>;

/** Each named schema is made twice, as it is sent and as it is taken (`…Input`): drops those that nothing refers to. */
function withoutUnused(document: Document): Document {
  const { schemas = {}, ...components } = ("components" in document && document.components) || {};
  const used = new Set<string>();
  const visit = (value: unknown) => {
    for (const [, name] of JSON.stringify(value ?? null).matchAll(
      /"#\/components\/schemas\/(\w+)"/g,
    )) {
      if (used.has(name!)) continue;
      used.add(name!);
      visit((schemas as Record<string, unknown>)[name!]);
    }
  };
  visit("paths" in document ? document.paths : null);
  const kept = Object.entries(schemas).filter(([name]) => used.has(name));
  return {
    ...document,
    components: { ...components, schemas: Object.fromEntries(kept) },
  } as Document;
}

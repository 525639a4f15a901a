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
          "Sign in with the session cookie, or send `Authorization: Bearer qrn_…`. Errors are problem documents (RFC 9457).",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      components: {
        securitySchemes: {
          token: { type: "http", scheme: "bearer" },
          session: { type: "apiKey", in: "cookie", name: "quern.session_token" },
        },
      },
      security: [{ token: [] }, { session: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: createJsonSchemaTransformObject({ schemaRegistry: z.globalRegistry }),
  });
  await app.register(swaggerUi, { routePrefix: DOCS, staticCSP: false });
  app.get(
    "/api/v1/openapi.json",
    { config: { guarded: false }, schema: { hide: true } },
    async () => app.swagger(),
  );
}

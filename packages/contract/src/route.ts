import type { z } from "zod";

/**
 * One operation of the HTTP API, said once: the API validates and documents by it, clients are typed by it.
 * `replies` maps a success status to its body; errors are always a `Problem`.
 */
export type Route = {
  operation: string;
  summary: string;
  tag: string;
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Fastify syntax: `/api/v1/runs/:id`. */
  path: string;
  params?: z.ZodObject;
  query?: z.ZodObject;
  headers?: z.ZodObject;
  body?: z.ZodType;
  /** Media types of a reply that is no JSON, which then is not in `replies`. */
  media?: readonly string[];
  replies: Readonly<Record<number, z.ZodType>>;
};

export function route<const R extends Route>(declaration: R): R {
  return declaration;
}

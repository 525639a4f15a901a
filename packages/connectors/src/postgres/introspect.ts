import type { SchemaSnapshot } from "@quern/contract/datasources";
import pg from "pg";
import type { OnSession, Target } from "../connector.ts";
import { ConnectorError } from "../errors.ts";
import { readCatalog } from "./catalog.ts";
import { schemaSnapshot } from "./schema-snapshot.ts";
import { serverError } from "./server-errors.ts";
import { openSession } from "./session.ts";

const TIMEOUT_MS = 120_000;

/**
 * Reads schemas, relations with all that belongs to them, functions, sequences and types that the role may see; no system
 * schemas. A part that the server refuses is named in `gaps`.
 */
export async function introspect(
  target: Target,
  onSession: OnSession = () => {},
): Promise<SchemaSnapshot> {
  const session = await openSession(target, {
    application_name: "quern introspect",
    statement_timeout_ms: TIMEOUT_MS,
  });
  try {
    await onSession(session.handle);
    return schemaSnapshot(await readCatalog(session.client));
  } catch (error) {
    if (error instanceof pg.DatabaseError) {
      throw serverError(
        new Map([
          ["C", error.code ?? ""],
          ["M", error.message],
        ]),
        null,
      );
    }
    if (error instanceof ConnectorError) throw error;
    throw new ConnectorError({
      code: "datasource_unreachable",
      message: `The connection was lost while reading the catalog: ${String(error)}`,
    });
  } finally {
    session.destroy();
  }
}

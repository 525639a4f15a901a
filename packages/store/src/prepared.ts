import { createHash } from "node:crypto";
import type { PostgresCursor, PostgresPool, PostgresQueryResult } from "kysely";
import type { Pool } from "pg";

/** Texts that are remembered at most; each connection keeps one plan for each that came twice. */
const MAX_TEXTS = 200;

/**
 * The pool, with statements that come again prepared once on each connection: planning costs more than executing most of ours.
 * PostgreSQL still plans anew where a general plan would be worse. A text is prepared from its second time on, so that those that
 * come once, such as lists of values, do not fill the server's memory.
 */
export function preparing(pool: Pool): PostgresPool {
  const nameOf = nameTexts();
  return {
    async connect() {
      const client = await pool.connect();
      function query<R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>>;
      function query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
      function query(
        what: string | PostgresCursor<unknown>,
        values: readonly unknown[] = [],
      ): unknown {
        if (typeof what !== "string") throw new Error("statements are not read by cursors here");
        return client.query({ ...nameOf(what, values), text: what, values: [...values] });
      }
      return { query, release: () => client.release() };
    },
    end: () => pool.end(),
  };
}

function nameTexts(): (text: string, values: readonly unknown[]) => { name?: string } {
  const names = new Map<string, string | null>();
  return (text, values) => {
    if (values.length === 0) return {};
    const known = names.get(text);
    if (known) return { name: known };
    if (known === null) {
      const name = createHash("sha256").update(text).digest("base64url");
      names.set(text, name);
      return { name };
    }
    if (names.size >= MAX_TEXTS) {
      const once = [...names].find(([, name]) => name === null);
      if (!once) return {};
      names.delete(once[0]);
    }
    names.set(text, null);
    return {};
  };
}

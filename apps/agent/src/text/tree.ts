/** Questions to PostgreSQL's parse tree. */
import type { StatementStats } from "@quern/contract/agent/statements";
import type { Tree } from "./parser.ts";

export type Kind = NonNullable<StatementStats["kind"]>;

const KINDS: Record<string, Kind> = {
  SelectStmt: "select",
  InsertStmt: "insert",
  UpdateStmt: "update",
  DeleteStmt: "delete",
  MergeStmt: "merge",
};

/** The statement of a node of `parseStatements`: the name of its type and what is in it. */
export function statementOf(node: Tree): { type: string; body: Tree } {
  const [type, body] = Object.entries(asTree(node.stmt))[0] ?? ["", {}];
  return { type, body: asTree(body) };
}

export function kindOf(type: string): Kind {
  return KINDS[type] ?? "utility";
}

export function asTree(value: unknown): Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Tree)
    : {};
}

export function asList(value: unknown): Tree[] {
  return Array.isArray(value) ? value.map(asTree) : [];
}

/** Every object of the tree with the key it stands at. A loop, since trees can be deep. */
function visit(value: unknown, see: (key: string, body: Tree) => void): void {
  const open: unknown[] = [value];
  while (open.length > 0) {
    const node = open.pop();
    if (Array.isArray(node)) open.push(...node);
    else if (typeof node === "object" && node !== null) {
      for (const [key, inner] of Object.entries(node)) {
        if (typeof inner !== "object" || inner === null) continue;
        see(key, asTree(inner));
        open.push(inner);
      }
    }
  }
}

/** Byte positions of the numbers that belong to a type, like the 10 of `numeric(10, 2)`. */
export function typeModifierPositions(statements: Tree[]): Set<number> {
  const positions = new Set<number>();
  visit(statements, (_, body) => {
    for (const modifier of asList(body.typmods)) {
      const { location, ival } = asTree(modifier.A_Const);
      if (ival !== undefined && typeof location === "number") positions.add(location);
    }
  });
  return positions;
}

/** Storage parameters whose values are the operator's choice among numbers and switches, never data. */
const STORAGE_PARAMETERS = new Set([
  ...["fillfactor", "deduplicate_items", "buffering", "fastupdate", "gin_pending_list_limit"],
  ...["pages_per_range", "autosummarize"],
]);

/** Byte positions of the values of an index's storage parameters in `text`, like the 70 of `with (fillfactor='70')`. */
export function storageParameterPositions(statements: Tree[], text: string): Set<number> {
  const positions = new Set<number>();
  let bytes: Buffer | undefined;
  visit(statements, (_, body) => {
    const { defname, location } = body;
    if (typeof defname !== "string" || typeof location !== "number") return;
    if (!STORAGE_PARAMETERS.has(defname)) return;
    bytes ??= Buffer.from(text);
    const written = bytes.subarray(location, location + 100).toString("latin1");
    const value = /^"?[a-z_]+"?\s*=\s*(?='?\d{1,15}'?\s*[,)])/.exec(written);
    if (value !== null) positions.add(location + value[0].length);
  });
  return positions;
}

/** Tables as written, without the names that `with` makes; each once, in the order of their writing. */
export function tablesOf(statements: Tree[]): string[] {
  const written = new Map<string, number>();
  const expressions = new Set<string>();
  visit(statements, (key, body) => {
    if (key === "CommonTableExpr") expressions.add(String(body.ctename));
    const table = tableOf(body);
    if (table === null) return;
    const at = Number(body.location ?? 0);
    written.set(table, Math.min(written.get(table) ?? at, at));
  });
  return [...written]
    .filter(([table]) => !expressions.has(table))
    .sort(([, one], [, other]) => one - other)
    .map(([table]) => table.slice(0, 600))
    .slice(0, 200);
}

/** `schema.table` of a RangeVar; null of any other node. */
export function tableOf(body: Tree): string | null {
  if (typeof body.relname !== "string" || body.relpersistence === undefined) return null;
  return typeof body.schemaname === "string" ? `${body.schemaname}.${body.relname}` : body.relname;
}

/** A name that is a list of strings: `public.f`. */
export function dotted(names: unknown): string {
  return asList(names)
    .map((name) => asTree(name.String).sval)
    .filter((part) => typeof part === "string")
    .join(".");
}

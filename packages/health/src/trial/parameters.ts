/** Where the values of a statement's parameters can be taken from: columns that the statement itself compares them with. */
import type { SchemaTable } from "@quern/contract/agent/schema";
import { qualified } from "../advisors/names.ts";
import { plannable } from "./plannable.ts";

/** One parameter: of a row, or the value below which `share` of the rows are. */
type ParameterSource = {
  p: number;
  s: string;
  t: string;
  c: string;
  /** null: the value of a row that the parameters of this table have in common. */
  share: number | null;
  array: boolean;
};

export type Timeable =
  | { parameters: ParameterSource[]; reads: { s: string; t: string; object: string }[] }
  | { untimed: "parameters"; detail: string };

type Tree = { [key: string]: unknown };
type Bound = "equal" | "low" | "high";
type Found = { table: SchemaTable; column: string; bound: Bound; array: boolean };

const LONGEST = 100_000;

/** `tables` in the order in which a bare name finds them. */
export async function timeable(text: string, tables: readonly SchemaTable[]): Promise<Timeable> {
  const tree = await parsed(plannable(text));
  if (tree === null) return { untimed: "parameters", detail: "" };
  const scope = scopeOf(tree, tables);
  const found = new Map<number, Found>();
  const seen = new Set<number>();
  walk(tree, (kind, node) => {
    if (kind === "ParamRef") seen.add(Number(node.number ?? 0));
    if (kind !== "A_Expr") return;
    for (const [p, each] of comparisons(node, scope)) if (!found.has(p)) found.set(p, each);
  });
  const lost = [...seen].toSorted((one, other) => one - other).find((p) => !found.has(p));
  if (lost !== undefined) return { untimed: "parameters", detail: `$${lost}` };
  return {
    parameters: [...found].map(([p, each]) => ({
      ...{ p, s: each.table.schema, t: each.table.name, c: each.column, array: each.array },
      share: shareOf(each, [...found.values()]),
    })),
    reads: [...new Set(scope.map(({ table }) => table))].map((table) => ({
      ...{ s: table.schema, t: table.name, object: qualified(table) },
    })),
  };
}

/** null: it is no statement without its literals. */
export async function parsed(text: string): Promise<Tree | null> {
  if (text.length > LONGEST) return null;
  // The parser's WebAssembly takes memory that only trials with rows need.
  const { parse, SqlError } = await import("libpg-query");
  try {
    return (await parse(text)) as Tree;
  } catch (error) {
    if (error instanceof SqlError) return null;
    throw error;
  }
}

type Scope = { alias: string; table: SchemaTable }[];

export function scopeOf(tree: Tree, tables: readonly SchemaTable[]): Scope {
  const scope: Scope = [];
  const add = ({ schemaname, relname, alias }: Tree) => {
    const table = tables.find(
      ({ schema, name }) => name === relname && (schemaname === undefined || schema === schemaname),
    );
    const { aliasname } = (alias ?? {}) as Tree;
    if (table) scope.push({ alias: String(aliasname ?? relname), table });
  };
  walk(tree, (kind, node) => {
    if (kind === "RangeVar") add(node);
    // The target of update, delete, insert and merge stands without the name of its kind.
    const { relation } = node as { relation?: Tree };
    if (kind.endsWith("Stmt") && typeof relation?.relname === "string") add(relation);
  });
  return scope;
}

const BOUNDS: Readonly<Record<string, [Bound, Bound]>> = {
  "=": ["equal", "equal"],
  ">": ["low", "high"],
  ">=": ["low", "high"],
  "<": ["high", "low"],
  "<=": ["high", "low"],
};

/** Parameters that this comparison has on the other side of a column. */
function comparisons({ kind, name, lexpr, rexpr }: Tree, scope: Scope): [number, Found][] {
  const operator = texts(name).at(-1) ?? "";
  const [left, right] = [bare(lexpr), bare(rexpr)];
  const column = columnOf(left, scope);
  const of = (parameter: unknown, bound: Bound, array = false): [number, Found][] => {
    const p = parameterOf(parameter);
    return p === null || column === null ? [] : [[p, { ...column, bound, array }]];
  };
  const items = ((right as { List?: { items?: unknown[] } } | null)?.List?.items ?? []).map(bare);
  switch (kind) {
    case "AEXPR_IN":
      return operator === "=" ? items.flatMap((each) => of(each, "equal")) : [];
    case "AEXPR_OP_ANY":
      return operator === "=" ? of(right, "equal", true) : [];
    case "AEXPR_BETWEEN":
    case "AEXPR_BETWEEN_SYM":
      return [...of(items[0], "low"), ...of(items[1], "high")];
    case "AEXPR_OP": {
      const bounds = BOUNDS[operator];
      if (bounds === undefined) return [];
      if (column !== null) return of(right, bounds[0]);
      const [p, other] = [parameterOf(left), columnOf(right, scope)];
      return p === null || other === null
        ? []
        : [[p, { ...other, bound: bounds[1], array: false }]];
    }
    default:
      return [];
  }
}

/** A tenth of the rows: between both bounds, or beyond the only one. */
function shareOf({ table, column, bound }: Found, all: readonly Found[]): number | null {
  if (bound === "equal") return null;
  const both = all.some(
    (other) =>
      other.table === table &&
      other.column === column &&
      other.bound !== bound &&
      other.bound !== "equal",
  );
  if (both) return bound === "low" ? 0.45 : 0.55;
  return bound === "low" ? 0.9 : 0.1;
}

export function columnOf(node: unknown, scope: Scope): Pick<Found, "table" | "column"> | null {
  const { ColumnRef } = (node ?? {}) as { ColumnRef?: Tree };
  const names = texts(ColumnRef?.fields);
  const column = names.at(-1);
  if (column === undefined) return null;
  const [of, schema] = [names.at(-2), names.at(-3)];
  const owners = scope.filter(
    ({ alias, table }) =>
      (of === undefined || alias === of) &&
      (schema === undefined || table.schema === schema) &&
      table.columns.some(({ name }) => name === column),
  );
  const [table, another] = [...new Set(owners.map((each) => each.table))];
  return table === undefined || another !== undefined ? null : { table, column };
}

function parameterOf(node: unknown): number | null {
  const { ParamRef } = (node ?? {}) as { ParamRef?: Tree };
  return ParamRef === undefined ? null : Number(ParamRef.number ?? 0);
}

/** Without casts. */
export function bare(node: unknown): unknown {
  let at = node;
  for (;;) {
    const { TypeCast } = (at ?? {}) as { TypeCast?: { arg?: unknown } };
    if (TypeCast === undefined) return at;
    at = TypeCast.arg;
  }
}

export function texts(list: unknown): string[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((each: { String?: { sval?: unknown } } | null) =>
    typeof each?.String?.sval === "string" ? [each.String.sval] : [],
  );
}

/** Every node with its kind, outer before inner. */
export function walk(node: unknown, visit: (kind: string, node: Tree) => void): void {
  if (Array.isArray(node)) {
    for (const each of node) walk(each, visit);
    return;
  }
  if (typeof node !== "object" || node === null) return;
  for (const [kind, value] of Object.entries(node)) {
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      visit(kind, value as Tree);
    walk(value, visit);
  }
}

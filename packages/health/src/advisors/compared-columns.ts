/** Columns that a statement compares with equality: what an index would have to begin with to help it. */
import type { SchemaTable } from "@quern/contract/agent/schema";
import { bare, columnOf, parsed, scopeOf, texts, walk } from "../trial/parameters.ts";
import { plannable } from "../trial/plannable.ts";

/**
 * Names of the columns of `table` that `text`, normalised, compares by `=` or `in` with a parameter, a constant or a
 * column, in the order in which they stand in it. Empty where it does not parse. `tables` in the order in which a bare
 * name finds them.
 */
export async function comparedColumns(
  text: string,
  table: Pick<SchemaTable, "schema" | "name">,
  tables: readonly SchemaTable[],
): Promise<string[]> {
  const tree = await parsed(plannable(text));
  if (tree === null) return [];
  const scope = scopeOf(tree, tables);
  const columns = new Set<string>();
  walk(tree, (kind, node) => {
    if (kind !== "A_Expr" || texts(node.name).at(-1) !== "=") return;
    if (!["AEXPR_OP", "AEXPR_IN", "AEXPR_OP_ANY"].includes(String(node.kind))) return;
    for (const side of [node.lexpr, node.rexpr]) {
      const found = columnOf(bare(side), scope);
      if (found?.table.schema === table.schema && found.table.name === table.name)
        columns.add(found.column);
    }
  });
  return [...columns];
}

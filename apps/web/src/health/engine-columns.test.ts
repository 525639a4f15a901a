import { expect, test } from "vitest";
import { indexColumns } from "./relations/index-columns.ts";
import { tableColumns } from "./relations/table-columns.ts";
import { statementColumns } from "./statements/statement-columns.ts";

const namesOf = (columns: readonly { name: string }[]) => columns.map(({ name }) => name);

test("lists have no column of what the engine does not count", () => {
  expect(namesOf(statementColumns("mariadb"))).toEqual(
    namesOf(statementColumns("postgres")).filter(
      (name) => !["user", "io", "temp", "wal"].includes(name),
    ),
  );
  expect(namesOf(tableColumns("mysql"))).toEqual(["table", "size", "growth", "rows", "writes"]);
  expect(namesOf(indexColumns("mysql"))).toEqual([
    ...["index", "table", "definition", "size", "growth"],
  ]);
});

import { useRouter } from "vue-router";
import { t } from "../i18n/language.ts";
import { paths } from "../paths.ts";
import { nameOf } from "../schema/line-words.ts";
import {
  columnListSql,
  countSql,
  insertSql,
  previewSql,
  selectSql,
  valuesSql,
} from "../schema/templates.ts";
import type { TreeLine } from "../schema/tree.ts";
import { qualified } from "../sql/first-query.ts";
import { quoteIdentifier } from "../sql/tokens.ts";
import { copyText } from "./clipboard.ts";

type Item = { label: string; icon: string; kbds?: string[]; onSelect: () => void };

/** What a line is written as in SQL; null where it has no name there. */
export function sqlOf(line: TreeLine): string | null {
  switch (line.kind) {
    case "relation":
      return qualified(line.schema, line.relation.name);
    case "column":
      return quoteIdentifier(line.column.name);
    case "function":
      return `${qualified(line.schema, line.name)}(`;
    case "sequence":
    case "type":
      return qualified(line.schema, line.name);
    case "schema":
      return quoteIdentifier(line.schema);
    default:
      return null;
  }
}

/** The menu of a line of the schema tree. Without `run`, statements are inserted and not run. */
export function useSchemaMenu(config: {
  insert: (text: string) => void;
  /** null where the person may not write SQL. */
  run: () => ((sql: string) => void) | null;
  goTo: (schema: string, table: string) => void;
}) {
  const router = useRouter();
  const copy = (text: string) => void copyText(text);

  function copies(line: TreeLine): Item[] {
    const name = nameOf(line);
    const full = fullName(line);
    return [
      { label: t("Copy name"), icon: "i-lucide-copy", onSelect: () => copy(name) },
      ...(full === null
        ? []
        : [
            {
              label: t("Copy qualified name"),
              icon: "i-lucide-clipboard",
              onSelect: () => copy(full),
            },
          ]),
    ];
  }
  function inserts(line: TreeLine): Item[] {
    const text = sqlOf(line);
    return text === null
      ? []
      : [
          {
            label: t("Insert name"),
            icon: "i-lucide-text-cursor-input",
            kbds: ["↵"],
            onSelect: () => config.insert(text),
          },
        ];
  }
  const search = (name: string): Item => ({
    label: t("Find everywhere"),
    icon: "i-lucide-search",
    onSelect: () => void router.push(paths.search(name)),
  });

  function ofRelation({ schema, relation }: Extract<TreeLine, { kind: "relation" }>): Item[][] {
    const run = config.run();
    const runs: Item[] =
      run === null
        ? []
        : [
            {
              label: t("Preview 100 rows"),
              icon: "i-lucide-table-2",
              kbds: ["⇧", "↵"],
              onSelect: () => run(previewSql(schema, relation)),
            },
            {
              label: t("Count rows"),
              icon: "i-lucide-hash",
              onSelect: () => run(countSql(schema, relation)),
            },
          ];
    const isTable = relation.kind === "table" || relation.kind === "partitioned_table";
    return [
      runs,
      [
        {
          label: t("Insert select"),
          icon: "i-lucide-file-code",
          onSelect: () => config.insert(selectSql(schema, relation)),
        },
        ...(isTable
          ? [
              {
                label: t("Insert insert"),
                icon: "i-lucide-file-plus",
                onSelect: () => config.insert(insertSql(schema, relation)),
              },
            ]
          : []),
        {
          label: t("Copy column list"),
          icon: "i-lucide-clipboard-list",
          onSelect: () => copy(columnListSql(schema, relation)),
        },
      ],
    ];
  }
  function ofColumn(line: Extract<TreeLine, { kind: "column" }>): Item[][] {
    const run = config.run();
    const { schema, relation, column, keys } = line;
    const target = keys.find((key) => key.references !== null)?.references;
    const items: Item[] = [];
    if (run !== null)
      items.push({
        label: t("Values and how often"),
        icon: "i-lucide-chart-bar",
        onSelect: () => run(valuesSql(schema, relation, column.name)),
      });
    if (target)
      items.push({
        label: t("Go to {table}", { table: `${target.schema}.${target.table}` }),
        icon: "i-lucide-link",
        onSelect: () => config.goTo(target.schema, target.table),
      });
    return [items];
  }

  return (line: TreeLine | undefined): Item[][] => {
    if (line === undefined || line.kind === "folder" || line.kind === "more") return [];
    const own =
      line.kind === "relation" ? ofRelation(line) : line.kind === "column" ? ofColumn(line) : [];
    const definition =
      line.kind === "detail"
        ? [
            {
              label: t("Copy definition"),
              icon: "i-lucide-clipboard-list",
              onSelect: () => copy(line.definition),
            },
          ]
        : line.kind === "type" && line.labels.length > 0
          ? [
              {
                label: t("Copy labels"),
                icon: "i-lucide-clipboard-list",
                onSelect: () => copy(line.labels.join("\n")),
              },
            ]
          : [];
    return [
      ...own,
      [...inserts(line), ...copies(line), ...definition],
      [search(nameOf(line))],
    ].filter((group) => group.length > 0);
  };
}

function fullName(line: TreeLine): string | null {
  const inSchema = (name: string) => `${quoteIdentifier(line.schema)}.${quoteIdentifier(name)}`;
  if (line.kind === "relation") return inSchema(line.relation.name);
  if (line.kind === "column")
    return `${inSchema(line.relation.name)}.${quoteIdentifier(line.column.name)}`;
  return line.kind === "function" || line.kind === "sequence" || line.kind === "type"
    ? inSchema(line.name)
    : null;
}

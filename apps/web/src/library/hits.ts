import type { SearchHit, SearchType } from "@quern/contract/library";
import type { RouteLocationRaw } from "vue-router";
import { t } from "../i18n/language.ts";
import { paths } from "../paths.ts";
import { quoteIdentifier } from "../sql/tokens.ts";

/** How each type of thing that is found is shown. */
export const FOUND: Record<SearchType, { icon: string; one: string; many: string }> = {
  query: { icon: "i-lucide-file-code-2", one: t("Query", { as: "noun" }), many: t("Queries") },
  dashboard: { icon: "i-lucide-layout-dashboard", one: t("Dashboard"), many: t("Dashboards") },
  visualization: { icon: "i-lucide-chart-line", one: t("Chart"), many: t("Charts") },
  schedule: {
    icon: "i-lucide-calendar-clock",
    one: t("Schedule", { as: "noun" }),
    many: t("Schedules"),
  },
  datasource: { icon: "i-lucide-database", one: t("Datasource"), many: t("Datasources") },
  project: { icon: "i-lucide-folder-code", one: t("Project"), many: t("Projects") },
  folder: { icon: "i-lucide-folder", one: t("Folder"), many: t("Folders") },
  table: { icon: "i-lucide-table-2", one: t("Table"), many: t("Tables") },
  column: { icon: "i-lucide-columns-3", one: t("Column"), many: t("Columns") },
};

/** Where a hit leads. Tables and columns lead to the editor for those who may write SQL, else to their datasource. */
export function addressOfHit(hit: SearchHit, writesSql: boolean): RouteLocationRaw {
  const { type, id } = hit;
  if (type === "query") return paths.query(id);
  if (type === "dashboard") return paths.dashboard(id);
  if (type === "visualization") return paths.query(hit.query_id ?? "", { chart: id });
  if (type === "schedule") return paths.schedule(id);
  if (type === "project") return paths.project(id);
  if (type === "folder") return paths.queries({ folder: id });
  if (type === "datasource" || hit.path === null || !writesSql) return paths.datasource(id);
  const table = tableName(hit.path);
  const columns = type === "column" ? quoteIdentifier(hit.name) : "*";
  return paths.newSql({ datasource: id }, `select ${columns}\nfrom ${table}\nlimit 100`);
}

/** Where a hit belongs, in a word or two: the table of a column, the query of a chart. */
export function contextOf(hit: SearchHit): string {
  if (hit.path === null) return hit.context;
  const { schema, table } = hit.path;
  return hit.type === "column"
    ? `${schema}.${table} · ${hit.context}`
    : `${schema} · ${hit.context}`;
}

function tableName({ schema, table }: { schema: string; table: string }): string {
  const quoted = quoteIdentifier(table);
  return schema === "public" ? quoted : `${quoteIdentifier(schema)}.${quoted}`;
}

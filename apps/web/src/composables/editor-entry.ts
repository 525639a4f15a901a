import type { Parameter } from "@quern/contract/parameters";
import { computed } from "vue";
import { paths } from "../paths.ts";
import { useCan } from "./session.ts";

type Entry = {
  /** Undefined while it is not known yet. */
  datasource: { id: string } | null | undefined;
  sql: string | null | undefined;
  params?: Parameter[];
};

/** Where SQL of a monitored database opens in the editor; null without a datasource, without SQL, and for who may write none. */
export function useEditorEntry(entry: () => Entry) {
  const can = useCan();
  return computed(() => {
    const { datasource, sql, params } = entry();
    if (!datasource || !sql || !can("runs.create_sql")) return null;
    return paths.newSql({ datasource: datasource.id }, sql, params);
  });
}

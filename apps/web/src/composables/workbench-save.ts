import type { Query, QueryVersion } from "@quern/contract/queries";
import { type Ref, ref } from "vue";
import { draftKey } from "./drafts.ts";
import type { useQueryDraft } from "./query-draft.ts";
import type { QueryParameters } from "./query-parameters.ts";
import { useQuerySave } from "./query-save.ts";

/** Saving what is in the editor: as a new query, as the next version, or over what somebody else saved in between. */
export function useWorkbenchSave(config: {
  userId: string;
  saved: () => Query | null;
  work: ReturnType<typeof useQueryDraft>;
  parameters: QueryParameters;
  mayWrite: Ref<boolean>;
  created: (id: string) => void;
}) {
  const { work, parameters, saved } = config;
  const { draft, dirty, isNew } = work;
  const { create, change, conflict } = useQuerySave();
  const dialogOpen = ref(false);

  /** Definitions of `{{ }}` that the text does not have any more end with the save. */
  function content() {
    const { sql, datasource_id, limits } = draft.value;
    return {
      sql,
      limits,
      params: parameters.inUse.value,
      ...(datasource_id ? { datasource_id } : {}),
    };
  }
  async function saveOver(version: number): Promise<void> {
    const query = saved();
    if (query === null) return;
    const input = content();
    const done = await change.run(query.id, version, input);
    if (!done) return;
    if (draft.value.sql === input.sql) work.settle(done);
    else work.rebase(done);
  }

  return {
    dialogOpen,
    create,
    change,
    conflict,
    saveOver,
    async save(): Promise<void> {
      const query = saved();
      if (!config.mayWrite.value) return;
      if (isNew.value || query === null) dialogOpen.value = true;
      else if (dirty.value) await saveOver(draft.value.base_version ?? query.version);
    },
    async saveNew(name: string): Promise<void> {
      const { datasource_id, ...input } = content();
      if (datasource_id === undefined) return;
      const done = await create.run({ name, datasource_id, ...input });
      if (!done) return;
      dialogOpen.value = false;
      work.settle(done, draftKey(config.userId, done.id, ""));
      config.created(done.id);
    },
    /** An earlier version becomes the newest one. False when somebody else saved in between, or it failed. */
    async restore(version: QueryVersion): Promise<boolean> {
      const query = saved();
      if (query === null) return false;
      const { name, description, datasource_id, sql, params, limits, result_ttl_s } = version;
      const content = { name, description, datasource_id, sql, params, limits, result_ttl_s };
      const done = await change.run(query.id, query.version, content);
      if (done) work.settle(done);
      return Boolean(done);
    },
    async rename(name: string): Promise<void> {
      const query = saved();
      if (query === null) return;
      const done = await change.run(query.id, draft.value.base_version ?? query.version, { name });
      if (done) work.rebase(done);
    },
  };
}

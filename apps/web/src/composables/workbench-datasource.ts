import { type Ref, watch } from "vue";
import { useDatasources } from "./datasources.ts";
import type { Draft } from "./drafts.ts";
import { useAddress } from "./query-address.ts";

/** Which datasource the text is for: the one that was used last, until another is chosen here, in the palette or by a link. */
export function useWorkbenchDatasource(config: {
  draft: Ref<Draft>;
  isNew: Ref<boolean>;
  mayWrite: Ref<boolean>;
}): void {
  const { draft, isNew, mayWrite } = config;
  const address = useAddress();
  const { datasources } = useDatasources();

  // The one that was used last may be gone, or never was granted to this person.
  watch(
    datasources,
    (known) => {
      if (known.length === 0 || known.some((each) => each.id === draft.value.datasource_id)) return;
      if (isNew.value) draft.value.datasource_id = known[0]?.id ?? null;
    },
    { immediate: true },
  );
  watch(
    () => address.text("datasource").value,
    (id) => {
      if (id !== null && mayWrite.value) draft.value.datasource_id = id;
    },
  );
  watch(
    () => draft.value.datasource_id,
    (id) => id && localStorage.setItem("quern:datasource", id),
  );
}

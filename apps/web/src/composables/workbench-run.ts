import type { Limits } from "@quern/contract/datasources";
import type { Query } from "@quern/contract/queries";
import type { RunInput } from "@quern/contract/runs";
import { type Ref, ref, watch } from "vue";
import type { Draft } from "./drafts.ts";
import { useAddress } from "./query-address.ts";
import type { QueryParameters } from "./query-parameters.ts";
import { offsetInText, type useQueryRun } from "./query-run.ts";
import { NO_VIEW } from "./result-view.ts";
import { reuseSeconds } from "./reuse.ts";
import { superseding } from "./supersede.ts";

export type TextPart = { text: string; offset: number };
/**
 * For one run only: other limits, a result that is made anew whatever the setting says, or only the plan, without
 * executing anything.
 */
type Once = { limits?: Partial<Limits>; anew?: boolean; explain?: boolean };

/** Running what is in the editor, or a part of it, and where the last run failed. */
export function useWorkbenchRun(config: {
  draft: Ref<Draft>;
  dirty: Ref<boolean>;
  saved: () => Query | null;
  parameters: QueryParameters;
  current: ReturnType<typeof useQueryRun>;
  /** The datasource that takes the place of the text's own. */
  elsewhere: () => string | null;
}) {
  const { draft, dirty, saved, parameters, current } = config;
  const address = useAddress();
  let lastPart: TextPart | undefined;

  function errorPlace(): { offset: number; message: string } | null {
    const run = current.run.value;
    if (run?.status !== "failed" || run.error?.position == null) return null;
    const offset = offsetInText(run, draft.value.sql);
    return offset === null
      ? null
      : { offset: offset + run.error.position, message: run.error.message };
  }
  // Where the error stands is found once, when the run ends: the editor moves the mark along with the text.
  const marked = ref(errorPlace());
  watch(
    () => [current.run.value?.id, current.run.value?.status],
    () => {
      marked.value = errorPlace();
    },
  );

  /** The saved query as it is, which a viewer may run; null when the editor's own text has to be sent. */
  function savedId(part: TextPart | undefined, body: Pick<RunInput, "parameters">): string | null {
    const query = saved();
    if (query === null || dirty.value || part !== undefined) return null;
    const defined = new Set(query.params.map((each) => each.name));
    return body.parameters?.every((each) => defined.has(each.name)) === false ? null : query.id;
  }

  function run(part?: TextPart, once: Once = {}): void {
    const { sql } = draft.value;
    const elsewhere = config.elsewhere();
    const datasource_id = elsewhere ?? draft.value.datasource_id;
    // Running again takes the place of the run that goes on, unless the person does not want that.
    if (current.start.busy.value || (current.busy.value && !superseding.value)) return;
    const text = part?.text ?? sql;
    const body = parameters.bodyFor(text);
    if (body === null) return;
    lastPart = part;
    marked.value = null;
    const limits = { ...draft.value.limits, ...once.limits };
    const max_age_s = once.anew || once.explain ? 0 : reuseSeconds.value;
    const explain = once.explain === true;
    const options = max_age_s > 0 ? { limits, max_age_s } : { limits };
    // Columns of other SQL are other columns: what these were sorted by means nothing there.
    const before = current.run.value;
    const other = before !== undefined && before.sql !== text;
    address.set({ statement: null, explain: null, ...(other ? NO_VIEW : {}) });
    const id = savedId(part, body);
    if (id !== null) {
      const { params } = body;
      void current.start.run(
        {
          query_id: id,
          ...(elsewhere === null ? {} : { datasource_id: elsewhere }),
          ...options,
          ...(params ? { params } : {}),
        },
        0,
        explain,
      );
    } else if (datasource_id !== null && text.trim() !== "") {
      const input = { datasource_id, sql: text, ...options, ...body };
      void current.start.run(input, part?.offset ?? 0, explain);
    }
  }

  return {
    run,
    marked,
    /** The same part of the text once more. */
    again: (once: Once = {}) => run(lastPart, once),
  };
}

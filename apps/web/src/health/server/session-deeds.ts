/** The dialog of a session's end belongs to the page: the rows that open it come and go with every sample. */
import type { Session } from "@quern/contract/agent/activity";
import { type InjectionKey, inject, provide } from "vue";

const KEY: InjectionKey<(session: Session) => void> = Symbol("what ends a session");

/** Says who opens the dialog for the sessions below. */
export function provideSessionDeeds(open: (session: Session) => void): void {
  provide(KEY, open);
}

/** Opens the dialog of a session. */
export function useSessionDeeds(): (session: Session) => void {
  const open = inject(KEY);
  if (open === undefined) throw new Error("no page above opens the dialog of a session");
  return open;
}

import type { Run } from "@quern/contract/runs";

export type CancelChoice = {
  /** What the button does: ends the run, or takes the person out of those who wait for it. Null: nothing that they may. */
  deed: "cancel" | "leave" | null;
  /** The run may also be ended for all who share it. */
  forAll: boolean;
  /** Who goes on waiting when the person leaves. */
  others: string[];
};

/** What a person may do to a run that goes on: it may be shared, and who made it or an admin may end it for all. */
export function cancelChoice(
  run: Pick<Run, "created_by" | "callers">,
  me: { id: string; admin: boolean },
): CancelChoice {
  const made = run.created_by?.id === me.id;
  const waiting = run.callers.some((each) => each.id === me.id);
  const others = run.callers.filter((each) => each.id !== me.id).map((each) => each.name);
  const mayEnd = made || me.admin;
  // An admin who does not wait for it ends a run that one other person waits for without further words.
  if (others.length === 0 || (me.admin && !made && !waiting && others.length === 1))
    return { deed: mayEnd || waiting ? "cancel" : null, forAll: false, others };
  return { deed: waiting ? "leave" : null, forAll: mayEnd, others };
}

import type { ProjectStates } from "@quern/contract/projects";

type State = ProjectStates["states"][number];
type Head = ProjectStates["heads"][number];

/** A stretch of states without a fork: shown as one line, with the heads that ran at its end. */
export type Branch = {
  /** Of its last state. */
  key: string;
  states: State[];
  heads: Head[];
  level: number;
  /** The states after its end; more than one is a fork. */
  forks: number;
};

/**
 * States as a tree of shared prefixes, drawn in lines: a line goes on as long as there is one way on and no head runs in
 * between. Lines that more jobs went through stand first.
 */
export function branchesOf({ states, heads }: ProjectStates): Branch[] {
  const known = new Set(states.map(({ state_key }) => state_key));
  const after = new Map<string | null, State[]>();
  for (const state of states) {
    // The one before may be older than the jobs that were looked at.
    const parent =
      state.parent_key !== null && known.has(state.parent_key) ? state.parent_key : null;
    after.set(parent, [...(after.get(parent) ?? []), state]);
  }
  const headsAt = new Map<string, Head[]>();
  for (const head of heads)
    if (head.state_key !== null)
      headsAt.set(head.state_key, [...(headsAt.get(head.state_key) ?? []), head]);
  const branches: Branch[] = [];
  // A chain may have thousands of states: a stack of our own instead of calls.
  const waiting = starts(after.get(null) ?? [], 0).reverse();
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const line = [next.state];
    let end = next.state;
    for (;;) {
      const on = after.get(end.state_key) ?? [];
      const only = on[0];
      if (on.length !== 1 || only === undefined || headsAt.has(end.state_key)) break;
      line.push(only);
      end = only;
    }
    const on = after.get(end.state_key) ?? [];
    branches.push({
      key: end.state_key,
      states: line,
      heads: headsAt.get(end.state_key) ?? [],
      level: next.level,
      forks: on.length,
    });
    waiting.push(...starts(on, on.length > 1 ? next.level + 1 : next.level).reverse());
  }
  return branches;
}

function starts(states: State[], level: number): { state: State; level: number }[] {
  return states.toSorted((a, b) => b.jobs - a.jobs).map((state) => ({ state, level }));
}

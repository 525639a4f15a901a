/** Two plans of one statement beside each other. */
import { type PlanNode, visibleNodes } from "./tree.ts";

/** The ids of the steps of `one` that `other` has not, or has less often: by what they do and on what, wherever they stand. */
export function stepsOnlyIn(one: PlanNode, other: PlanNode): Set<string> {
  const left = new Map<string, number>();
  for (const node of visibleNodes(other, () => false))
    left.set(keyOf(node), (left.get(keyOf(node)) ?? 0) + 1);
  const only = new Set<string>();
  for (const node of visibleNodes(one, () => false)) {
    const count = left.get(keyOf(node)) ?? 0;
    if (count === 0) only.add(node.id);
    else left.set(keyOf(node), count - 1);
  }
  return only;
}

const keyOf = ({ title, on }: PlanNode) => `${title}\u0001${on ?? ""}`;

import { expect, test } from "vitest";
import { stepsOnlyIn } from "./compare.ts";
import { readPlans } from "./tree.ts";

const plan = (node: object) => readPlans([[{ Plan: node }]])[0]!.root!;
const scan = (on: string, index?: string) => ({
  "Node Type": index ? "Index Scan" : "Seq Scan",
  ...(index ? { "Index Name": index } : {}),
  "Relation Name": on,
});

test("a step that moved is the same; one that reads another way or once more is not", () => {
  const before = plan({
    "Node Type": "Nested Loop",
    Plans: [scan("orders", "orders_pkey"), scan("items")],
  });
  const after = plan({
    "Node Type": "Sort",
    Plans: [{ "Node Type": "Nested Loop", Plans: [scan("items"), scan("orders"), scan("items")] }],
  });
  expect([...stepsOnlyIn(before, after)]).toEqual(["0.0"]);
  expect([...stepsOnlyIn(after, before)]).toEqual(["0", "0.0.1", "0.0.2"]);
  expect(stepsOnlyIn(after, after).size).toBe(0);
});

import { checkTree } from "@quern/contract/project-tree";
import { expect, test } from "vitest";
import { EXAMPLE_HEAD, readExampleProject } from "./example-project.ts";

test("the example project is a tree that can be saved, and has the head that is run", async () => {
  const tree = await readExampleProject();
  const paths = Object.keys(tree);
  expect(checkTree(paths)).toEqual([]);
  expect(paths).toEqual(expect.arrayContaining(["quern.project.json", "init/010_schema.sql"]));
  expect(tree[EXAMPLE_HEAD]).toEqual({ content: expect.stringMatching(/^select /) });
});

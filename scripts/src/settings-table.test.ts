import { expect, test } from "vitest";
import { z } from "zod";
import { withSettingsTable } from "./settings-table.ts";

const README = "before\n<!-- settings -->\nold\n<!-- /settings -->\nafter\n";

test("every setting is listed once with its default, processes and meaning", () => {
  const up = z.object({
    PORT: z.string().optional().describe("Port to serve on"),
    URL: z.string().optional().describe("Where | how"),
  });
  const api = z.object({
    PORT: z.string().default("3000").describe("Port"),
    URL: z.string().describe("Where"),
    KEYS: z.string().describe("Folder"),
  });
  const runner = z.object({ URL: z.string().describe("Where"), TZ: z.string().optional() });
  expect(withSettingsTable(README, { "make up": up, api, runner })).toBe(`before
<!-- settings -->
| setting | default | read by | meaning |
|---|---|---|---|
| \`KEYS\` | required | api | Folder |
| \`PORT\` | \`3000\` | make up, api | Port to serve on |
| \`TZ\` |  | runner |  |
| \`URL\` | required by api, runner | make up, api, runner | Where \\| how |
<!-- /settings -->
after
`);
});

test("a README without the markers is refused", () => {
  expect(() => withSettingsTable("nothing", {})).toThrow(/lacks/);
});

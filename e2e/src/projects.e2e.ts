/** A project, as a person takes it in, runs it, looks at why it was quick, changes it, and looks into its database. */
import { fileURLToPath } from "node:url";
import { stopInstance } from "@quern/contract/instances";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { zipOf } from "./archives.ts";
import { makeBranch, makeChartedDashboard } from "./branch-steps.ts";
import { openBrowser, openPage, type Watched } from "./browser.ts";
import { expectAccessible, signIn } from "./page-steps.ts";
import { type Quern, signInClient, startQuern } from "./quern.ts";

const OUTAGES = fileURLToPath(new URL("../../examples/projects/outages", import.meta.url));
const ADA = { email: "ada@example.test", password: "correct horse battery" };

let quern: Quern;
let browser: Browser;
let ada: Watched;
let page: Page;

beforeAll(async () => {
  [quern, browser] = await Promise.all([
    startQuern({
      QUERN_ADMIN_EMAIL: ADA.email,
      QUERN_ADMIN_PASSWORD: ADA.password,
      QUERN_DEMO: "0",
      QUERN_SANDBOX: "1",
      QUERN_SANDBOX_PROXY_ADDR: "127.0.0.1:0",
    }),
    openBrowser(),
  ]);
  ada = await openPage(browser, quern.url);
  page = ada.page;
  await signIn(page, ADA);
});
afterAll(async () => {
  await browser?.close();
  await quern?.[Symbol.asyncDispose]();
});
beforeEach(({ onTestFailed }) => {
  onTestFailed(async () => {
    await ada.picture("projects-failed");
    console.error(await ada.describe());
  });
});

const jobPanel = () => page.getByRole("region", { name: "Job", exact: true });
const pane = (name: string) => jobPanel().getByRole("tab", { name }).first();
const file = (name: string) => page.getByRole("treeitem", { name });

async function openFile(name: string): Promise<void> {
  await file(name).click();
  await editorOf(name).waitFor({ state: "attached" });
}
const editorOf = (name: string) =>
  page.getByRole("textbox", { name: new RegExp(`^Text of .*${name.replaceAll(".", "\\.")}$`) });
/** Runs the open file and waits until its job has ended. */
async function run(): Promise<void> {
  const before = new URL(page.url()).searchParams.get("job");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await expect.poll(() => new URL(page.url()).searchParams.get("job")).not.toBe(before);
  await jobPanel()
    .getByRole("status")
    .filter({ hasText: /Completed|Failed/ })
    .first()
    .waitFor();
}

test("the example is taken in, and a head runs on the state that the files before it make", async () => {
  await page.keyboard.press("g");
  await page.keyboard.press("p");
  await page.getByText("There is no project yet").waitFor();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Take the example" }).click();
  await openFile("020_reliability.sql");
  await run();
  await jobPanel()
    .getByText(/7 files replayed/)
    .waitFor();
  await jobPanel().getByText("Avalon Power, Ltd.").waitFor();
  await run();
  await jobPanel().getByText("Full hit").waitFor();
  await expectAccessible(page);
  await ada.picture("project");
});

test("a job is kept longer, for as long as an admin allows", async () => {
  await jobPanel().getByRole("button", { name: "More for this job" }).click();
  await page.getByRole("menuitem", { name: "Keep it longer…" }).click();
  const dialog = page.getByRole("dialog", { name: "Keep it longer" });
  const job = dialog.getByLabel("The job with its log and rows");
  await job.fill("soon");
  await dialog.getByText("A time such as 12 h or 3 d.").waitFor();
  await job.fill("9999 d");
  await dialog
    .getByText(/^At most/)
    .first()
    .waitFor();
  expect(await dialog.getByRole("button", { name: "Keep it" }).isDisabled()).toBe(true);
  await job.fill("2 d");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Keep it" }).click();
  await dialog.waitFor({ state: "detached" });
  await pane("Details").click();
  await jobPanel()
    .getByText(/^in (2 d|47 h)/)
    .waitFor();
});

test("the chain says of each file why it was not run again, to the keyboard too", async () => {
  await pane("Chain").click();
  const chain = page.getByRole("listbox", { name: "Chain of files" });
  await chain.getByRole("option").nth(7).waitFor();
  await chain.focus();
  await page.keyboard.press("End");
  const why = page.getByRole("region", { name: "Why" });
  await why.getByText("seed/040_statistics.sql").waitFor();
  await why.getByText("Its state was in the cache.").waitFor();
  await expectAccessible(page);
  await page.keyboard.press("Enter");
  await expect.poll(() => page.url()).toContain("file=seed/040_statistics.sql");
  await pane("Log").click();
  await page
    .getByText(/PostgreSQL|hit|state/i)
    .first()
    .waitFor();
});

test("a change runs unsaved, replays from the changed file only, and its error leads to the line", async () => {
  await openFile("030_views.sql");
  await page.locator(".monaco-editor").first().click();
  await page.locator(".monaco-editor.focused").first().waitFor();
  await page.keyboard.press("ControlOrMeta+End");
  await page.keyboard.insertText("\n\nselect nosuch;\n");
  await page.getByRole("img", { name: "Not saved" }).waitFor();
  await openFile("020_reliability.sql");
  await run();
  await jobPanel().getByText('column "nosuch" does not exist').waitFor();
  await expectAccessible(page);
  await jobPanel()
    .getByRole("button", { name: /init\/030_views\.sql, line/ })
    .click();
  await expect.poll(() => page.url()).toContain("file=init/030_views.sql");
  await page.locator(".monaco-editor .squiggly-error").first().waitFor();
  await page.getByRole("button", { name: "More ways to save" }).click();
  await page.getByRole("menuitem", { name: "Discard what is not saved" }).click();
  await page.getByRole("img", { name: "Not saved" }).waitFor({ state: "detached" });
});

test("files are made, renamed, deleted and brought back by keys, and a save is a version", async () => {
  await page.getByRole("button", { name: "Add files" }).click();
  await page.getByRole("menuitem", { name: "New file" }).click();
  await page.getByLabel("Path").fill("test/050_new.sql");
  await page.keyboard.press("Enter");
  // Until then the editor is that of the file before.
  await editorOf("050_new.sql").waitFor({ state: "attached" });
  await page.locator(".monaco-editor").first().click();
  await page.locator(".monaco-editor.focused").first().waitFor();
  await page.keyboard.insertText("select 42 as answer;\n");
  await page.getByRole("tree", { name: "Files" }).focus();
  await page.keyboard.press("F2");
  await page.getByLabel("New name of 050_new.sql").fill("050_answer.sql");
  await page.keyboard.press("Enter");
  await file("050_answer.sql").waitFor();
  await file("numbers.sql").click();
  await page.getByRole("tree", { name: "Files" }).focus();
  await page.keyboard.press("Delete");
  await file("numbers.sql").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Undo" }).click();
  await file("numbers.sql").waitFor();
  await page.keyboard.press("ControlOrMeta+S");
  await page.getByText("v2", { exact: true }).waitFor();
  await openFile("050_answer.sql");
  await run();
  await jobPanel().getByText("42").first().waitFor();
  await page.getByRole("button", { name: "Versions" }).click();
  await page.getByText("1 file changed").waitFor();
  await page.keyboard.press("Escape");
});

test("a folder and a zip archive are read in the browser, without what leads outside", async () => {
  await page.goto("/projects");
  await page.getByRole("button", { name: "New project" }).click();
  await page.getByRole("menuitem", { name: "From a folder" }).click();
  const dialog = page.getByRole("dialog", { name: "New project" });
  await dialog.locator("input[type=file]").setInputFiles(OUTAGES);
  await dialog.getByText(/^1\d files/).waitFor();
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Zip archive" }).click();
  // What was chosen as a folder is not taken in as an archive.
  await dialog.getByText(/^1\d files/).waitFor({ state: "detached" });
  const archive = zipOf({
    "init/1.sql": "create table t (i int);\n",
    "test/sum.sql": "select 7 as seven;\n",
    "../outside.sql": "select 1;\n",
    ".git/config": "[core]\n",
  });
  const file = { name: "small.zip", mimeType: "application/zip", buffer: archive };
  await dialog.locator("input[type=file]").setInputFiles(file);
  await dialog.getByText(/^2 files/).waitFor();
  await dialog.getByText("1 was left out").click();
  await dialog.getByText("the path leads outside").waitFor();
  await expect.poll(() => dialog.getByLabel("Name").inputValue()).toBe("small");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Make the project" }).click();
  await openFile("sum.sql");
  await run();
  await jobPanel().getByText("seven").first().waitFor();
  await page.goto("/projects");
  await page.getByRole("button", { name: "More for small" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByRole("link", { name: "small" }).waitFor({ state: "detached" });
});

test("two states stand side by side: what is in the one and not in the other", async () => {
  await page.goto("/projects");
  await page.getByRole("link", { name: "Power outages" }).click();
  await page.waitForURL(/projects\/[0-9a-f-]{36}/);
  const project = /projects\/([0-9a-f-]+)/.exec(page.url())![1]!;
  const left = `p:${project}::init/030_views.sql`;
  await page.goto(`/states/compare?left=${left}&right=p:${project}::&go=1`);
  await page.getByText("ohub.by_province").waitFor();
  await page.getByText("+5,000").waitFor();
  await expectAccessible(page);
});

test("an instance is started, reached by a password that is shown once, and stopped", async () => {
  await page.goto("/projects");
  await page.getByRole("link", { name: "Power outages" }).click();
  await page.getByRole("tab", { name: "Instances" }).click();
  await page.getByRole("button", { name: "Start an instance" }).click();
  await page.getByLabel("Name", { exact: true }).fill("look-around");
  await page.getByRole("button", { name: "Start", exact: true }).click();
  const card = page.getByRole("article", { name: "look-around" });
  await card.getByText("Running").waitFor();
  await card.getByRole("button", { name: "Make a password" }).click();
  await page
    .getByRole("dialog")
    .getByText(/^postgres(ql)?:\/\/look-around:.+@127\.0\.0\.1/)
    .waitFor();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Done" }).click();
  await card.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Stop" }).click();
  await card.waitFor({ state: "detached" });
});

test("a dashboard runs against a branch, opens its query there, and says so when the branch has ended", async () => {
  const client = await signInClient(quern.url, ADA.email, ADA.password);
  const [base, branch] = [await makeBranch(client, "base"), await makeBranch(client, "branch")];
  const sql = "select count(*) as n from ohub.outages";
  const id = await makeChartedDashboard(client, base.datasource, { name: "Rows", sql });
  await page.goto(`/dashboards/${id}`);
  const tile = page.getByRole("article", { name: "Rows" });
  await tile.getByText("5000").waitFor();
  await page.getByRole("button", { name: "More for Rows" }).first().click();
  await page.getByRole("menuitem", { name: "Run against…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "branch" }).click();
  await tile.getByText("Runs on Instance branch, not on Instance base").waitFor({
    state: "attached",
  });
  await expect.poll(() => page.url()).toContain(`on=${base.datasource}:${branch.datasource}`);
  await expectAccessible(page);

  await tile.hover();
  await tile.getByRole("button", { name: "More for Rows" }).click();
  await page.getByRole("menuitem", { name: "Open the query" }).click();
  const strip = page.getByRole("region", { name: "Other datasources" });
  await strip.getByText("Runs on Instance branch, not on Instance base").waitFor();
  await page.getByText("on Instance branch", { exact: true }).waitFor();
  await expectAccessible(page);
  await page.goBack();

  await client.call(stopInstance, { params: { id: branch.instance } });
  await tile.getByText("The instance has ended").waitFor();
  await strip.getByText("Instance branch has ended. It ran in the place of").waitFor();
  await expectAccessible(page);
  await tile.getByRole("button", { name: "Back to Instance base" }).click();
  await strip.waitFor({ state: "detached" });
  await tile.getByText("5000").waitFor();
  await client.call(stopInstance, { params: { id: base.instance } });
});

test("the cache tells what it holds, and a pinned layer stays", async () => {
  await page.goto("/cache");
  const row = page.getByRole("row").filter({ hasText: "040_statistics.sql" });
  await row.getByRole("button", { name: /^More for/ }).click();
  await page.getByRole("menuitem", { name: "Pin" }).click();
  await row.getByLabel("Pinned").waitFor();
  await row.getByRole("button", { name: /^More for/ }).click();
  await page.getByRole("menuitem", { name: "Evict…" }).click();
  await page.getByText(/^stays: it is (pinned|in use)$/).waitFor();
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  expect(ada.complaints).toEqual([]);
});

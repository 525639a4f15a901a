/** A real browser; with QUERN_PICTURES=1 it leaves pictures of what it shows in `artifacts/`, outside git. */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

const ARTIFACTS = fileURLToPath(new URL("../../artifacts/", import.meta.url));
/** The first is the same browser without the windows and menus that nobody looks at here: a fifth less of the processor. */
const CHROMIUM = [
  "/usr/bin/chromium-headless-shell",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function openBrowser(): Promise<Browser> {
  const executablePath = CHROMIUM.find((path) => existsSync(path));
  if (!executablePath)
    throw new Error(
      "Chromium is missing: `make test` installs it, or install your system's package",
    );
  return chromium.launch({ executablePath, args: ARGUMENTS });
}

export type Watched = {
  page: Page;
  /** What the page complained about: errors, violations of the content policy, requests to elsewhere. */
  complaints: string[];
  /** What the page shows now, in words, for the log of a machine whose pictures nobody can open. */
  describe(): Promise<string>;
  picture(name: string): Promise<void>;
};

export type Look = { width: number; height: number; colorScheme: "light" | "dark" };
export const DESK: Look = { width: 1440, height: 900, colorScheme: "light" };

/** A page in a context of its own, or of `context`, whose complaints are collected. */
export async function openPage(
  browser: Browser,
  home: string,
  look = DESK,
  context?: BrowserContext,
): Promise<Watched> {
  const { width, height, colorScheme } = look;
  const own =
    context ??
    (await browser.newContext({ baseURL: home, viewport: { width, height }, colorScheme }));
  own.setDefaultTimeout(20_000);
  const page = await own.newPage();
  // Nobody watches, and without a graphics card every frame of a movement is painted by the processor.
  await page.emulateMedia({ reducedMotion: "reduce" });
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(`error: ${error.stack ?? error.message}`));
  page.on("console", (message) => {
    const text = message.text();
    if (message.type() === "error" && !/status of (401|404|409)/.test(text))
      complaints.push(`console: ${text} (${message.location().url})`);
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(home) && !/^(data|blob):/.test(url))
      complaints.push(`request to elsewhere: ${url}`);
  });
  return {
    page,
    complaints,
    async describe() {
      const text = await page.locator("body").innerText({ timeout: 5000 });
      return [`At ${page.url()}:`, text.slice(0, 4000), ...complaints].join("\n");
    },
    async picture(name) {
      if (process.env.QUERN_PICTURES !== "1") return;
      await mkdir(ARTIFACTS, { recursive: true });
      await page.screenshot({ path: `${ARTIFACTS}${name}-${width}-${colorScheme}.png` });
    },
  };
}

import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { setUploaderKey } from "../../src/accounts/index.ts";
import { makeTestKey, type TestKey } from "../support/keys.ts";
import { addToken, addUser, PASSWORD } from "../support/people.ts";
import { TestSite } from "../support/site.ts";

/** To be looked at by people; overwritten by each run. */
const screenshotsPath = join(tmpdir(), `mini-buildd-screenshots-${process.getuid?.() ?? "user"}`);

let site: TestSite;
let url: string;
let browser: Browser;
let key: TestKey;

beforeAll(async () => {
  site = await TestSite.open();
  url = await site.start();
  key = await makeTestKey();
  const root = await addUser(site, "root", "admin");
  const ann = await addUser(site, "ann", "login");
  await addToken(site, root, "staff", ["ls", "show"]);
  await setUploaderKey(site.context.accounts, { userId: ann, text: await key.armoredPublicKey() });
  await mkdir(screenshotsPath, { recursive: true });
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args });
});

afterAll(async () => {
  await browser?.close();
  await site?.close();
  await key?.dispose();
});

async function logIn(page: Page, name: string): Promise<void> {
  await page.goto(`${url}/accounts/login/`);
  await page.getByLabel("User name").fill(name);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL("**/accounts/profile/");
}

async function look(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(screenshotsPath, `${name}-${page.viewportSize()?.width}.png`), fullPage: true });
  const overflow = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>("axe.run()");
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
  expect({ name, overflow, found }).toEqual({ name, overflow: 0, found: [] });
}

test.each([
  { width: 400, colorScheme: "light" },
  { width: 1400, colorScheme: "dark" },
] as const)("pages of accounts fit and are accessible at $width px, $colorScheme", async ({ width, colorScheme }) => {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  for (const name of ["login", "register", "password_reset"]) {
    await page.goto(`${url}/accounts/${name}/`);
    await look(page, name);
  }
  await page.goto(`${url}/accounts/login/`);
  await page.getByLabel("User name").fill("nobody");
  await page.getByLabel("Password").fill("wrong password");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("alert").waitFor();
  await look(page, "login-refused");

  site.log.logger.warn("a build was lost", { buildId: "hello/1.0-1/20261122:130513:909198/amd64", because: "x".repeat(300) });
  await logIn(page, "root");
  for (const [name, path] of Object.entries({
    profile: "/accounts/profile/",
    password: "/accounts/password_change/",
    people: "/admin/",
    audit: "/admin/audit/",
    "daemon-log": "/admin/log/",
  })) {
    await page.goto(url + path);
    await look(page, name);
  }
  await page.close();
});

test("the log of the daemon grows on its page, as far as the filter wants it, and is text", async () => {
  const page = await browser.newPage();
  await logIn(page, "root");
  const opened = page.waitForRequest((request) => request.url().includes("/api/v1/log?level=warn"));
  await page.goto(`${url}/admin/log/?level=warn`);
  await opened;
  const rows = page.locator("tbody tr");

  // Lines before the stream is open are not in it: this one is logged until it shows up.
  await expect
    .poll(
      () => {
        site.log.logger.child({ module: "queue" }).error("<b>came</b>", { peer: "<script>" });
        return rows.filter({ hasText: "<b>came</b>" }).count();
      },
      { timeout: 30_000 },
    )
    .toBeGreaterThan(0);
  site.log.logger.info("not wanted");
  site.log.logger.warn("last");
  await rows.filter({ hasText: "last" }).waitFor();

  expect(await rows.filter({ hasText: "not wanted" }).count()).toBe(0);
  expect(await rows.filter({ hasText: "peer: <script>" }).count()).toBeGreaterThan(0);
  expect(await page.locator("tbody b").count()).toBe(0);
  await page.close();
});

test("without JavaScript a user sets a key, and an administrator approves it", async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  const second = await makeTestKey();
  try {
    await logIn(page, "ann");
    await page.getByLabel("Public key").fill(await second.armoredPublicKey());
    await page.getByRole("button", { name: "Set this key" }).click();
    await page.getByText(second.fingerprint).waitFor();
    await page.getByRole("button", { name: "Log out", exact: true }).click();

    await logIn(page, "root");
    await page.goto(`${url}/admin/`);
    const panel = page.locator(".panel", { hasText: second.fingerprint });
    await panel.getByLabel("For these repositories").fill("test");
    await panel.getByRole("button", { name: "Approve" }).click();
    await panel.getByText("Approved", { exact: true }).waitFor();
  } finally {
    await context.close();
    await second.dispose();
  }

  expect((await site.context.listUploaders(["test"]))["test"]?.uploaders).toMatchObject([{ fingerprints: [second.fingerprint] }]);
});

import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../src/runtime/index.ts";
import { fillSite, TestSite } from "../support/site.ts";

/** To be looked at by people; overwritten by each run. */
const screenshotsPath = join(tmpdir(), `mini-buildd-screenshots-${process.getuid?.() ?? "user"}`);

const WIDTHS = [400, 1400] as const;

let site: TestSite;
let ids: Awaited<ReturnType<typeof fillSite>>;
let url: string;
let browser: Browser;

beforeAll(async () => {
  site = await TestSite.open();
  ids = await fillSite(site);
  url = await site.start();
  await mkdir(screenshotsPath, { recursive: true });
  browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
});

afterAll(async () => {
  await browser?.close();
  await site?.close();
});

function paths(): Record<string, string> {
  return {
    activity: "/mini_buildd/events/",
    uploads: "/mini_buildd/uploads/",
    running: `/mini_buildd/uploads/${ids.runningUpload}/`,
    failed: `/mini_buildd/uploads/${ids.failedUpload}/`,
    "failed-log": `/mini_buildd/logs/${ids.failedBuild}/?line=51`,
    rejected: `/mini_buildd/uploads/${ids.rejectedUpload}/`,
    repositories: "/mini_buildd/repositories/",
    repository: "/mini_buildd/repositories/test/",
    distribution: "/mini_buildd/repositories/test/dists/bookworm-test-unstable/",
    "empty-distribution": "/mini_buildd/repositories/test/dists/bookworm-test-stable/",
    "how-to-upload": "/mini_buildd/help/upload/",
    api: "/mini_buildd/api/",
    result: "/mini_buildd/api/status/",
    missing: "/mini_buildd/nothing/",
  };
}

test.each(WIDTHS.flatMap((width) => (["light", "dark"] as const).map((colorScheme) => ({ width, colorScheme }))))(
  "every page fits and is accessible at $width px, $colorScheme",
  async ({ width, colorScheme }) => {
    await withPage({ viewport: { width, height: 900 }, colorScheme }, async (page) => {
      for (const [name, path] of Object.entries(paths())) {
        await page.goto(url + path);
        await page.screenshot({ path: join(screenshotsPath, `${name}-${width}-${colorScheme}.png`), fullPage: true });

        expect({ name, overflow: await horizontalOverflow(page) }).toEqual({ name, overflow: 0 });
        expect({ name, violations: await violations(page) }).toEqual({ name, violations: [] });
      }
    });
  },
);

test("pages are readable without JavaScript", async () => {
  await withPage({ javaScriptEnabled: false }, async (page) => {
    await page.goto(`${url}/mini_buildd/uploads/${ids.failedUpload}/`);

    expect(await page.textContent("main")).toContain("debian/rules build ended with status 2");
    expect(await page.textContent("pre.log >> nth=0")).toContain("make: *** [Makefile:2: main.o] Error 1");
    expect(await page.textContent("main")).toContain("no-copyright-file");
  });
});

test("what a hostile log prints is text on the page", async () => {
  await withPage({}, async (page) => {
    await page.goto(`${url}/mini_buildd/uploads/${ids.failedUpload}/`);

    const log = page.locator("pre.log", { hasText: "Error 1" });
    expect(await log.textContent()).toContain("error: <b>expected</b> ';'");
    expect(await log.locator("*").count()).toBe(0);
  });
});

test("the list of events grows, and a new upload shows up, without a reload", async () => {
  await withPage({}, async (page) => {
    await page.goto(`${url}/mini_buildd/events/`);
    await page.locator('#live-indicator[data-state="live"]').waitFor();
    const before = await page.locator("#events > li").first().getAttribute("id");

    const upload = await site.addUpload({ source: "newcomer", version: "1.0~test12+1", state: "checking", agoMs: 0 });
    await site.record({
      type: "PACKAGING",
      uploadId: upload,
      source: "newcomer",
      version: "1.0~test12+1",
      distribution: "bookworm-test-unstable",
    });

    await page.locator("#events > li", { hasText: "newcomer" }).waitFor();
    await page.locator("#running", { hasText: "newcomer" }).waitFor();
    expect(await page.locator("#events > li").first().getAttribute("id")).not.toBe(before);
    expect(await page.locator(`#${before}`).count()).toBe(1);
  });
});

test("build steps change and the log goes on while the page is open", async () => {
  await withPage({}, async (page) => {
    await page.goto(`${url}/mini_buildd/uploads/${ids.runningUpload}/`);
    await page.locator('#live-indicator[data-state="live"]').waitFor();
    await page.locator("pre.log", { hasText: "source299.o" }).waitFor();

    await site.appendLog(ids.runningBuild, "the very next line \u001b[1mbold\u001b[0m\n");
    await page.locator("pre.log", { hasText: "the very next line bold" }).waitFor();
    await endBuildStep();

    await page.locator("tr", { hasText: "compiled" }).locator(".badge.ok").waitFor();
    // The log element is the same one: nothing was lost or shown twice.
    expect((await page.locator("pre.log").textContent())?.match(/source299\.o/g)).toHaveLength(1);
  });
});

test("when a waiting build begins its log shows up and is followed", async () => {
  await withPage({}, async (page) => {
    await page.goto(`${url}/mini_buildd/uploads/${ids.runningUpload}/`);
    await page.locator('#live-indicator[data-state="live"]').waitFor();
    expect(await page.locator("pre.log").count()).toBe(1);

    const build = `${ids.runningUpload}/arm64`;
    await site.change(
      async (tx) => {
        const row = { state: "leased", started_at: systemClock.now().toISOString(), builder: "local" };
        await tx.updateTable("builds").set(row).where("id", "=", build).execute();
      },
      { type: "build-state", uploadId: ids.runningUpload, buildId: build },
    );
    await site.appendLog(build, "arm64 goes on\n");

    await page.getByRole("region", { name: "Log of arm64" }).getByText("arm64 goes on").waitFor();
  });
});

test("after the server was away the page goes on where it was", async () => {
  await withPage({}, async (page) => {
    await page.goto(`${url}/mini_buildd/uploads/${ids.runningUpload}/`);
    await page.locator('#live-indicator[data-state="live"]').waitFor();

    await site.stop();
    await page.locator('#live-indicator[data-state="lost"]').waitFor();
    await site.appendLog(ids.runningBuild, "written while the server was away\n");
    await site.start();

    const log = page.getByRole("region", { name: "Log of amd64" });
    await log.getByText("written while the server was away").waitFor();
    expect((await log.textContent())?.match(/written while/g)).toHaveLength(1);
  });
});

test("packages are found by a part of their name, page by page", async () => {
  await withPage({}, async (page) => {
    await page.goto(`${url}/mini_buildd/repositories/test/dists/bookworm-test-unstable/`);
    expect(await page.locator("#packages tbody tr").count()).toBe(50);

    await page.getByRole("link", { name: "Next" }).click();
    await page.getByRole("searchbox").fill("g++-extra1");
    await page.getByRole("button", { name: "Filter" }).click();

    expect(await page.locator("#packages tbody tr").count()).toBe(25);
    expect(await page.locator("#packages tbody th >> nth=0").textContent()).toBe("g++-extra102");
  });
});

test("an instance without anything says what to do", async () => {
  const empty = await TestSite.open({ emptyCatalog: true });
  const emptyUrl = await empty.start();
  try {
    await withPage({}, async (page) => {
      await page.goto(emptyUrl);
      await page.screenshot({ path: join(screenshotsPath, "empty-1280-light.png"), fullPage: true });

      await page.locator("#no-events").getByRole("link", { name: "how to send one" }).click();
      expect(page.url()).toBe(`${emptyUrl}/mini_buildd/help/upload/`);
    });
  } finally {
    await empty.close();
  }
});

async function endBuildStep(): Promise<void> {
  const row = { outcome: "ok", note: "compiled", ended_at: systemClock.now().toISOString() };
  await site.change(
    async (tx) => {
      await tx.updateTable("build_steps").set(row).where("build_id", "=", ids.runningBuild).where("step", "=", "build").execute();
    },
    { type: "build-step", uploadId: ids.runningUpload, buildId: ids.runningBuild },
  );
}

/** A page that must cause no error of script or policy. */
async function withPage(options: BrowserContextOptions, use: (page: Page) => Promise<void>): Promise<void> {
  const context = await browser.newContext(options);
  try {
    const page = await context.newPage();
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error" && /Content Security Policy|Uncaught/.test(message.text())) faults.push(message.text());
    });
    await use(page);
    expect(faults).toEqual([]);
  } finally {
    await context.close();
  }
}

function horizontalOverflow(page: Page): Promise<number> {
  return page.evaluate("Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)");
}

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const results = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>("axe.run()");
  return results.violations.flatMap((violation) => violation.nodes.map((node) => `${violation.id}: ${node.html.slice(0, 200)}`));
}

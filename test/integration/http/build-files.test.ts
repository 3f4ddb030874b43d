import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildFailure } from "../../../src/buildorder/index.ts";
import { TestSite } from "../../support/site.ts";

let site: TestSite;
let url: string;
let upload: string;

beforeAll(async () => {
  site = await TestSite.open();
  upload = await site.addUpload({ source: "hello", version: "1:2.10-3~test12+1", state: "installed" });
  const build = await site.addBuild({ uploadId: upload, architecture: "amd64", state: "done" });
  await site.appendLog(build, "dh build\n");
  const about = { uploadId: upload, source: "hello", version: "1:2.10-3~test12+1", distribution: "bookworm-test-unstable" };
  await site.record({ ...about, type: "BUILT", buildId: build, architecture: "amd64", data: { status: "built" } });
  const directory = join(site.home, "builds", upload, "source");
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "hello_2.10-3~test12+1.dsc"), "Format: 3.0 (native)\n");
  await mkdir(join(directory, "directory"));
  await writeFile(join(site.home, "secret"), "secret\n");
  await symlink(join(site.home, "secret"), join(directory, "link"));
  url = await site.start();
});

afterAll(() => site?.close());

const get = (path: string): Promise<Response> => fetch(`${url}${path}`, { redirect: "manual" });

test.each(["/static/builds", "/static/events", "/mini_buildd/builds-dir", "/mini_buildd/events-dir"])(
  "%s has files, logs and events where the original has them",
  async (place) => {
    const file = await get(`${place}/${upload}/source/hello_2.10-3~test12+1.dsc`);
    const log = await fetch(`${url}${place}/${upload}/amd64/hello_2.10-3~test12+1_amd64.buildlog`);
    const event = await get(`${place}/${upload}/amd64/hello_2.10-3~test12+1_BUILT_amd64.json`);

    expect([file.status, await file.text(), file.headers.get("x-content-type-options")]).toEqual([
      200,
      "Format: 3.0 (native)\n",
      "nosniff",
    ]);
    expect(await log.text()).toBe("dh build\n");
    expect(await event.json()).toMatchObject({
      type: "BUILT",
      source: "hello",
      extra: { bkey: `${upload}/amd64`, sbuild_status: "successful" },
    });
  },
);

test("directories lead to pages", async () => {
  expect((await get(`/static/builds/${upload}/`)).headers.get("location")).toBe(`/mini_buildd/uploads/${upload}/`);
  expect((await get("/mini_buildd/events-dir/hello/")).headers.get("location")).toBe("/mini_buildd/uploads/?source=hello");
  expect((await get("/mini_buildd/repositories-dir/test/dists/")).headers.get("location")).toBe("/repositories/test/dists");
});

test.each([
  "source/link",
  "source/none",
  "source/directory",
  "source",
  "../secret",
  "source/..%2f..%2f..%2f..%2f..%2fsecret",
  "source/%2e%2e/x",
  "source/a%00b",
  "source/%ff",
  "amd64/hello_NONSENSE.json",
  "a/b/c/d/e",
])("%s gives nothing that is not for everybody", async (path) => {
  const response = await get(`/static/builds/${upload}/${path}`);

  expect(response.status).toBeGreaterThanOrEqual(300);
  expect(response.status).toBeLessThan(500);
  expect(await response.text()).not.toContain("secret\n");
});

test("lines of a log are addresses on its page, coloured by names and never by what the build printed", async () => {
  const build = await site.addBuild({ uploadId: upload, architecture: "arm64", state: "done" });
  const lines = Array.from({ length: 5_000 }, (_, index) =>
    index === 4_321 ? "\u001b[31m<script>\u001b[0m & \u001b]0;x\u0007y" : "dh",
  );
  await site.appendLog(build, `${lines.join("\n")}\n`);

  const page = await (await get(`/mini_buildd/logs/${build}/?line=4322`)).text();
  const model = (await (await get(`/mini_buildd/logs/${build}/?line=4322&output=json`)).json()) as Record<string, unknown>;

  expect(page).toContain('<div class="log-line" id="L4322"><a href="#L4322">4322</a>');
  expect(page).toContain('<code><span class="ansi red">&lt;script&gt;</span> &amp; y</code>');
  expect(page).toContain('id="L4282"');
  expect(page).not.toContain('id="L4281"');
  expect(model).toMatchObject({ build, first_line: 4_282, has_more: false });
  expect((model["lines"] as unknown[]).length).toBe(5_000 - 4_281);
  expect((await get(`/mini_buildd/logs/${upload}/nosuch/`)).status).toBe(404);
});

test("the page of a failed build says what to do, shows the first error and leads to it, and has what is left", async () => {
  const failed = await site.addUpload({ source: "broken", version: "1.0", state: "failed" });
  const reason = "dpkg-buildpackage failed: a.c:1:1: error: <b>";
  const excerpt = { firstLine: 2_999, lines: ["cc -c a.c", "\u001b[31ma.c:1:1: error: <b>", "after it"] };
  const result = {
    status: "package-failed",
    reason,
    failedStep: "build",
    failure: buildFailure("compiler", { logLine: 3_000, excerpt }),
    files: [],
    products: [{ name: "obj_config.log", sizeBytes: 5, sha256: "0".repeat(64) }],
    testbedKeptUntil: new Date(Date.now() + 3_600_000).toISOString(),
    checks: [],
  } as const;
  const steps = [{ step: "build", outcome: "package-failed", note: reason }];
  const build = await site.addBuild({ uploadId: failed, architecture: "amd64", state: "done", reason, steps, result });
  const lines = Array.from({ length: 7_000 }, (_, index) => (index === 2_999 ? "a.c:1:1: error: <b>" : `line ${index + 1}`));
  await site.appendLog(build, `${lines.join("\n")}\n`);

  const page = await (await get(`/mini_buildd/uploads/${failed}/`)).text();
  const log = await (await get(`/mini_buildd/logs/${build}/?line=3000`)).text();
  const end = await (await get(`/mini_buildd/logs/${build}/?line=end`)).text();

  expect(page).toContain("<strong>Compiler error: </strong>dpkg-buildpackage failed: a.c:1:1: error: &lt;b&gt;");
  expect(page).toContain("Jump to the first error in the log");
  expect(page).toContain(`href="/mini_buildd/logs/${build}/?line=3000#L3000"`);
  expect(page).toMatch(/class="log-line first-error"><a [^>]*>3000<\/a><code>a\.c:1:1: error: &lt;b&gt;<\/code>/);
  expect(page).toContain(`<code>mini-buildd debug-build ${build}</code>`);
  expect(page).toContain(`/static/builds/${build}/obj_config.log`);
  expect(log).toContain("<strong>Compiler error: </strong>");
  expect(log).toContain('<div class="log-line first-error" id="L3000">');
  expect(log).toContain('?line=end">End</a>');
  expect(end).toContain('id="L5001"');
  expect(end).not.toContain('id="L5000"');
  expect(end).toContain('id="L7000"');
});

test("a testbed that has expired is not offered any more", async () => {
  const failed = await site.addUpload({ source: "broken", version: "2.0", state: "failed" });
  const testbedKeptUntil = new Date(Date.now() - 1_000).toISOString();
  const result = { status: "package-failed", reason: "it failed", testbedKeptUntil, files: [], checks: [] } as const;
  await site.addBuild({ uploadId: failed, architecture: "amd64", state: "done", reason: "it failed", result });

  expect(await (await get(`/mini_buildd/uploads/${failed}/`)).text()).not.toContain("debug-build");
});

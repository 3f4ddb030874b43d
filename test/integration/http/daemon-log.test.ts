import { request } from "node:http";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { followLog } from "../../../src/cli/follow-log.ts";
import { ApiClient, Client } from "../../../src/client/index.ts";
import { log, logLevelLs, logLevelSet } from "../../../src/operations/index.ts";
import { addToken, addUser, Browser } from "../../support/people.ts";
import { TestSite } from "../../support/site.ts";

let site: TestSite;
let url: string;
let client: Client;

beforeAll(async () => {
  site = await TestSite.open();
  url = await site.start();
  client = new Client(
    new ApiClient({ kind: "network", url: new URL(url) }, await addToken(site, await addUser(site, "root", "admin"), "admin")),
  );
  await addUser(site, "ann", "staff");
});

afterAll(() => site?.close());

test("an administrator sees the newest lines, by level, module and text", async () => {
  const { logger } = site.log;
  logger.child({ module: "http" }).warn("a listener was refused", { peer: "192.0.2.7" });
  logger.info("all is well");

  const { lines } = await client.call(log, { module: "http", level: "warn", text: "192.0.2" });

  expect(lines).toEqual([
    { time: expect.any(String), level: "warn", module: "http", message: "a listener was refused", fields: { peer: "192.0.2.7" } },
  ]);
  expect((await client.call(log, { lines: 1 })).lines.map(({ message }) => message)).toEqual(["all is well"]);
  await expect(client.call(log, { level: "loud" })).rejects.toMatchObject({ code: "LOG_LEVEL_UNKNOWN" });
});

test("levels are changed while it runs, on the record, and back", async () => {
  const http = site.log.logger.child({ module: "http" });
  http.debug("unseen");

  const changed = await client.call(logLevelSet, { level: "debug", module: "http" });
  http.debug("seen");
  site.log.logger.debug("unseen");

  expect(changed.levels).toEqual([
    { module: null, level: "info", configured: true },
    { module: "http", level: "debug", configured: false },
  ]);
  expect((await client.call(log, { level: "debug" })).lines.map(({ message }) => message)).not.toContain("unseen");
  expect((await client.call(log, { text: '"seen"' })).lines).toHaveLength(1);
  await client.call(logLevelSet, { level: "configured", module: "http" });
  expect((await client.call(logLevelLs)).levels).toEqual([{ module: null, level: "info", configured: true }]);
  await expect(client.call(logLevelSet, { level: "debug", module: "nope" })).rejects.toMatchObject({
    code: "LOG_MODULE_UNKNOWN",
  });
  const audit = await site.database.read.selectFrom("audit_log").select(["act", "outcome", "subject"]).execute();
  expect(audit).toContainEqual({ act: "log_level_set", outcome: "done", subject: '{"level":"debug","module":"http"}' });
});

test("the command line follows the log: what there is, then what comes, each once", async () => {
  site.log.logger.warn("before", { text: "\u001b[2J\nx" });
  const printed: string[] = [];
  const stop = new AbortController();
  const following = followLog(
    {
      print: (text: string) => void printed.push(text),
      connect: () => Promise.resolve(client),
      signal: stop.signal,
    } as unknown as Parameters<typeof followLog>[0],
    { raw: { level: "warn", lines: "1" }, asJson: false },
  ).catch((error: unknown) => error);

  await vi.waitFor(() => expect(printed).toHaveLength(1), { timeout: 20_000 });
  site.log.logger.info("not wanted");
  site.log.logger.child({ module: "queue" }).error("after");
  await vi.waitFor(() => expect(printed).toHaveLength(2), { timeout: 20_000 });
  stop.abort();
  await following;

  expect(printed[0]).toMatch(/^\d{4}-\S+Z WARN {2}daemon: before text="\\u001b\[2J\\nx"\n$/);
  expect(printed[1]).toMatch(/Z ERROR queue: after\n$/);
});

test.each(["application/json", "text/event-stream"])("nobody but an administrator reads it (%s)", async (accept) => {
  const strange = await fetch(`${url}/api/v1/log`, { headers: { accept } });
  expect([strange.status, await strange.json()]).toEqual([401, expect.objectContaining({ code: "ACCESS_DENIED" })]);

  const browser = new Browser(url);
  await browser.logIn("ann");
  expect((await browser.get("/api/v1/log", { accept })).status).toBe(403);
  expect((await browser.get("/admin/log/")).status).toBe(403);
});

test("the page shows lines, escaped, filters them, and changes levels", async () => {
  site.log.logger.warn("<script>alert(1)</script>", { peer: "<b>" });
  const browser = new Browser(url);
  await browser.logIn("root");

  const page = await (await browser.get("/admin/log/?level=warn&text=script")).text();

  expect(page).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
  expect(page).not.toMatch(/<script>|<b>/);
  expect(page).not.toContain("all is well");
  const csrfmiddlewaretoken = await browser.token("/admin/log/");
  const fields = { csrfmiddlewaretoken, confirm: "log_level_set", next: "/admin/log/", level: "error", module: "" };
  const answer = await browser.post("/mini_buildd/api/log_level_set/", fields);
  expect([answer.status, answer.headers.get("location")]).toEqual([303, "/admin/log/"]);
  expect(await (await browser.get("/admin/log/")).text()).toContain("All others: error (until the next start)");
  await client.call(logLevelSet, { level: "configured" });
});

test("HEAD of the live log does not hold a stream open", async () => {
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const head = request(`${url}/api/v1/log`, { method: "HEAD", headers: { accept: "text/event-stream" } });
    head.once("response", (response) => resolve(response.statusCode)).once("error", reject);
    head.end();
  });

  expect(status).toBe(401);
});

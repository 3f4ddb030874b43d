import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listAudit } from "../../../src/accounts/index.ts";
import { ACCESS_LEVELS, type Access, type Operation, operations, restPath } from "../../../src/operations/index.ts";
import { addToken, addUser, Browser, disableUser, giveRights, PASSWORD } from "../../support/people.ts";
import { TestSite } from "../../support/site.ts";

let site: TestSite;
let url: string;
const tokens = new Map<Access, string>();
const browsers = new Map<Access, Browser>();
const formTokens = new Map<Access, string>();

beforeAll(async () => {
  site = await TestSite.open();
  url = await site.start();
  for (const role of ["login", "staff", "admin"] as const) {
    const userId = await addUser(site, `a-${role}`, role);
    tokens.set(role, await addToken(site, userId, role));
    const browser = new Browser(url);
    await browser.logIn(`a-${role}`);
    browsers.set(role, browser);
    formTokens.set(role, await browser.token("/accounts/profile/"));
  }
  browsers.set("none", new Browser(url));
});

afterAll(() => site?.close());

type Ask = (operation: Operation, access: Access) => Promise<number>;

const query = (operation: Operation): string => new URLSearchParams(operation.example).toString();

/** Every way to an operation that is not the control socket. */
const interfaces: readonly (readonly [name: string, ask: Ask])[] = [
  [
    "REST with a token",
    async (operation, access) => {
      const token = tokens.get(access);
      const headers = token === undefined ? undefined : { authorization: `Bearer ${token}` };
      return (await askRest(operation, headers)).status;
    },
  ],
  [
    "REST with a session",
    async (operation, access) => {
      const browser = browsers.get(access)!;
      const headers = {
        cookie: cookieOf(browser),
        "x-csrftoken": access === "none" ? "" : await browser.token("/accounts/profile/"),
      };
      return (await askRest(operation, headers)).status;
    },
  ],
  [
    "the original's GET with a session",
    async (operation, access) => {
      const path = `/mini_buildd/api/${operation.name}/?output=json&confirm=${operation.name}&${query(operation)}`;
      const headers = { cookie: cookieOf(browsers.get(access)!), "user-agent": "Python-urllib/3.11" };
      return (await fetch(url + path, { headers })).status;
    },
  ],
  [
    "a form",
    async (operation, access) => {
      const browser = browsers.get(access)!;
      const csrfmiddlewaretoken = formTokens.get(access) ?? "";
      const fields = { ...operation.example, confirm: operation.name, output: "json", csrfmiddlewaretoken };
      return (await browser.post(`/mini_buildd/api/${operation.name}/`, fields)).status;
    },
  ],
];

/** These end what the walk itself comes with. */
const ENDS_THE_WALK = ["session_end", "token_revoke"];

test.each(interfaces)("every operation is refused to every lower role over %s, and lets its own in", async (_, ask) => {
  const offences: string[] = [];
  for (const operation of operations) {
    for (const access of ACCESS_LEVELS) {
      const isRefused = [401, 403].includes(await ask(operation, access));
      const isLower = ACCESS_LEVELS.indexOf(access) < ACCESS_LEVELS.indexOf(operation.access);
      const mayBeRefusedAnyway = ENDS_THE_WALK.includes(operation.name);
      if (isRefused !== isLower && !mayBeRefusedAnyway) offences.push(`${operation.name} as ${access}: refused ${isRefused}`);
    }
  }

  expect(offences).toEqual([]);
});

test("the control socket may do everything", async () => {
  const refused: string[] = [];
  for (const operation of operations) {
    const status = await overSocket(operation);
    if ([401, 403].includes(status)) refused.push(operation.name);
  }

  expect(refused).toEqual([]);
});

test("a token for some operations is good for those only, and a wrong one for nothing", async () => {
  const userId = await addUser(site, "narrow", "admin");
  const authorization = `Bearer ${await addToken(site, userId, "admin", ["user_ls"])}`;
  const status = async (path: string, header: string) => (await fetch(url + path, { headers: { authorization: header } })).status;

  expect(await status("/api/v1/user-ls", authorization)).toBe(200);
  expect(await status("/api/v1/audit", authorization)).toBe(403);
  expect(await status("/api/v1/status", "Bearer mbd_nonsense")).toBe(401);
  expect(await status("/api/v1/status", "Basic YTpi")).toBe(401);
});

test("a right in a repository opens what it is for there, and nothing elsewhere", async () => {
  const userId = await addUser(site, "maintainer", "login");
  await giveRights(site, "maintainer", "test", ["migrate"]);
  const authorization = `Bearer ${await addToken(site, userId, "staff")}`;
  const cancel = async (distribution: string) => {
    const upload = await site.addUpload({ source: `s${distribution.length}`, version: "1", state: "building", distribution });
    const body = JSON.stringify({ bkey: `${upload}/amd64` });
    return (await fetch(`${url}/api/v1/cancel`, { method: "POST", body, headers: { authorization } })).status;
  };

  expect(await cancel("bookworm-test-unstable")).toBe(200);
  expect(await cancel("bookworm-team-unstable")).toBe(403);
  expect(await cancel("nowhere")).toBe(403);
});

test("a session's cookie alone changes nothing", async () => {
  const browser = browsers.get("admin")!;
  const before = site.acts.length;
  const path = "/mini_buildd/api/catalog_apply/";
  const get = (headers: Record<string, string>) => browser.get(`${path}?confirm=catalog_apply&output=json`, headers);

  const answers = [
    await browser.post(path, { confirm: "catalog_apply" }),
    await browser.post(path, { confirm: "catalog_apply", csrfmiddlewaretoken: "guessed" }),
    await browser.post("/api/v1/catalog-apply", {}),
    await get({}),
    await get({ "sec-fetch-site": "cross-site" }),
    await get({ "sec-fetch-site": "none" }),
    await get({ "user-agent": "curl/8", origin: "http://evil.example" }),
  ];

  expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403, 403, 403]);
  expect(site.acts).toHaveLength(before);
  expect((await get({ "sec-fetch-site": "same-origin" })).status).toBe(200);
});

test("who is logged in can have a source package rebuilt or ported from the page of a distribution", async () => {
  const path = "/mini_buildd/repositories/test/dists/bookworm-test-unstable/";
  const staff = browsers.get("staff")!;
  const page = await staff.get(path);
  const html = await page.text();
  expect(page.headers.get("cache-control")).toBe("no-store");
  expect(html).toContain('action="/mini_buildd/api/port/"');
  expect(await (await browsers.get("none")!.get(path)).text()).not.toContain("Rebuild it here");
  const [, form = ""] = /<form[^>]* action="\/mini_buildd\/api\/rebuild\/">(.*?)<\/form>/s.exec(html) ?? [];
  const hidden = [...form.matchAll(/type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(([, name = "", value = ""]) => [
    name,
    value,
  ]);

  const fields = { ...Object.fromEntries(hidden), source: "hello", version: "", reason: "" };
  const answer = await staff.post("/mini_buildd/api/rebuild/", fields);

  expect(answer.status).toBe(200);
  expect(site.acts.at(-1)).toBe("rebuild hello in bookworm-test-unstable by a-staff");
});

test("what changes something is on the record with who, what and how it ended; refusals too", async () => {
  const token = tokens.get("staff")!;
  const body = JSON.stringify({ bkey: "nope/1/2/amd64" });
  await fetch(`${url}/api/v1/cancel`, { method: "POST", body, headers: { authorization: `Bearer ${token}` } });
  await fetch(`${url}/api/v1/user-link`, { method: "POST", body: '{"name":"x"}', headers: { authorization: `Bearer ${token}` } });

  expect(await listAudit(site.database.read, { actor: "a-staff", limit: 2 })).toMatchObject([
    { act: "user_link", outcome: "refused", code: "ACCESS_DENIED", actor: { peer: "127.0.0.1" } },
    { act: "cancel", subject: { bkey: "nope/1/2/amd64" }, outcome: "refused", code: "BUILD_ENDED" },
  ]);
});

test("logging in sets a cookie that scripts and other sites do not get; logging out ends it", async () => {
  await addUser(site, "visitor", "login");
  const browser = new Browser(url);
  const answer = await browser.logIn("visitor");
  const stolen = browser.cookies.get("sessionid") ?? "";

  expect([answer.status, answer.headers.get("location")]).toEqual([302, "/accounts/profile/"]);
  expect(answer.headers.getSetCookie()).toEqual([expect.stringMatching(/^sessionid=[\w-]{43};.*HttpOnly; SameSite=Lax$/)]);
  expect(await (await browser.get("/accounts/profile/")).text()).toContain("visitor");

  await browser.post("/accounts/logout/", { csrfmiddlewaretoken: await browser.token("/accounts/profile/") });
  const thief = new Browser(url);
  thief.cookies.set("sessionid", stolen);
  expect((await thief.get("/accounts/profile/")).headers.get("location")).toBe("/accounts/login/?next=%2Faccounts%2Fprofile%2F");
});

test("behind HTTPS the cookies go over nothing else", async () => {
  const response = await new Browser(url).get("/accounts/login/", { "x-forwarded-proto": "https" });

  expect(response.headers.getSetCookie()[0]).toMatch(/Secure/);
});

test("a wrong password shows the form again, and names nobody", async () => {
  const browser = new Browser(url);
  const wrong = await browser.logIn("a-staff", "not the password");
  const unknown = await browser.logIn("nobody-of-that-name", "not the password");
  const text = (html: string, name: string) => html.replaceAll(/value="[^"]*"/g, "").replaceAll(name, "");

  expect([wrong.status, unknown.status]).toEqual([401, 401]);
  expect(text(await wrong.text(), "a-staff")).toBe(text(await unknown.text(), "nobody-of-that-name"));
});

test.each([
  "https://evil.example/",
  "//evil.example/",
  "/\\evil.example/",
  "javascript:alert(1)",
  "http:evil.example",
  "/%0d%0aset-cookie:x=1",
])("after a login nobody is sent to %s", async (next) => {
  const location = (await new Browser(url).logIn("a-login", PASSWORD, next)).headers.get("location") ?? "";

  expect(new URL(location, url).origin).toBe(url);
  expect(location).not.toMatch(/^\/\/|\\|[\r\n]/);
});

test("a form of another site logs nobody in", async () => {
  const browser = new Browser(url);
  const fields = { username: "a-login", password: PASSWORD, csrfmiddlewaretoken: "guessed" };

  expect((await browser.post("/accounts/login/", fields)).status).toBe(403);
  await browser.token("/accounts/login/");
  expect((await browser.post("/accounts/login/", fields)).status).toBe(403);
  expect(browser.cookies.has("sessionid")).toBe(false);
});

test("who is shut out is out at once", async () => {
  const userId = await addUser(site, "leaver", "admin");
  const token = await addToken(site, userId, "admin");
  const browser = new Browser(url);
  await browser.logIn("leaver");

  await disableUser(site, "leaver");

  expect((await browser.get("/accounts/profile/")).status).toBe(302);
  expect((await fetch(`${url}/api/v1/user-ls`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(401);
});

test("people register, an administrator lets them in on a page, and they come back", async () => {
  const stranger = new Browser(url);
  const csrfmiddlewaretoken = await stranger.token("/accounts/register/");
  const fields = { username: "newcomer", email: "new@example.org", csrfmiddlewaretoken };
  const differing = await stranger.post("/accounts/register/", { ...fields, password: PASSWORD, password_again: "other" });
  const asked = await stranger.post("/accounts/register/", { ...fields, password: PASSWORD, password_again: PASSWORD });
  expect([differing.status, asked.status]).toEqual([400, 200]);

  const admin = browsers.get("admin")!;
  const page = await admin.get("/admin/");
  expect(await page.text()).toContain("newcomer");
  const token = await admin.token("/admin/");
  const letIn = {
    name: "newcomer",
    role: "login",
    state: "active",
    confirm: "user_set",
    next: "/admin/",
    csrfmiddlewaretoken: token,
  };
  const answer = await admin.post("/mini_buildd/api/user_set/", letIn);
  expect([answer.status, answer.headers.get("location")]).toEqual([303, "/admin/"]);
  expect((await stranger.logIn("newcomer")).status).toBe(302);
  expect((await stranger.get("/admin/")).status).toBe(403);
});

async function askRest(operation: Operation, headers: Record<string, string> = {}): Promise<Response> {
  const path = `${url}/api/v1/${restPath(operation)}`;
  if (!operation.changesState) return fetch(`${path}?${query(operation)}`, { headers });
  return fetch(path, { method: "POST", body: JSON.stringify(operation.example), headers });
}

function cookieOf(browser: Browser): string {
  return `sessionid=${browser.cookies.get("sessionid") ?? ""}`;
}

function overSocket(operation: Operation): Promise<number> {
  return new Promise((resolve, reject) => {
    const isPost = operation.changesState;
    const path = `/api/v1/${restPath(operation)}${isPost ? "" : `?${query(operation)}`}`;
    const sent = request({ socketPath: site.controlSocketPath, method: isPost ? "POST" : "GET", path }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
    });
    sent.on("error", reject);
    sent.end(isPost ? JSON.stringify(operation.example) : undefined);
  });
}

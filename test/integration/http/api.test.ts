import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { operations, restPath } from "../../../src/operations/index.ts";
import { makeAptRoot } from "../../support/apt.ts";
import { fillSite, TestSite } from "../../support/site.ts";

let site: TestSite;
let ids: Awaited<ReturnType<typeof fillSite>>;
let url: string;

beforeAll(async () => {
  site = await TestSite.open();
  ids = await fillSite(site);
  url = await site.start();
});

afterAll(() => site?.close());

test("status has the original's JSON", async () => {
  expect(await json("/mini_buildd/api/status/?output=json&with_repositories=True")).toEqual({
    version: "0.1.0",
    identity: "example",
    url: "http://mini-buildd.example.org:8066",
    incoming_url: "ftp://mini-buildd.example.org:8067",
    load: 1,
    chroots: ["bookworm:amd64", "bookworm:arm64"],
    remotes: [],
    repositories: {
      test: {
        codenames: ["bookworm"],
        layout: expect.objectContaining({ unstable: { uploadable: true, experimental: false, migrates_to: "testing" } }),
      },
      team: expect.anything(),
    },
  });
});

test("sources_list has the original's text", async () => {
  const query =
    "codenames=bookworm&repositories=test&suites=unstable,testing&options=signed-by=/x&mirror=http://mirror.example.org/";

  expect(await json(`/mini_buildd/api/sources_list/?output=json&${query}`)).toBe(
    "deb [signed-by=/x] http://mirror.example.org/test bookworm-test-testing main\n" +
      "deb [signed-by=/x] http://mirror.example.org/test bookworm-test-unstable main\n",
  );
});

test("sources_list lists types and rollbacks", async () => {
  const text = await json(
    "/mini_buildd/api/sources_list/?output=json&repositories=test&suites=testing&types=deb,deb-src&rollbacks=2",
  );

  expect(String(text).split("\n")).toHaveLength(7);
  expect(text).toContain(
    "deb-src [] http://mini-buildd.example.org:8066/repositories/test bookworm-test-testing-rollback1 main\n",
  );
});

test("dput_conf and pub_key are plain text for those who ask so", async () => {
  expect(await (await fetch(`${url}/mini_buildd/api/dput_conf/?output=plain`)).text()).toBe(
    "[mini-buildd-example]\nmethod   = ftp\nfqdn     = mini-buildd.example.org:8067\nlogin    = anonymous\nincoming = /incoming\n",
  );
  expect(await (await fetch(`${url}/mini_buildd/api/pub_key/?output=plain`)).text()).toMatch(
    /^-----BEGIN PGP PUBLIC KEY BLOCK-----\n/,
  );
  expect(await json("/mini_buildd/api/dput_conf/?output=json&dput_ng_profile=True")).toContain('"method": "ftp"');
});

test("dput_conf begins with the administrator's etc/dput.cf, unless it is not wanted", async () => {
  await mkdir(join(site.home, "etc"), { recursive: true });
  await writeFile(join(site.home, "etc/dput.cf"), "[DEFAULT]\nprogress_indicator = 2\n");

  const whole = String(await json("/mini_buildd/api/dput_conf/?output=json"));
  const without = String(await json("/mini_buildd/api/dput_conf/?output=json&without_global=True"));
  await rm(join(site.home, "etc/dput.cf"));

  expect(whole).toBe(`[DEFAULT]\nprogress_indicator = 2\n\n${without}`);
  expect(without).toMatch(/^\[mini-buildd-example\]\n/);
});

test("sources_list as deb822 is what apt reads, with the key, or what the options say", async () => {
  const query = "repositories=test&suites=testing&types=deb,deb-src&rollbacks=1&with_comment=True&deb822=True";
  const own = String(await json(`/mini_buildd/api/sources_list/?output=json&${query}`));
  const options = encodeURIComponent("arch=amd64,arm64 signed-by=/x.gpg by-hash=force");
  const given = String(await json(`/mini_buildd/api/sources_list/?output=json&${query}&options=${options}`));

  expect(own).toContain("Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n");
  expect(given.split("\n").slice(0, 8)).toEqual([
    "# Example archive 'bookworm-test-testing': release n=bookworm-test-testing, o=Example archive",
    "Types: deb deb-src",
    "URIs: http://mini-buildd.example.org:8066/repositories/test",
    "Suites: bookworm-test-testing",
    "Components: main",
    "Architectures: amd64 arm64",
    "Signed-By: /x.gpg",
    "By-Hash: force",
  ]);
  const apt = await makeAptRoot({ sources: own, architecture: "amd64" });
  const uris = await apt.must("apt-get", "update", "--print-uris");
  await apt.dispose();
  for (const suite of ["bookworm-test-testing", "bookworm-test-testing-rollback0"])
    expect(uris).toContain(`'http://mini-buildd.example.org:8066/repositories/test/dists/${suite}/InRelease'`);
  const wrong = await fetch(`${url}/mini_buildd/api/sources_list/?output=json&deb822=True&options=nonsense`);
  expect([wrong.status, await wrong.text()]).toEqual([400, expect.stringContaining("is no option of APT sources")]);
});

test("who does not say what they want gets a page in a browser, and JSON elsewhere", async () => {
  const page = await fetch(`${url}/mini_buildd/api/status/`, { headers: { accept: "text/html" } });
  const text = await fetch(`${url}/mini_buildd/api/status/`);

  expect(page.headers.get("content-type")).toContain("text/html");
  expect(text.headers.get("content-type")).toContain("application/json");
});

test.each([
  ["/mini_buildd/api/ls/?output=json", 400, "Bad request syntax or unsupported method", "Missing required argument: source"],
  [
    "/mini_buildd/api/cancel/?output=json&bkey=x",
    401,
    "No permission -- see authorization schemes",
    "API call 'cancel' needs authorization: STAFF",
  ],
  [
    "/mini_buildd/api/catalog_apply/?output=json&confirm=catalog_apply",
    401,
    "No permission -- see authorization schemes",
    "API call 'catalog_apply' needs authorization: ADMIN",
  ],
  ["/mini_buildd/api/nonsense/", 404, "Nothing matches the given URI", "there is no API call 'nonsense'"],
  ["/nowhere", 404, "Nothing matches the given URI", "nothing answers to GET /nowhere"],
  ["/api/v1/status?nonsense=1", 400, "Bad request syntax or unsupported method", "'status' has no argument nonsense"],
  ["/api/v1/upload?upload=a/1/2", 404, "Nothing matches the given URI", "there is no upload a/1/2"],
  ["/api/v1/builds/a/1/2/amd64/log", 404, "Nothing matches the given URI", "there is no build a/1/2/amd64"],
  ["/mini_buildd/repositories/none/", 404, "Nothing matches the given URI", "there is no repository none"],
  ["/mini_buildd/events/?before=x", 400, "Bad request syntax or unsupported method", "before is no number: x"],
])("GET %s answers %i with problem details", async (path, status, title, detail) => {
  const response = await fetch(url + path);

  expect(response.status).toBe(status);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(await response.json()).toMatchObject({
    type: "about:blank",
    status,
    title,
    detail,
    instance: "about:blank",
    code: expect.any(String),
  });
});

test.each([
  "/mini_buildd/uploads/%zz/%ff/..%2f../",
  "/mini_buildd/uploads/%00/1/2/",
  "/mini_buildd/repositories/%2e%2e/",
  "/mini_buildd/repositories/test/dists/%3Cscript%3E/",
  "/api/v1/builds/..%2f..%2fetc/1/2/passwd/log",
  "/mini_buildd/api/__proto__/",
  "/mini_buildd/api/ls/?source=__proto__&repositories=constructor&output=json",
  "/mini_buildd/events/%27%22%3E%3Cimg%20src=x%3E/",
  "/static/app/constructor",
])("GET %s, made up by somebody hostile, is no fault of the server's", async (path) => {
  for (const accept of ["text/html", "application/json"]) {
    const response = await fetch(url + path, { headers: { accept } });

    expect(response.status).toBeLessThan(500);
    if (response.headers.get("content-type")?.startsWith("text/html")) {
      expect(await response.text()).not.toMatch(/<img src=x|<script>/);
    }
  }
});

test("a wrong address shows a page to a browser", async () => {
  const response = await fetch(`${url}/nowhere`, { headers: { accept: "text/html" } });

  expect(response.status).toBe(404);
  expect(await response.text()).toContain("nothing answers to GET /nowhere");
});

test("every operation is refused on TCP unless it is open to everybody, on both interfaces", async () => {
  for (const operation of operations.filter((candidate) => candidate.access !== "none")) {
    const init = operation.changesState ? { method: "POST", body: JSON.stringify(operation.example) } : {};
    const query = operation.changesState ? "" : `?${new URLSearchParams(operation.example).toString()}`;

    expect((await fetch(`${url}/api/v1/${restPath(operation)}${query}`, init)).status).toBe(401);
    expect(
      (
        await fetch(
          `${url}/mini_buildd/api/${operation.name}/?confirm=${operation.name}&${new URLSearchParams(operation.example).toString()}`,
        )
      ).status,
    ).toBe(401);
  }
  expect(site.acts).toEqual([]);
});

test("the control socket is its owner's alone, who may do everything", async () => {
  expect((await stat(site.controlSocketPath)).mode & 0o777).toBe(0o600);

  const answer = await overSocket("POST", "/api/v1/cancel", JSON.stringify({ bkey: "hello/1/2/amd64" }));

  expect(answer).toEqual({ status: 200, body: '"hello/1/2/amd64"' });
  expect(site.acts).toEqual(["cancel hello/1/2/amd64 by the control socket"]);
});

test("the original's call wants its name once more before it changes something", async () => {
  const path = "/mini_buildd/api/catalog_apply/?output=json";

  expect(await overSocket("GET", path)).toMatchObject({
    status: 400,
    body: expect.stringContaining("API call 'catalog_apply' needs to be confirmed: catalog_apply"),
  });
  expect(await overSocket("GET", `${path}&confirm=catalog_apply`)).toMatchObject({ status: 200 });
  expect(site.acts.at(-1)).toBe("apply withLoss=false by the control socket");
});

test("a body that is no JSON object, or too large, is refused", async () => {
  expect(await overSocket("POST", "/api/v1/cancel", "[1]")).toMatchObject({
    status: 400,
    body: expect.stringContaining("BODY_INVALID"),
  });
  expect(await overSocket("POST", "/api/v1/cancel", "x".repeat(2 * 1024 ** 2))).toMatchObject({
    status: 400,
    body: expect.stringContaining("BODY_TOO_LARGE"),
  });
});

test("results are what the definitions say", async () => {
  const answers: Record<string, Record<string, string>> = {
    status: { with_repositories: "true" },
    events: { types: "all" },
    upload: { upload: ids.failedUpload },
    ls: { source: "hello000" },
    show: { source: "hello000" },
    pub_key: {},
    dput_conf: {},
    sources_list: {},
  };
  for (const [name, args] of Object.entries(answers)) {
    const operation = operations.find((candidate) => candidate.name === name)!;
    const result = await json(`/api/v1/${restPath(operation)}?${new URLSearchParams(args).toString()}`);

    expect(operation.result.safeParse(result)).toEqual({ success: true, data: result });
  }
});

test("OpenAPI describes every operation", async () => {
  const document = (await json("/api/v1/openapi.json")) as { paths: Record<string, unknown> };

  expect(Object.keys(document.paths)).toEqual(
    expect.arrayContaining(operations.map((operation) => `/api/v1/${restPath(operation)}`)),
  );
});

test("an answer that is known already is not sent again, and another one is", async () => {
  const first = await fetch(`${url}/api/v1/ls?source=hello000`);
  const tag = first.headers.get("etag") ?? "";

  const known = await fetch(`${url}/api/v1/ls?source=hello000`, { headers: { "if-none-match": `"x", W/${tag}` } });
  const other = await fetch(`${url}/api/v1/ls?source=hello001`, { headers: { "if-none-match": tag } });

  expect(first.headers.get("cache-control")).toBe("private, no-cache");
  expect([known.status, await known.text()]).toEqual([304, ""]);
  expect(other.status).toBe(200);
});

test.each([
  ["/api/v1/events?types=all&limit=2", (page: { events: { id: number }[] }) => page.events.map(({ id }) => String(id))],
  ["/api/v1/search?pattern=hello0&limit=7", (page: object) => Object.keys(page)],
] as const)("%s is read to its end by following Link", async (start, keysOf) => {
  const keys: string[] = [];
  let pages = 0;
  for (let next: string | undefined = start; next !== undefined; pages += 1) {
    const answer: Response = await fetch(url + next);
    keys.push(...keysOf((await answer.json()) as never));
    next = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get("link") ?? "")?.[1];
  }

  const whole = await json(start.replace(/limit=[0-9]+/, start.includes("events") ? "limit=500" : "limit=100"));
  expect(keys).toEqual(keysOf(whole as never));
  expect(pages).toBeGreaterThan(2);
});

test("a change without a body, as of curl -X POST, has no arguments; one of unknown length is refused", async () => {
  const empty = await fetch(`${url}/api/v1/cancel`, { method: "POST" });
  const endless = await new Promise<number | undefined>((resolve, reject) => {
    const sent = request(`${url}/api/v1/cancel`, { method: "POST" }, (answer) => resolve(answer.resume().statusCode));
    sent.once("error", reject);
    sent.write("{");
    sent.end("}");
  });

  expect([empty.status, endless]).toEqual([401, 411]);
});

test("a method that an address does not answer to is said, with those it does", async () => {
  const answer = await fetch(`${url}/api/v1/status`, { method: "DELETE" });

  expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  expect(await answer.json()).toMatchObject({ code: "METHOD_NOT_ALLOWED", status: 405 });
});

test("pages allow no script, style or frame but ours", async () => {
  const page = await fetch(`${url}/mini_buildd/events/`);
  const text = await page.text();

  expect(page.headers.get("content-security-policy")).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
  expect(page.headers.get("x-content-type-options")).toBe("nosniff");
  expect(text).not.toMatch(/<script(?![^>]* src=)|<style|\son[a-z]+=|\sstyle=/);
});

test("every page has the same as JSON", async () => {
  const paths = [
    "/mini_buildd/events/",
    "/mini_buildd/events/broken/",
    "/mini_buildd/uploads/",
    `/mini_buildd/uploads/${ids.failedUpload}/`,
    "/mini_buildd/repositories/",
    "/mini_buildd/repositories/test/",
    "/mini_buildd/repositories/test/dists/bookworm-test-unstable/",
    "/mini_buildd/help/upload/",
  ];
  for (const path of paths) {
    const byQuery = await fetch(`${url}${path}?output=json`);
    const byAccept = await fetch(url + path, { headers: { accept: "application/json" } });

    expect([path, byQuery.status, byQuery.headers.get("content-type")]).toEqual([path, 200, "application/json"]);
    expect(await byAccept.json()).toEqual(await byQuery.json());
    expect(byAccept.headers.get("vary")).toContain("Accept");
  }
});

test("a repository's page has the APT source of each distribution, key included, and the way to upload", async () => {
  const page = await (await fetch(`${url}/mini_buildd/repositories/test/`)).text();

  for (const suite of ["unstable", "testing", "stable"]) expect(page).toContain(`Suites: bookworm-test-${suite}\n`);
  expect(page).toContain("Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----");
  expect(page).toContain("[mini-buildd-example]");
});

test.each(["/", "/mini_buildd/"])("%s leads to the events", async (path) => {
  const response = await fetch(url + path, { redirect: "manual" });

  expect(response.headers.get("location")).toBe("/mini_buildd/events/");
});

test("static files are kept for ever at an address with their hash", async () => {
  const page = await (await fetch(`${url}/mini_buildd/events/`)).text();
  const address = /href="(\/static\/app\/style\.css\?v=[0-9a-f]+)"/.exec(page)?.[1] ?? "";

  const file = await fetch(url + address);

  expect(file.headers.get("cache-control")).toContain("immutable");
  expect(await fetch(url + address, { headers: { "if-none-match": file.headers.get("etag") ?? "" } })).toMatchObject({
    status: 304,
  });
  expect((await fetch(`${url}/static/app/style.css?v=old`)).headers.get("cache-control")).toBe("no-cache");
  expect((await fetch(`${url}/static/app/..%2fpages.tsx`)).status).toBe(404);
});

async function json(path: string): Promise<unknown> {
  const response = await fetch(url + path);
  expect(response.status).toBe(200);
  return response.json();
}

function overSocket(method: string, path: string, body = ""): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { socketPath: site.controlSocketPath, method, path, headers: { "content-type": "application/json" } },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode, body: text }));
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

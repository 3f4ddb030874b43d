import { link, mkdir, mkdtemp, readdir, readlink, rename, rm, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createDeliveryHandler } from "../../../src/http/index.ts";
import { runCommand } from "../../../src/runtime/index.ts";
import { type AptRoot, aptSource, makeAptRoot } from "../../support/apt.ts";
import { distributionSettings, makeTestArchive, type TestArchive } from "../../support/archive.ts";
import { makeDeb, makeSource } from "../../support/packages.ts";

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Served {
  readonly server: Server;
  readonly port: number;
  readonly requests: { path: string; status: number; headers: IncomingHttpHeaders }[];
}

const OLD = new Date("2026-01-02T03:04:05Z");
const OLD_TEXT = "Fri, 02 Jan 2026 03:04:05 GMT";

async function serve(repositoriesPath: string): Promise<Served> {
  const requests: Served["requests"] = [];
  const handle = createDeliveryHandler({ repositoriesPath });
  const server = createServer((incoming, response) => {
    response.on("close", () =>
      requests.push({ path: incoming.url ?? "", status: response.statusCode, headers: incoming.headers }),
    );
    const passOn = (isTaken: boolean): void => {
      if (!isTaken) response.writeHead(599).end();
    };
    Promise.resolve(handle(incoming, response)).then(passOn, (error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return { server, port: (server.address() as AddressInfo).port, requests };
}

async function stop({ server }: Served): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

/** Sends the path as it is: fetch would tidy it up. */
function ask(served: Served, path: string, options: { method?: string; headers?: Record<string, string> } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ port: served.port, host: "127.0.0.1", path, agent: false, ...options }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    asked.on("error", reject);
    asked.end();
  });
}

describe("the delivery of files", () => {
  let root: string;
  let served: Served;
  const small = Buffer.from("0123456789");
  const large = Buffer.from(Array.from({ length: 1_500_000 }, (_, index) => (index * 7919) & 255));

  beforeEach(async () => {
    const home = await mkdtemp(join(tmpdir(), "mbd-delivery-"));
    root = join(home, "repositories");
    await mkdir(join(root, "test/generations/d/1/main/by-hash/SHA256"), { recursive: true });
    await mkdir(join(root, "test/dists"));
    await mkdir(join(root, "test/pool/main/g/g++"), { recursive: true });
    await mkdir(join(root, "test/conf"));
    await symlink("../generations/d/1", join(root, "test/dists/d"));
    for (const [name, content] of [
      ["test/generations/d/1/InRelease", small],
      ["test/generations/d/1/main/by-hash/SHA256/abc", small],
      ["test/pool/main/g/g++/g++_1.0~b+1_all.deb", large],
      ["test/conf/distributions", "secret"],
      ["../secret", "secret"],
    ] as const) {
      await writeFile(join(root, name), content);
      await utimes(join(root, name), OLD, OLD);
    }
    served = await serve(root);
  });

  afterEach(async () => {
    await stop(served);
    await rm(join(root, ".."), { recursive: true });
  });

  const IN_RELEASE = "/repositories/test/dists/d/InRelease";
  const DEB = "/repositories/test/pool/main/g/g++/g++_1.0~b+1_all.deb";

  test("sends small and large files whole, the first time and from memory, with validators and the caching they may have", async () => {
    for (let round = 0; round < 2; round++) {
      const release = await ask(served, IN_RELEASE);
      expect(release).toMatchObject({ status: 200, body: small });
      expect(release.headers).toMatchObject({
        "content-length": "10",
        "last-modified": OLD_TEXT,
        etag: expect.stringMatching(/^"/),
        "accept-ranges": "bytes",
        "cache-control": "no-cache",
        "content-type": "text/plain; charset=utf-8",
      });
      const deb = await ask(served, DEB);
      expect(deb.status).toBe(200);
      expect(deb.body.equals(large)).toBe(true);
      expect(deb.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
      expect(deb.headers["content-type"]).toBe("application/vnd.debian.binary-package");
      const byHash = await ask(served, "/repositories/test/dists/d/main/by-hash/SHA256/abc");
      expect(byHash.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    }
  });

  test("takes percent signs in + and ~ names for what they are", async () => {
    const encoded = DEB.replaceAll("+", "%2B").replaceAll("~", "%7e");

    expect((await ask(served, encoded)).body.length).toBe(large.length);
  });

  test("answers HEAD with the headers of GET and no body", async () => {
    for (const path of [IN_RELEASE, DEB, IN_RELEASE]) {
      const { date: _date, ...get } = (await ask(served, path)).headers;
      const head = await ask(served, path, { method: "HEAD", headers: { range: "bytes=0-1" } });
      const { date: _headDate, ...headHeaders } = head.headers;

      expect(head).toMatchObject({ status: 200, body: Buffer.alloc(0) });
      expect(headHeaders).toEqual(get);
    }
  });

  test.each([IN_RELEASE, DEB])("sends parts of %s: first, middle, last bytes", async (path) => {
    const whole = path === DEB ? large : small;
    for (const [header, first, last] of [
      ["bytes=0-3", 0, 3],
      ["bytes=4-", 4, whole.length - 1],
      ["bytes=-4", whole.length - 4, whole.length - 1],
      ["bytes=2-99999999", 2, whole.length - 1],
    ] as const) {
      const part = await ask(served, path, { headers: { range: header } });

      expect(part.status).toBe(206);
      expect(part.headers["content-range"]).toBe(`bytes ${first}-${last}/${whole.length}`);
      expect(part.headers["content-length"]).toBe(String(last - first + 1));
      expect(part.body.equals(whole.subarray(first, last + 1))).toBe(true);
    }
  });

  test("refuses a range outside of the file with its size; ignores ranges it does not know", async () => {
    const outside = await ask(served, IN_RELEASE, { headers: { range: "bytes=10-" } });
    expect(outside).toMatchObject({ status: 416, body: Buffer.alloc(0) });
    expect(outside.headers["content-range"]).toBe("bytes */10");

    for (const range of ["bytes=0-1,3-4", "lines=1-2", "bytes=5-4"]) {
      expect(await ask(served, IN_RELEASE, { headers: { range } })).toMatchObject({ status: 200, body: small });
    }
  });

  test("honours If-Range: a part of this very content, else all of the new one", async () => {
    const etag = (await ask(served, DEB)).headers.etag!;
    const range = "bytes=100-199";

    for (const validator of [etag, OLD_TEXT]) {
      expect((await ask(served, DEB, { headers: { range, "if-range": validator } })).status).toBe(206);
    }
    for (const validator of [`W/${etag}`, '"other"', "Fri, 02 Jan 2026 03:04:06 GMT"]) {
      const all = await ask(served, DEB, { headers: { range, "if-range": validator } });
      expect(all.status).toBe(200);
      expect(all.body.length).toBe(large.length);
    }
  });

  test("says 304, with validators and no body, to who has it", async () => {
    for (const path of [IN_RELEASE, DEB]) {
      const { etag } = (await ask(served, path)).headers;
      for (const headers of [{ "if-none-match": etag! }, { "if-modified-since": OLD_TEXT }]) {
        const answer = await ask(served, path, { headers });
        expect(answer).toMatchObject({ status: 304, body: Buffer.alloc(0) });
        expect(answer.headers).toMatchObject({ etag, "last-modified": OLD_TEXT, "cache-control": expect.any(String) });
        expect(answer.headers["content-type"]).toBeUndefined();
      }
      expect((await ask(served, path, { headers: { "if-match": '"other"' } })).status).toBe(412);
    }
  });

  test("sends the new content at the very moment the distribution is switched, also from memory", async () => {
    await ask(served, IN_RELEASE);
    const before = (await ask(served, IN_RELEASE)).headers.etag!;
    await mkdir(join(root, "test/generations/d/2"));
    await writeFile(join(root, "test/generations/d/2/InRelease"), "9876543210");
    await utimes(join(root, "test/generations/d/2/InRelease"), OLD, OLD);
    await symlink("../generations/d/2", join(root, "test/dists/d.tmp"));
    await rename(join(root, "test/dists/d.tmp"), join(root, "test/dists/d"));

    const after = await ask(served, IN_RELEASE, { headers: { "if-none-match": before } });

    expect(after).toMatchObject({ status: 200, body: Buffer.from("9876543210") });
  });

  test("a file that was removed is gone, also from memory", async () => {
    await ask(served, IN_RELEASE);
    await rm(join(root, "test/generations/d/1/InRelease"));

    expect((await ask(served, IN_RELEASE)).status).toBe(404);
  });

  test("links inside the tree are followed, links out of it are not there", async () => {
    await symlink("../../../secret", join(root, "test/pool/out"));
    await symlink("/etc", join(root, "test/pool/etc"));
    await symlink("../dists/d/InRelease", join(root, "test/pool/in"));
    await link(join(root, "test/generations/d/1/InRelease"), join(root, "test/pool/hard"));

    for (const path of ["out", "etc/passwd", "etc/", "etc"]) {
      const answer = await ask(served, `/repositories/test/pool/${path}`);
      expect(answer.status).not.toBe(200);
      expect(answer.body.toString()).not.toMatch(/secret|root:/);
    }
    expect((await ask(served, "/repositories/test/pool/in")).body).toEqual(small);
    expect((await ask(served, "/repositories/test/pool/hard")).body).toEqual(small);
  });

  test.each([
    ["/repositories/test/dists/../../../secret", 400],
    ["/repositories/..%2fsecret", 400],
    ["/repositories/%2e%2e/secret", 400],
    ["/repositories/test/pool/%00", 400],
    ["/repositories/test/conf/distributions", 404],
    ["/repositories/test/generations/d/1/InRelease", 404],
    ["/repositories/test/pool/nothing", 404],
    ["/repositories/test/dists/d/InRelease/", 404],
    ["/repositories/test/dists/d/InRelease/x", 404],
    ["/repositories/nope/dists/", 404],
    [`/repositories/test/pool/${"x".repeat(300)}`, 404],
    ["/repositoriesx", 599],
    ["/mini_buildd/", 599],
  ])("answers %s with %i", async (path, status) => {
    const answer = await ask(served, path);

    expect(answer.status).toBe(status);
    expect(answer.body.toString()).not.toContain("secret");
  });

  test("a FIFO in the tree hangs nobody", async () => {
    await runCommand({ argv: ["mkfifo", join(root, "test/pool/fifo")] });

    expect((await ask(served, "/repositories/test/pool/fifo")).status).toBe(404);
  });

  test.each([
    ["/repositories/test/pool/nothing", 404, "PATH_NOT_FOUND"],
    ["/repositories/%2e%2e/secret", 400, "PATH_INVALID"],
    ["/repositories/test/snapshot/yesterday/dists/d/InRelease", 404, "PATH_NOT_FOUND"],
  ])("tells why %s is not there: programs as a problem with a code, apt and people as text", async (path, status, code) => {
    const problem = await ask(served, path, { headers: { accept: "application/problem+json" } });
    const text = await ask(served, path, { headers: { accept: "text/*" } });

    expect([problem.status, problem.headers["content-type"]]).toEqual([status, "application/problem+json"]);
    const details = JSON.parse(problem.body.toString()) as { detail: string };
    expect(details).toMatchObject({ type: "about:blank", status, code, title: expect.any(String) });
    expect([text.status, text.headers["content-type"]]).toEqual([status, "text/plain; charset=utf-8"]);
    expect(text.body.toString()).toContain(details.detail);
    expect(text.body.toString()).toContain(`(${code})`);
    expect([problem.headers["vary"], text.headers["vary"]]).toEqual(["Accept", "Accept"]);
  });

  test.each(["POST", "PUT", "DELETE", "OPTIONS"])("refuses %s", async (method) => {
    const answer = await ask(served, IN_RELEASE, { method });

    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe("GET, HEAD");
  });

  test("lists directories, names escaped, repositories' private parts not shown", async () => {
    await writeFile(join(root, "test/pool/<script>&\"'x"), "");
    await writeFile(join(root, "test/pool/javascript:x"), "");

    const pool = await ask(served, "/repositories/test/pool/");
    const repository = (await ask(served, "/repositories/test/")).body.toString();

    expect(pool.headers["content-type"]).toMatch(/^text\/html/);
    expect(pool.body.toString()).not.toContain("<script>");
    expect(pool.body.toString()).toContain('<a href="./javascript%3Ax">');
    expect(pool.body.toString()).toContain('<a href="./main/">main/</a>');
    expect(repository).toMatch(/dists[\s\S]*pool/);
    expect(repository).not.toMatch(/conf|generations/);
    expect((await ask(served, "/repositories/")).body.toString()).toContain('<a href="./test/">');
    expect(await ask(served, "/repositories/test/dists/d")).toMatchObject({
      status: 301,
      headers: { location: "/repositories/test/dists/d/" },
    });
  });

  test("a client that leaves in the middle leaves no open file", async () => {
    await truncate(join(root, "test/pool/main/g/g++/g++_1.0~b+1_all.deb"), 500 * 1024 ** 2);
    await new Promise<void>((resolve, reject) => {
      const asked = request({ port: served.port, host: "127.0.0.1", path: DEB, agent: false }, (response) => {
        response.once("data", () => {
          asked.destroy();
          resolve();
        });
      });
      asked.on("error", reject);
      asked.end();
    });

    await vi.waitFor(async () => expect(await openFiles(root)).toEqual([]), { timeout: 5_000 });
  });
});

async function openFiles(below: string): Promise<string[]> {
  const names = await readdir("/proc/self/fd");
  const targets = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => "")));
  return targets.filter((target) => target.startsWith(below));
}

describe("the real apt and curl", () => {
  let site: TestArchive;
  let served: Served;
  let apt: AptRoot;
  const NAME = "bookworm-test-unstable";

  beforeEach(async () => {
    site = await makeTestArchive();
    await site.ensure(distributionSettings(NAME));
    const scratch = join(site.homePath, "scratch");
    await mkdir(scratch);
    const filler = Array.from({ length: 60_000 }, (_, index) => `${(index * 2654435761) >>> 0}`).join("\n");
    const version = "1:2.0~rc1+b-1";
    await site.install(NAME, {
      source: await makeSource(scratch, { name: "libg++-x", version }),
      debs: [
        await makeDeb(scratch, {
          name: "g++-x",
          source: "libg++-x",
          version,
          architecture: "amd64",
          files: { "usr/share/filler": filler },
        }),
      ],
    });
    await site.archive.untilPublished();
    served = await serve(join(site.homePath, "repositories"));
    const uri = `http://127.0.0.1:${served.port}/repositories/test`;
    apt = await makeAptRoot({
      sources: aptSource({ uri, suites: [NAME], components: ["main"], armoredKey: site.key.armoredPublicKey() }),
    });
  });

  afterEach(async () => {
    await apt.dispose();
    await stop(served);
    await site.dispose();
  });

  test("apt updates, hears 304 the second time, and sees a new publication at once", async () => {
    // As if some time had gone by: until a file's second is over, its date is not good enough to tell it apart.
    await utimes(join(site.homePath, "repositories/test/dists", NAME, "InRelease"), OLD, OLD);
    await apt.must("apt-get", "update");
    served.requests.length = 0;

    await apt.must("apt-get", "update");

    expect(served.requests).toMatchObject([{ path: expect.stringContaining("InRelease"), status: 304 }]);
    expect(served.requests[0]?.headers["if-modified-since"]).toBe(OLD_TEXT);

    await site.install(NAME, {
      debs: [await makeDeb(join(site.homePath, "scratch"), { name: "second", architecture: "amd64" })],
    });
    await site.archive.untilPublished();
    await apt.must("apt-get", "update");
    expect(await apt.must("apt-cache", "policy", "second")).toContain("Candidate: 1.0-1");
  });

  test("apt goes on with a download that was cut off, by a range", async () => {
    await apt.must("apt-get", "update");
    await apt.must("apt-get", "install", "--download-only", "g++-x");
    const archives = join(apt.path, "cache/archives");
    const [deb] = (await readdir(archives)).filter((name) => name.endsWith(".deb"));
    await rename(join(archives, deb!), join(archives, "partial", deb!));
    await truncate(join(archives, "partial", deb!), 10_000);
    await utimes(join(archives, "partial", deb!), OLD, OLD);
    const published = decodeURIComponent(served.requests.at(-1)!.path);
    await utimes(join(site.homePath, published), OLD, OLD);
    served.requests.length = 0;

    await apt.must("apt-get", "install", "--download-only", "g++-x");

    expect(served.requests).toMatchObject([{ status: 206, headers: { range: "bytes=10000-", "if-range": OLD_TEXT } }]);
    expect(await readdir(archives)).toContain(deb);
  });

  test("apt gets the source, with + and ~ in its names", async () => {
    await apt.must("apt-get", "update");

    await apt.must("apt-get", "source", "--download-only", "libg++-x");

    expect(await readdir(join(apt.path, "work"))).toContain("libg++-x_2.0~rc1+b-1.dsc");
  });

  test("curl continues a file, and says that a complete one has no more bytes", async () => {
    const url = `http://127.0.0.1:${served.port}/repositories/test/dists/${NAME}/InRelease`;
    const run = (...args: string[]) =>
      runCommand({ argv: ["curl", "--silent", "--noproxy", "*", "-w", "%{http_code}", "-o", "/dev/null", ...args, url] });

    expect((await run("--continue-at", "10")).stdout.toString()).toBe("206");
    expect((await run("--continue-at", "10000000")).stdout.toString()).toBe("416");
    expect((await run("--head")).stdout.toString()).toBe("200");
  });
});

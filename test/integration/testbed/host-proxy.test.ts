import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runCommand } from "../../../src/runtime/index.ts";
import { hostAcquireOptions } from "../../../src/testbed/host-apt.ts";

/** Port 9 of this machine: nobody listens there. */
const DEAD_PROXY = 'Acquire::http::Proxy "http://127.0.0.1:9/";\nAcquire::Retries "0";\n';

let directory: string;
let server: Server;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "mbd-proxy-"));
  await writeFile(join(directory, "apt.conf"), DEAD_PROXY);
  server = createServer((_request, response) => response.end("ours\n"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterEach(async () => {
  server.close();
  await rm(directory, { recursive: true });
});

test.each(["127.0.0.1", "localhost"])("apt reaches our own repositories at %s past a dead proxy", async (host) => {
  const options = await hostAcquireOptions(join(directory, "apt.conf"));

  expect(options).toContain("Acquire::http::Proxy=http://127.0.0.1:9/");
  expect(await download(host, options)).toBe("ours\n");
});

test("the host's proxy is used for everything else", async () => {
  const options = await hostAcquireOptions(join(directory, "apt.conf"));
  const withoutDirect = options.filter((option) => !option.endsWith("=DIRECT"));

  expect(await download("127.0.0.1", withoutDirect)).toMatch(/connect to 127\.0\.0\.1:9/);
});

/** The content, or what apt said. */
async function download(host: string, options: readonly string[]): Promise<string> {
  const target = join(directory, "fetched");
  const url = `http://${host}:${(server.address() as AddressInfo).port}/x`;
  const argv = ["/usr/lib/apt/apt-helper", ...options.flatMap((option) => ["-o", option]), "download-file", url, target] as const;
  const ended = await runCommand({ argv, timeoutMs: 60_000 });
  return ended.exitCode === 0 ? readFile(target, "utf8") : Buffer.concat([ended.stdout, ended.stderr]).toString("utf8");
}

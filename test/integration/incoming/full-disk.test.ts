import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startIncoming } from "./incoming-process.ts";
import { FtpClient, putStatus } from "./senders.ts";

/** A mount namespace of its own, in which quarantine is a file system of 2 MiB. */
const WITH_SMALL_QUARANTINE = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec"];

test("a disk that is really full refuses the file with a reason; the next one that fits is taken", async () => {
  const home = await mkdtemp(join(tmpdir(), "mbd-full-"));
  await mkdir(join(home, "quarantine"));
  const script = `mount -t tmpfs -o size=2m none '${home}/quarantine'; exec "$@"`;
  const incoming = await startIncoming(home, [...WITH_SMALL_QUARANTINE, script, "sh"]);
  try {
    const large = Buffer.alloc(5 * 1024 ** 2, "x");
    const client = await FtpClient.login(incoming.ports.ftpPort);

    expect(await client.store("large.tar", large)).toMatch(/^452 the disk /);
    expect(await putStatus(incoming.ports, "large.tar", large)).toBe(507);

    expect(await client.store("small.tar", large.subarray(0, 1_500_000))).toMatch(/^226 /);
    expect(await putStatus(incoming.ports, "second.tar", large.subarray(0, 1_500_000))).toBe(507);
    expect(await putStatus(incoming.ports, "tiny.tar", large.subarray(0, 1000))).toBe(201);
    client.close();
  } finally {
    await incoming.kill();
    await rm(home, { recursive: true });
  }
});

import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { AppError } from "../../../src/runtime/index.ts";
import { engines } from "../../support/database.ts";
import { changesName, makeChangesText, makeSource, writeMadeFile } from "../../support/packages.ts";
import { expectDelivered, expectQuarantine, makeUpload, quarantineNames, useIncomingSite, WAIT } from "./incoming-site.ts";
import { type Protocol, sendBytes, sendFile, sendHalf } from "./senders.ts";

const HOUR_MS = 60 * 60 * 1000;
const OTHER: Readonly<Record<Protocol, Protocol>> = { ftp: "http", http: "ftp" };

/** What every protocol must do; one suite, run over each. */
const CASES = (["ftp", "http"] as const).flatMap((protocol) => engines.map((engine) => ({ protocol, engine })));
describe.each(CASES)("a delivery over $protocol, kept in $engine,", ({ protocol, engine }) => {
  const site = useIncomingSite({ engine });

  test("may come in any order, the .changes first", async () => {
    const upload = await makeUpload(site);

    for (const name of upload.names.toReversed()) await sendFile(site, protocol, upload.directory, name);

    await expectDelivered(site, 1);
    await expectQuarantine(site, []);
  });

  test("cut off in the middle of a file leaves nothing of it, and can be sent again over the other protocol", async () => {
    const upload = await makeUpload(site);
    const [first, second] = upload.names as [string, string];
    await sendFile(site, protocol, upload.directory, first);

    await sendHalf(site, protocol, second, Buffer.alloc(1_000_000, "x"));

    await expectQuarantine(site, [first]);
    for (const name of upload.names) await sendFile(site, OTHER[protocol], upload.directory, name);
    await expectDelivered(site, 1);
    expect(site.deliveries[0]?.files).toHaveLength(upload.names.length - 1);
  });

  test("split over connections and protocols is one delivery", async () => {
    const upload = await makeUpload(site);
    const [first, ...rest] = upload.names as [string, ...string[]];

    await sendFile(site, OTHER[protocol], upload.directory, first);
    for (const name of rest) await sendFile(site, protocol, upload.directory, name);

    await expectDelivered(site, 1);
  });

  test("of two strangers that use the same names: both get their own files", async () => {
    const one = await makeUpload(site, { upstreamText: "one" });
    const two = await makeUpload(site, { upstreamText: "two", debianText: "two" });

    for (const index of one.names.keys()) {
      await sendFile(site, protocol, one.directory, one.names[index]!);
      await sendFile(site, protocol, two.directory, two.names[index]!);
    }

    await expectDelivered(site, 2);
    for (const upload of [one, two]) {
      const hashes = [upload.source.dsc, ...upload.source.files].map((file) => file.sha256).sort();
      expect(site.deliveries.map((delivery) => delivery.files.map((file) => file.sha256).sort())).toContainEqual(hashes);
    }
    await expectQuarantine(site, []);
  });

  test("of two strangers that share an orig: the first to finish does not take it from the other", async () => {
    const one = await makeUpload(site, { version: "1.0-1" });
    const two = await makeUpload(site, { version: "1.0-2" });
    for (const name of [...one.names.slice(0, -1), ...two.names.slice(0, -1)]) {
      await sendFile(site, protocol, one.names.includes(name) ? one.directory : two.directory, name);
    }
    const orig = two.names.find((name) => name.includes(".orig."))!;
    await sendFile(site, protocol, two.directory, orig);

    await sendFile(site, protocol, one.directory, one.changesName);
    await expectDelivered(site, 1);
    await sendFile(site, protocol, two.directory, two.changesName);

    await expectDelivered(site, 2);
  });

  test("that lacks a file is announced as waiting, and rejected with the file's name when its time is over", async () => {
    const upload = await makeUpload(site);
    const missing = upload.source.files[0]!.name;
    for (const name of upload.names.filter((name) => name !== missing)) await sendFile(site, protocol, upload.directory, name);
    await site.worker.idle();
    expect(await site.events()).toMatchObject([{ type: "delivery", source: "hello", data: { outcome: "waiting" } }]);

    site.clock.advance(HOUR_MS);
    await site.worker.idle();

    expect((await site.events()).at(-1)).toMatchObject({
      type: "REJECTED",
      source: "hello",
      version: "1.0-1",
      distribution: "bookworm-test-unstable",
      data: { problems: [{ code: "DELIVERY_FILE_MISSING", message: expect.stringContaining(missing) }] },
    });
    await expectQuarantine(site, []);
  });

  test("with a tarball of other content is rejected within seconds, with both hashes", async () => {
    const upload = await makeUpload(site);
    const tarball = upload.source.files[0]!;
    await writeFile(tarball.path, "tampered");
    for (const name of upload.names) await sendFile(site, protocol, upload.directory, name);
    await site.worker.idle();

    site.clock.advance(10_000);
    await site.worker.idle();

    const problem = { code: "DELIVERY_FILE_DIFFERS", message: expect.stringContaining(tarball.sha256) };
    expect((await site.events()).at(-1)).toMatchObject({ type: "REJECTED", data: { problems: [problem] } });
    expect(site.deliveries).toEqual([]);
  });

  test("whose wrong tarball is replaced in time is accepted", async () => {
    const upload = await makeUpload(site);
    const tarball = upload.source.files[0]!;
    await sendBytes(site, protocol, tarball.name, Buffer.from("tampered"));
    for (const name of upload.names.filter((name) => name !== tarball.name))
      await sendFile(site, protocol, upload.directory, name);
    await site.worker.idle();

    await sendFile(site, protocol, upload.directory, tarball.name);

    await expectDelivered(site, 1);
  });

  test("that repeats an accepted .changes without its files is answered as a duplicate", async () => {
    const upload = await makeUpload(site);
    for (const name of upload.names) await sendFile(site, protocol, upload.directory, name);
    await expectDelivered(site, 1);

    await sendFile(site, protocol, upload.directory, upload.changesName);
    await site.worker.idle();

    expect((await site.events()).at(-1)?.data).toMatchObject({ outcome: "duplicate", changes: upload.changesName });
    await expectQuarantine(site, []);
  });

  test("without a .changes ends as an event that names the files", async () => {
    const upload = await makeUpload(site);
    await sendFile(site, protocol, upload.directory, upload.names[0]!);

    site.clock.advance(HOUR_MS);
    await site.worker.idle();

    const problem = { code: "DELIVERY_CHANGES_MISSING", message: expect.stringContaining(upload.names[0]!) };
    expect(await site.events()).toMatchObject([{ type: "delivery", data: { outcome: "unclaimed", problems: [problem] } }]);
    await expectQuarantine(site, []);
  });

  test.each([
    ["garbage", Buffer.from([0, 1, 2, 255, 254]), "CONTROL_DATA_INVALID"],
    ["nothing at all", Buffer.alloc(0), "CONTROL_DATA_INVALID"],
    [
      "half a signature",
      Buffer.from("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nSource: hello\n"),
      "CLEARSIGNED_INVALID",
    ],
  ])("whose .changes holds %s is rejected at once, under the name it came with", async (_what, bytes, code) => {
    await sendBytes(site, protocol, "hello_1.0-1_source.changes", bytes);
    await site.worker.idle();

    expect(await site.events()).toMatchObject([
      { type: "REJECTED", source: "hello", version: "1.0-1", data: { problems: [{ code }], error: expect.any(String) } },
    ]);
    await expectQuarantine(site, []);
  });

  test.each(["../../etc/passwd", "..", "a/b.dsc", ".hidden", "a b.dsc", "-rf"])(
    "whose .changes lists a file called %j is rejected",
    async (name) => {
      const directory = join(site.workPath, "hostile");
      const source = await makeSource(directory);
      const file = { ...source.files[0]!, name };
      const text = makeChangesText({ distribution: "d", source, files: [source.dsc, file] });

      await sendBytes(site, protocol, changesName(source), Buffer.from(text));
      await site.worker.idle();

      expect(await site.events()).toMatchObject([{ type: "REJECTED" }]);
    },
  );

  test("whose .changes lists too many files is rejected", async () => {
    const source = await makeSource(join(site.workPath, "many"));
    const files = Array.from({ length: 2001 }, (_, index) => ({ ...source.dsc, name: `f${index}` }));

    await sendBytes(site, protocol, changesName(source), Buffer.from(makeChangesText({ distribution: "d", source, files })));
    await site.worker.idle();

    expect(await site.events()).toMatchObject([{ type: "REJECTED", data: { problems: [{ code: "CONTROL_DATA_TOO_LARGE" }] } }]);
  });

  test("whose .changes lists a file that could never come in is rejected at once", async () => {
    const source = await makeSource(join(site.workPath, "huge"));
    const files = [source.dsc, { ...source.files[0]!, sizeBytes: 1e15 }];

    await sendBytes(site, protocol, changesName(source), Buffer.from(makeChangesText({ distribution: "d", source, files })));
    await site.worker.idle();

    expect(await site.events()).toMatchObject([{ type: "REJECTED", data: { problems: [{ code: "UPLOAD_FILE_TOO_LARGE" }] } }]);
  });

  test("whose .changes vanished from the disk is rejected at the next start", async () => {
    const upload = await makeUpload(site);
    await sendFile(site, protocol, upload.directory, upload.changesName);
    await site.worker.idle();
    for (const name of await readdir(site.quarantinePath)) await rm(join(site.quarantinePath, name));

    await site.restart();

    const problem = { code: "DELIVERY_CHANGES_LOST", message: expect.stringContaining(upload.changesName) };
    expect((await site.events()).at(-1)).toMatchObject({ type: "REJECTED", source: "hello", data: { problems: [problem] } });
    await expectQuarantine(site, []);
  });

  test("that is not let in is an event with the reason, one a minute for each code", async () => {
    const refuse = async (): Promise<void> => {
      await expect(sendBytes(site, protocol, ".hidden", Buffer.from("x"))).rejects.toThrow(".hidden");
      await sendHalf(site, protocol, "hello_1.0-1_source.changes", Buffer.alloc(100_000, "x"));
    };
    const refused = async () => (await site.events()).map(({ data, source }) => ({ data, source }));
    const invalidName = {
      source: undefined,
      data: { outcome: "refused", channel: protocol, problems: [{ code: "UPLOAD_FILE_NAME_INVALID", hint: expect.any(String) }] },
    };
    const cut = {
      source: "hello",
      data: {
        outcome: "refused",
        reason: expect.stringContaining("hello_1.0-1_source.changes"),
        problems: [{ code: "UPLOAD_TRANSFER_CUT" }],
      },
    };
    await refuse();
    await vi.waitFor(async () => expect(await refused()).toMatchObject([invalidName, cut]), WAIT);

    await refuse();
    await expectQuarantine(site, []);
    expect(await refused()).toHaveLength(2);
    site.clock.advance(60_000);
    await refuse();

    await vi.waitFor(async () => expect(await refused()).toMatchObject([invalidName, cut, invalidName, cut]), WAIT);
  });

  test("that waits when the server restarts is completed afterwards, and leftovers on disk go", async () => {
    const upload = await makeUpload(site);
    const [last, ...first] = upload.names.toReversed() as [string, ...string[]];
    for (const name of first) await sendFile(site, protocol, upload.directory, name);
    await writeMadeFile(site.quarantinePath, "0000.part", Buffer.from("left by a crash"));
    await writeMadeFile(site.quarantinePath, "1111", Buffer.from("file without a row"));

    await site.restart();

    expect(await readdir(site.quarantinePath)).toHaveLength(first.length);
    await sendFile(site, protocol, upload.directory, last);
    await expectDelivered(site, 1);
  });

  test("whose stored file vanished from the disk waits for it again", async () => {
    const upload = await makeUpload(site);
    for (const name of upload.names.slice(0, -1)) await sendFile(site, protocol, upload.directory, name);
    for (const name of await readdir(site.quarantinePath)) await rm(join(site.quarantinePath, name));
    await site.restart();
    expect(await quarantineNames(site)).toEqual([]);

    for (const name of upload.names) await sendFile(site, protocol, upload.directory, name);

    await expectDelivered(site, 1);
    expect(await readFile(join(site.receivedPath, upload.source.dsc.name))).toEqual(await readFile(upload.source.dsc.path));
  });
});

describe("a packager that", () => {
  describe("refuses", () => {
    const site = useIncomingSite({
      receiver: () => ({
        receiveUpload: async () => {
          throw new AppError({ kind: "conflict", code: "REMOVED_BEFORE", message: "this version was removed" });
        },
      }),
    });

    test("makes the delivery rejected with its reason", async () => {
      const upload = await makeUpload(site);
      for (const name of upload.names) await sendFile(site, "http", upload.directory, name);
      await site.worker.idle();

      expect(await site.events()).toMatchObject([{ type: "REJECTED", data: { problems: [{ code: "REMOVED_BEFORE" }] } }]);
      await expectQuarantine(site, []);
    });
  });

  describe("fails once", () => {
    let failures = 1;
    const site = useIncomingSite({
      receiver: () => ({
        stageUpload: async () => {
          failures -= 1;
          if (failures >= 0) throw new Error("the disk hiccuped");
        },
      }),
    });

    test("gets the delivery again, nothing lost", async () => {
      const upload = await makeUpload(site);
      for (const name of upload.names) await sendFile(site, "http", upload.directory, name);
      await site.worker.idle();
      expect(site.deliveries).toEqual([]);

      site.clock.advance(1_000);
      site.worker.wake();

      await vi.waitFor(() => expect(site.deliveries).toHaveLength(1), WAIT);
    });
  });

  describe("fails for one of two", () => {
    let isBroken = true;
    const site = useIncomingSite({
      receiver: () => ({
        stageUpload: async () => {
          if (isBroken) throw new Error("the disk hiccuped");
        },
      }),
    });

    test("keeps the files of that one, and nobody else's", async () => {
      isBroken = true;
      const upload = await makeUpload(site);
      const [last, ...first] = upload.names.toReversed() as [string, ...string[]];
      for (const name of first.toReversed()) await sendFile(site, "http", upload.directory, name);
      await sendBytes(site, "http", "stray_1.dsc", Buffer.from("x"));
      site.clock.advance(HOUR_MS / 2);
      await sendFile(site, "http", upload.directory, last);
      await site.worker.idle();

      site.clock.advance(HOUR_MS / 2);
      await site.worker.idle();

      await expectQuarantine(site, upload.names);
      isBroken = false;
      site.clock.advance(60_000);
      site.worker.wake();
      await expectDelivered(site, 1);
    });
  });

  describe("fails to the end, while the rejection fails once too,", () => {
    let failures = 1;
    const site = useIncomingSite({
      receiver: (running) => ({
        stageUpload: async () => {
          if (running.clock.now() < expiry) throw new Error("the disk hiccuped");
          const { quarantine } = running;
          const requireRows = quarantine.requireRows.bind(quarantine);
          quarantine.requireRows = async (tx, rows) => {
            failures -= 1;
            if (failures >= 0) throw new Error("the database hiccuped");
            await requireRows(tx, rows);
          };
          throw new Error("the disk hiccuped");
        },
      }),
    });
    let expiry: Date;

    test("makes the delivery rejected in the end, without a restart", async () => {
      failures = 1;
      const upload = await makeUpload(site);
      expiry = new Date(site.clock.now().getTime() + HOUR_MS);
      for (const name of upload.names) await sendFile(site, "http", upload.directory, name);
      await site.worker.idle();

      site.clock.advance(HOUR_MS);
      await site.worker.idle();
      expect(failures).toBe(0);
      expect(await site.events()).toEqual([]);
      site.clock.advance(60_000);
      await site.worker.idle();

      expect(await site.events()).toMatchObject([{ type: "REJECTED", source: "hello", data: { changes: upload.changesName } }]);
      await expectQuarantine(site, []);
    });
  });
});

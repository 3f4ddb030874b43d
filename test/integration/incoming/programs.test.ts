import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findDputNg } from "../../support/dput-ng.ts";
import { expectDelivered, expectQuarantine, makeUpload, useIncomingSite } from "./incoming-site.ts";
import { printed, uploadPrograms } from "./senders.ts";

const hasDputNg = (await findDputNg()) !== undefined;

describe.each(uploadPrograms.filter((program) => hasDputNg || !program.name.startsWith("dput-ng")))(
  "$name over $protocol",
  (program) => {
    const site = useIncomingSite();

    test("delivers an upload, byte for byte", async () => {
      const upload = await makeUpload(site, { name: "hello+plus", version: "1:1.0~rc1+b-1" });

      const ended = await program.send(site, upload);

      expect(printed(ended)).not.toMatch(/Traceback|permissions error|failed/i);
      expect(ended.exitCode).toBe(0);
      await expectDelivered(site, 1);
      expect(site.deliveries[0]).toMatchObject({ changesName: upload.changesName, channel: program.protocol });
      for (const file of [upload.source.dsc, ...upload.source.files]) {
        expect(await readFile(join(site.receivedPath, file.name))).toEqual(await readFile(file.path));
      }
      await expectQuarantine(site, []);
    });

    test("sends the same upload twice: it is accepted once, and that is said", async () => {
      const upload = await makeUpload(site);
      await program.send(site, upload);
      await expectDelivered(site, 1);

      const ended = await program.send(site, upload);
      await site.worker.idle();

      expect(ended.exitCode).toBe(0);
      expect(site.deliveries).toHaveLength(1);
      await expect
        .poll(async () => (await site.events()).map((event) => event.data.outcome), { timeout: 10_000 })
        .toEqual(["duplicate"]);
      await expectQuarantine(site, []);
    });
  },
);

/**
 * incoming in a process of its own, to be killed by tests: `node incoming-program.ts HOME`. Prints its ports as one JSON
 * line when it is ready. Its packager keeps the files in HOME/received and writes the upload's row.
 */
import { link, mkdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { openDatabase } from "../../../src/database/index.ts";
import { createPutHandler, DeliveryWorker, FtpServer, Quarantine, UploadQuota } from "../../../src/incoming/index.ts";
import { defaultLimits, makeDirectory, silentLogger, systemClock } from "../../../src/runtime/index.ts";
import { uploadRow } from "./upload-row.ts";

const home = process.argv[2];
if (home === undefined) throw new Error("usage: incoming-program.ts HOME");

const common = { limits: { ...defaultLimits, diskReserveBytes: 0 }, clock: systemClock, logger: silentLogger };
const database = await openDatabase({ kind: "sqlite", path: join(home, "test.sqlite") }, common);
const quarantine = new Quarantine({ ...common, database, path: join(home, "quarantine") });
await quarantine.open();

const worker = new DeliveryWorker({
  ...common,
  database,
  quarantine,
  receiver: {
    findAcceptedUpload: async (db, changesSha256) => {
      const query = db.selectFrom("uploads").select("id").where("changes_sha256", "=", changesSha256);
      return (await query.executeTakeFirst())?.id;
    },
    stageUpload: async (delivery) => {
      const path = join(home, "received", delivery.changesSha256);
      await makeDirectory(path);
      for (const file of delivery.files) {
        await rm(join(path, file.name), { force: true });
        await link(file.quarantinePath, join(path, file.name));
      }
    },
    receiveUpload: async (tx, delivery) => {
      await tx.insertInto("uploads").values(uploadRow(delivery.changesSha256, delivery)).execute();
      return { uploadId: delivery.changesSha256 };
    },
  },
});
await mkdir(join(home, "received"), { recursive: true });
await worker.start();

const quota = new UploadQuota(common.limits, systemClock);
const ftp = new FtpServer({ ...common, quarantine, quota, port: 0 });
await ftp.listen();
const handle = createPutHandler({ ...common, quarantine, quota });
const http = createServer((request, response) => void handle(request, response));
await new Promise<void>((resolve) => void http.listen(0, resolve));
console.log(JSON.stringify({ ftpPort: ftp.port, httpPort: (http.address() as AddressInfo).port }));

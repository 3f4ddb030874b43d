import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { uploadByFtp } from "../../../src/client/index.ts";
import { expectDelivered, makeUpload, useIncomingSite } from "../incoming/incoming-site.ts";

describe("our own FTP client", () => {
  const site = useIncomingSite();

  test("delivers an upload to our server, telling its bytes", async () => {
    const upload = await makeUpload(site, { name: "g++-extra", version: "1:1.0~rc1-1" });
    const files = [upload.source.dsc, ...upload.source.files];
    const paths = [...files.map(({ path }) => path), upload.changesPath];
    const names: string[] = [];
    let sentBytes = 0;

    await uploadByFtp(new URL(`ftp://127.0.0.1:${site.ftpPort}/incoming`), paths, {
      signal: new AbortController().signal,
      onFile: (path) => void names.push(path),
      onSent: (sizeBytes) => {
        sentBytes += sizeBytes;
      },
    });

    await expectDelivered(site, 1);
    for (const file of files) {
      expect(await readFile(join(site.receivedPath, file.name))).toEqual(await readFile(file.path));
    }
    expect(names).toEqual(paths);
    expect(sentBytes).toBe((await Promise.all(paths.map((path) => stat(path)))).reduce((sum, { size }) => sum + size, 0));
  });

  test("says what the server answered when it refuses", async () => {
    const upload = await makeUpload(site, { name: "hello", version: "1.0" });
    const url = (login: string, directory: string) => new URL(`ftp://${login}127.0.0.1:${site.ftpPort}${directory}`);
    const send = (to: URL) => uploadByFtp(to, [upload.changesPath], { signal: new AbortController().signal });

    await expect(send(url("root@", "/incoming"))).rejects.toMatchObject({
      code: "UPLOAD_REFUSED",
      message: expect.stringContaining("Only anonymous may log in here"),
    });
    await expect(send(url("", "/elsewhere"))).rejects.toMatchObject({ code: "UPLOAD_REFUSED" });
    await expect(send(url("", "/incoming%0d%0aDELE x"))).rejects.toMatchObject({ code: "UPLOAD_REFUSED" });
    await expect(send(new URL("ftp://127.0.0.1:1/incoming"))).rejects.toMatchObject({
      kind: "unavailable",
      code: "SERVER_UNREACHABLE",
    });
  });
});

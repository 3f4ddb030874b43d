import { describe, expect, test } from "vitest";
import { findNewestSource, removeSourceVersion } from "../../../src/archive/index.ts";
import { engines } from "../../support/database.ts";
import { PackagerSite, UNSTABLE } from "./packager-site.ts";

describe.each(engines)("what the archive knows, on %s", (engine) => {
  const site = PackagerSite.use(engine);

  test("a version that was installed with other content is refused with both hashes, also after its removal", async () => {
    const { source } = await site.install();
    const { database } = site.database;
    await database.transaction((tx) =>
      removeSourceVersion(tx, { distribution: UNSTABLE, source: source.name, version: source.version }),
    );
    const other = await site.makeSource({ debianText: "other" });

    const uploadId = await site.upload(other);

    expect(await site.verdict(uploadId)).toMatch(/^rejected VERSION_KNOWN/);
    const { message } = (await site.problems(uploadId))[0] ?? {};
    expect(message).toContain(source.dsc.sha256);
    expect(message).toContain(other.dsc.sha256);
  });

  test.each([
    ["1.0-2~test12+1", "1.0-1~test12+1", "VERSION_NOT_HIGHER"],
    ["1.5-1~test12+1", "1.05-1~test12+1", "VERSION_EQUAL"],
    ["1:1.0-1~test12+1", "2.0-1~test12+1", "VERSION_NOT_HIGHER"],
  ])("when %s is there, %s is refused: %s", async (installed, version, code) => {
    await site.install({ version: installed });

    const uploadId = await site.upload(await site.makeSource({ version }));

    expect(await site.verdict(uploadId)).toBe(`rejected ${code}`);
    expect((await site.problems(uploadId))[0]?.message).toContain(installed);
  });

  test("a higher version is taken, and its builds see what was installed before", async () => {
    await site.install();

    const uploadId = await site.upload(await site.makeSource({ version: "1.0-2~test12+1" }));

    expect(await site.verdict(uploadId)).toBe("building");
    const order = await site.order(uploadId, "amd64");
    // Priority 1: only where nothing else satisfies.
    expect(order.extraSources).toMatchObject([
      { name: `own-${UNSTABLE}`, deb822: "1\n", revision: expect.stringMatching(/^[1-9]/) },
    ]);
  });

  test("an orig that the upload leaves out is taken from the pool", async () => {
    const { source: first } = await site.install();
    const second = await site.makeSource({ version: "1.0-2~test12+1" });
    const files = [second.dsc, ...second.files.filter(({ name }) => !name.includes(".orig."))];

    const { uploadId } = await site.deliver(second, { files });
    await site.runJobs();
    await site.build("amd64");

    expect(await site.verdict(uploadId)).toBe("installed");
    expect((await site.order(uploadId, "amd64")).files).toContainEqual({
      name: "hello_1.0.orig.tar.gz",
      sizeBytes: first.files[0]?.sizeBytes,
      sha256: first.files[0]?.sha256,
    });
  });

  test.each([{ isInUpload: true }, { isInUpload: false }])(
    "an orig with another content than the pool's is refused, with the version that has it (in the upload: $isInUpload)",
    async ({ isInUpload }) => {
      const { source: first } = await site.install();
      const second = await site.makeSource({ version: "1.0-2~test12+1", upstreamText: "another upstream" });
      const files = [second.dsc, ...second.files.filter(({ name }) => isInUpload || !name.includes(".orig."))];

      const uploadId = await site.upload(second, { files });

      expect(await site.verdict(uploadId)).toBe("rejected SOURCE_FILE_CONFLICT");
      const { message } = (await site.problems(uploadId))[0] ?? {};
      for (const part of ["hello 1.0-1~test12+1", first.files[0]?.sha256, second.files[0]?.sha256])
        expect(message).toContain(part);
    },
  );

  test("another repository's pool does not count", async () => {
    await site.install();
    const second = await site.makeSource({ version: "1.0-1~signed12+1" });
    const files = [second.dsc, ...second.files.filter(({ name }) => !name.includes(".orig."))];

    const uploadId = await site.upload(second, { files, distribution: "bookworm-signed-unstable" });

    expect(await site.verdict(uploadId)).toBe("rejected SIGNATURE_MISSING SOURCE_FILE_MISSING");
  });

  test("an epoch, a native package and a name with plus signs come through", async () => {
    const native = await site.install({ name: "libg++x", version: "2:1.0~test12+1" });

    const newest = await findNewestSource(site.database.database.read, "libg++x", UNSTABLE);
    expect(newest).toMatchObject({ version: "2:1.0~test12+1", dscSha256: native.source.dsc.sha256 });
    expect(newest?.dscPath).toBe("pool/main/libg/libg++x/libg++x_1.0~test12+1.dsc");
  });
});

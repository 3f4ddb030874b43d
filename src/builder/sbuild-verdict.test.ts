import { expect, test } from "vitest";
import type { EndedCommand } from "../runtime/index.ts";
import { judgeSbuild } from "./sbuild-verdict.ts";

const usual = { diskWasLow: false };

function ended(exitCode: number, body: string, summary = ""): EndedCommand {
  const log = `${body}\n+----+\n| Summary   |\n+----+\n\n${summary}`;
  return { reason: "exited", exitCode, exitSignal: undefined, stdout: Buffer.from(log), stderr: Buffer.alloc(0) };
}

test("exit status 0 is a build", () => {
  expect(judgeSbuild(ended(0, "", "Status: successful\n"), usual)).toBeUndefined();
});

test("exit status 0 after sbuild's architecture check is a skip", () => {
  expect(judgeSbuild(ended(0, "", "Fail-Stage: arch-check\nStatus: skipped\n"), usual)).toMatchObject({ status: "skipped" });
});

test("a failing compiler is the package's fault and the reason quotes it", () => {
  const verdict = judgeSbuild(
    ended(2, "a.c:3:1: error: expected ';'\nmake: *** [x] Error 1", "Fail-Stage: build\nStatus: attempted\n"),
    usual,
  );

  expect(verdict).toMatchObject({
    status: "package-failed",
    failureClass: "compiler",
    message: "dpkg-buildpackage failed: a.c:3:1: error: expected ';'",
  });
});

test("a source that does not unpack is the package's fault though sbuild would give it back", () => {
  const verdict = judgeSbuild(ended(3, "E: FAILED [dpkg-source died]", "Fail-Stage: unpack\nStatus: given-back\n"), usual);

  expect(verdict).toMatchObject({ status: "package-failed", failureClass: "source" });
});

test("a session that cannot be created is ours", () => {
  const verdict = judgeSbuild(
    ended(1, "E: Error creating chroot session", "Fail-Stage: create-session\nStatus: failed\n"),
    usual,
  );

  expect(verdict).toMatchObject({ status: "environment-failed" });
});

test("no space left is ours when the disk was low, and the package's when it was not", () => {
  const failed = ended(2, "write error: No space left on device", "Fail-Stage: build\n");

  expect(judgeSbuild(failed, { diskWasLow: true })).toMatchObject({
    status: "environment-failed",
    failureClass: "disk",
    message: "the disk was full",
  });
  expect(judgeSbuild(failed, { diskWasLow: false })).toMatchObject({ status: "package-failed", failureClass: "disk" });
});

test("an sbuild that was killed is ours", () => {
  const verdict = judgeSbuild({ ...ended(0, ""), reason: "signalled", exitCode: undefined, exitSignal: "SIGKILL" }, usual);

  expect(verdict).toMatchObject({ status: "environment-failed" });
});

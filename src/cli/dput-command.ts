import { access } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { AppError } from "../runtime/index.ts";
import type { ApiClient } from "./api-client.ts";
import type { CommandContext } from "./command-context.ts";
import { EXIT_UPLOAD_FAILED } from "./exit-status.ts";
import { followUpload, newestEventId, readChanges, startOfNewestAttempt, subjectOf } from "./follow-upload.ts";
import type { UploadEnd } from "./upload-story.ts";

export function addDputCommands(program: Command, ctx: CommandContext): void {
  program
    .command("dput")
    .description("Upload a .changes with its files, over HTTP")
    .argument("<changes>", "path of the .changes; its files are beside it")
    .option("-w, --wait", "tell its way, and end when it is published, rejected or failed")
    .action((path: string, options: { wait?: true }) => uploadChanges(ctx, path, { isWaiting: options.wait === true }));
  program
    .command("wait")
    .description("Tell an upload's way, and end when it is published, rejected or failed")
    .argument("<changes>", "path of the .changes that was uploaded, by whatever program")
    .action((path: string) => waitForChanges(ctx, path));
}

async function uploadChanges(ctx: CommandContext, path: string, { isWaiting }: { isWaiting: boolean }): Promise<void> {
  const changes = await readChanges(path);
  const paths = changes.files.map((file) => join(dirname(path), file.name));
  for (const filePath of paths) await requireFile(filePath, path);

  const client = ctx.connect({ isForOwner: false });
  const afterId = await newestEventId(client);
  // The .changes last: its arrival means that the upload is complete.
  for (const filePath of [...paths, path]) await putFile(ctx, client, filePath);
  if (isWaiting) conclude(await followUpload(ctx, client, { subject: subjectOf(changes, path), afterId }));
}

async function waitForChanges(ctx: CommandContext, path: string): Promise<void> {
  const subject = subjectOf(await readChanges(path), path);
  const client = ctx.connect({ isForOwner: false });
  conclude(await followUpload(ctx, client, { subject, afterId: await startOfNewestAttempt(client, subject) }));
}

async function putFile(ctx: CommandContext, client: ApiClient, path: string): Promise<void> {
  const name = path.slice(dirname(path).length).replace(/^\//, "");
  ctx.note(`uploading ${name}\n`);
  await client.text({ method: "PUT", path: `/upload/${encodeURIComponent(name)}`, filePath: path, signal: ctx.signal });
}

async function requireFile(path: string, changesPath: string): Promise<void> {
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (isThere) return;
  throw new AppError({
    kind: "invalid",
    code: "UPLOAD_FILE_MISSING",
    message: `${path} is listed in ${changesPath}, but is not there`,
    hint: "Put it beside the .changes, or make the source package again",
  });
}

function conclude(end: UploadEnd): void {
  if (end === "rejected" || end === "failed" || end === "refused") process.exitCode = EXIT_UPLOAD_FAILED;
}

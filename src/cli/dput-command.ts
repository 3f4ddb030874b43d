import { access, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Command } from "commander";
import { type Client, connect, uploadByFtp, uploadBySftp } from "../client/index.ts";
import { AppError } from "../runtime/index.ts";
import type { CommandContext } from "./command-context.ts";
import { chooseDestination, type UploadDestination } from "./dput-destination.ts";
import { EXIT_UPLOAD_FAILED } from "./exit-status.ts";
import { followUpload, newestEventId, readChanges, startOfNewestAttempt, subjectOf } from "./follow-upload.ts";
import { ProgressBar } from "./progress-bar.ts";
import type { UploadEnd } from "./upload-story.ts";

interface DputOptions {
  readonly to?: string;
  readonly wait: boolean;
}

export function addDputCommands(program: Command, ctx: CommandContext): void {
  program
    .command("dput")
    .description("Upload a .changes with its files; tell its way, and end when it is published, rejected or failed")
    .usage("[options] [host] <changes>")
    .argument(
      "<changes...>",
      "path of the .changes, its files beside it; before it, if wanted, a host of dput.cf (default: over HTTP)",
    )
    .option("--to <url>", "where to: ftp://, ftps://, sftp://USER@, http:// or https://HOST[:PORT]/DIRECTORY")
    .option("-w, --wait", "tell its way to the end (default)", true)
    .option("-W, --no-wait", "end when it is uploaded")
    .action((args: readonly string[], options: DputOptions) => {
      const [host, changes = host, ...more] = args;
      if (changes === undefined || more.length > 0) throw tooMany();
      return uploadChanges(ctx, changes, { ...options, ...(args.length === 2 && host !== undefined && { host }) });
    });
  program
    .command("wait")
    .description("Tell an upload's way, and end when it is published, rejected or failed")
    .argument("<changes>", "path of the .changes that was uploaded, by whatever program")
    .action((path: string) => waitForChanges(ctx, path));
}

async function uploadChanges(
  ctx: CommandContext,
  path: string,
  options: DputOptions & { readonly host?: string },
): Promise<void> {
  const changes = await readChanges(path);
  const paths = changes.files.map((file) => join(dirname(path), file.name));
  for (const filePath of paths) await requireFile(filePath, path);

  const destination = chooseDestination({ ...options, dputHosts: await ctx.dputHosts() });
  const client = await ctx.connect({ isForOwner: false, preferred: destination?.endpoint });
  const afterId = options.wait ? await newestEventId(client) : 0;
  // The .changes last: its arrival means that the upload is complete.
  await sendFiles(ctx, client, [...paths, path], destination);
  if (options.wait) conclude(await followUpload(ctx, client, { subject: subjectOf(changes, path), afterId }));
}

async function waitForChanges(ctx: CommandContext, path: string): Promise<void> {
  const subject = subjectOf(await readChanges(path), path);
  const client = await ctx.connect({ isForOwner: false });
  conclude(await followUpload(ctx, client, { subject, afterId: await startOfNewestAttempt(client, subject) }));
}

async function sendFiles(
  ctx: CommandContext,
  client: Client,
  paths: readonly string[],
  destination: UploadDestination | undefined,
): Promise<void> {
  let sentBytes = 0;
  let totalBytes = 0;
  for (const path of paths) totalBytes += (await stat(path)).size;

  const bar = new ProgressBar(ctx, "uploading");
  let name = "";
  const sending = {
    signal: ctx.signal,
    environment: process.env,
    onFile: (path: string) => {
      name = basename(path);
      if (!ctx.isInteractive) ctx.note(`uploading ${name}\n`);
    },
    onSent: (sizeBytes: number) => {
      sentBytes += sizeBytes;
      bar.show(sentBytes, totalBytes, name);
    },
  };
  try {
    if (destination?.kind === "ftp") await uploadByFtp(destination.url, paths, sending);
    else if (destination?.kind === "sftp") await uploadBySftp(destination.url, paths, sending);
    else {
      // Where results are asked for may be another way to the same instance: without encryption, or a proxy.
      const taker = destination === undefined ? client : connect(destination.url.origin);
      for (const path of paths) {
        sending.onFile(path);
        await taker.putFile(path, sending);
      }
    }
  } finally {
    bar.end();
  }
  ctx.note(`uploaded ${paths.length} files\n`);
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

function tooMany(): AppError {
  return new AppError({
    kind: "invalid",
    code: "USAGE",
    message: "dput takes one .changes",
    hint: "Usage: mini-buildd dput [HOST] CHANGES; for several, one after the other",
  });
}

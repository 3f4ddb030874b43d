import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import { archiveVerify, archiveVerifyStatus } from "../operations/index.ts";
import type { CommandContext } from "./command-context.ts";
import { EXIT_NOT_WHOLE } from "./exit-status.ts";
import { formatVerification, verificationProgress } from "./format-history.ts";
import { formatJson } from "./format-result.ts";
import { ProgressBar } from "./progress-bar.ts";
import { printable } from "./table.ts";

const POLL_INTERVAL_MS = 500;

interface VerifyOptions {
  readonly repair?: true;
  readonly json?: true;
}

/** `mini-buildd archive verify`: the operation, followed to its end. */
export function addArchiveCommand(program: Command, ctx: CommandContext): void {
  program
    .command("archive")
    .description("Look after what the archive holds")
    .command("verify")
    .description("Read everything in pool and publications again; the daemon goes on meanwhile. Exit status 1: not all is whole")
    .option("--repair", "repair what can be repaired")
    .option("--json", "print the result as JSON")
    .action((options: VerifyOptions) => verifyArchive(ctx, options));
}

async function verifyArchive(ctx: CommandContext, { repair, json }: VerifyOptions): Promise<void> {
  const client = await ctx.connect({ isForOwner: true });
  const { signal } = ctx;
  await client.call(archiveVerify, { repair: repair === true }, { signal });

  let status = await client.call(archiveVerifyStatus, {}, { signal });
  const bar = new ProgressBar(ctx, "verifying");
  for (let told = ""; status.state === "running"; status = await client.call(archiveVerifyStatus, {}, { signal })) {
    const progress = verificationProgress(status);
    if (ctx.isInteractive) bar.show(status.files_done, status.files_total, progress.trimEnd());
    else if (progress !== told) ctx.note(progress);
    told = progress;
    await delay(POLL_INTERVAL_MS, undefined, { signal });
  }
  bar.end();
  ctx.print(json === true ? formatJson(status) : printable(formatVerification(status)));
  const isWhole = status.state === "done" && status.finding_count === status.repaired_count;
  if (!isWhole) process.exitCode = EXIT_NOT_WHOLE;
}

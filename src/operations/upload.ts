import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { requiredText } from "./parameter.ts";

const problemView = z.object({ code: z.string(), message: z.string(), hint: z.string().optional() });
export type ProblemView = z.infer<typeof problemView>;

const stepView = z.object({
  step: z.string(),
  started_at: z.string(),
  ended_at: z.string().nullable(),
  /** null while it runs. */
  outcome: z.string().nullable(),
  note: z.string().nullable(),
  /** Where its part of the log begins. */
  log_offset_bytes: z.int(),
});
export type StepView = z.infer<typeof stepView>;

const checkChangesView = z.object({
  /** What it is compared with: installed in the same distribution before. */
  version: z.string(),
  /** "2 new warnings"; "" when nothing changed. */
  summary: z.string(),
  added: z.array(z.string()),
  gone: z.array(z.string()),
});
export type CheckChangesView = z.infer<typeof checkChangesView>;

const checkView = z.object({
  /** lintian, autopkgtest, piuparts. */
  name: z.string(),
  /** pass, warn, fail, error, skipped, disabled. */
  outcome: z.string(),
  summary: z.string(),
  changes: checkChangesView.nullable(),
  /** pass, fail, flaky, skip. */
  tests: z.array(z.object({ name: z.string(), outcome: z.string(), details: z.string() })),
  tags: z.array(z.object({ level: z.string(), package: z.string(), tag: z.string(), details: z.string() })),
});

const fileView = z.object({ name: z.string(), size_bytes: z.number(), sha256: z.string() });

const buildView = z.object({
  id: z.string(),
  architecture: z.string(),
  attempt: z.int(),
  builds_all: z.boolean(),
  is_optional: z.boolean(),
  /** waiting, leased, done, cancelled, lost. */
  state: z.string(),
  /** How it ended: built, skipped, package-failed, environment-failed, dependencies-missing, cancelled. */
  status: z.string().nullable(),
  reason: z.string().nullable(),
  /** How it failed, what to do, and which line of the log to look at first. */
  failure: z
    .object({
      class: z.string(),
      hint: z.string(),
      log_line: z.int().nullable(),
      log_page: z.string().nullable(),
      /** That line of the log and those around it. */
      excerpt: z.array(z.object({ line: z.int(), text: z.string() })),
    })
    .nullable(),
  /** The build dependencies that it waits for, and where they may come from. */
  waits_for: z
    .object({
      relations: z.array(z.string()),
      /** Sentences. */
      outlook: z.array(z.string()),
      since: z.string(),
    })
    .nullable(),
  /** Opens a shell in the testbed that the failed build has left, on the builder's machine; null: nothing was kept. */
  debug: z.object({ command: z.string(), until: z.string() }).nullable(),
  builder: z.string().nullable(),
  created_at: z.string(),
  not_before: z.string(),
  started_at: z.string().nullable(),
  ended_at: z.string().nullable(),
  steps: z.array(stepView),
  checks: z.array(checkView),
  /** What it made; when it failed, what it had made by then. Not there any more once they have expired. */
  files: z.array(fileView.extend({ path: z.string() })),
  /** Path of its log on this server, as text. */
  log_path: z.string(),
  /** The same as a page, whose lines are addresses: #L123. */
  log_page: z.string(),
});
export type BuildView = z.infer<typeof buildView>;

const uploadView = z.object({
  id: z.string(),
  state: z.string(),
  source: z.string(),
  version: z.string(),
  distribution: z.string(),
  timecode: z.string(),
  changes_name: z.string(),
  signer_fingerprint: z.string().nullable(),
  channel: z.string(),
  received_at: z.string(),
  ended_at: z.string().nullable(),
  problems: z.array(problemView),
  files: z.array(fileView),
  builds: z.array(buildView),
});
export type UploadView = z.infer<typeof uploadView>;

export const upload = defineOperation({
  name: "upload",
  summary: "Show one upload with its builds, their steps, and why it was refused or failed",
  access: "none",
  parameters: { upload: requiredText("upload id: source/version/timecode", { positional: true }) },
  result: uploadView,
  example: { upload: "hello/2.10-3~test12+1/20261122:130513:909198" },
});

import type { VerificationStatus } from "../archive/index.ts";
import { archiveVerify, archiveVerifyStatus, type VerificationView } from "../operations/index.ts";
import { implement } from "./implementation.ts";

export const handleArchiveVerify = implement(archiveVerify, (ctx, { repair }) =>
  verificationView(ctx.history.startVerification({ isRepairing: repair })),
);

export const handleArchiveVerifyStatus = implement(archiveVerifyStatus, (ctx) =>
  verificationView(ctx.history.verificationStatus()),
);

function verificationView(status: VerificationStatus): VerificationView {
  return {
    state: status.state,
    repairing: status.isRepairing,
    started_at: status.startedAt?.toISOString() ?? null,
    ended_at: status.endedAt?.toISOString() ?? null,
    files_done: status.filesDone,
    bytes_done: status.bytesDone,
    files_total: status.filesTotal,
    finding_count: status.findingCount,
    repaired_count: status.repairedCount,
    findings: status.findings.map((finding) => ({ ...finding })),
    problem: status.problem ?? null,
  };
}

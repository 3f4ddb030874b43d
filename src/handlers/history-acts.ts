import type {
  NamedSnapshot,
  PackageDifference,
  PointInHistory,
  RetentionReport,
  SnapshotId,
  VerificationStatus,
} from "../archive/index.ts";

export interface HistoryDifference {
  readonly from: PointInHistory;
  readonly to: PointInHistory;
  readonly differences: readonly PackageDifference[];
}

/** What a distribution was, and what is kept of it; `by` is for the record. */
export interface HistoryActs {
  listSnapshots(distribution: string): Promise<readonly NamedSnapshot[]>;
  createSnapshot(id: SnapshotId, by: string): Promise<void>;
  deleteSnapshot(id: SnapshotId, by: string): Promise<void>;
  compare(distribution: string, points: { readonly from: string; readonly to: string }): Promise<HistoryDifference>;
  previewRetention(): Promise<RetentionReport>;
  applyRetention(): Promise<RetentionReport>;
  /** Returns at once, with what is known then. Throws `conflict` VERIFICATION_RUNNING. */
  startVerification(options: { readonly isRepairing: boolean }): VerificationStatus;
  verificationStatus(): VerificationStatus;
}

/** How states and outcomes are called and coloured for people. A state without a label shows its own name. */
export type Tone = "ok" | "bad" | "run" | "warn" | "idle";

export interface Label {
  readonly text: string;
  readonly tone: Tone;
}

const UPLOAD_LABELS: Readonly<Record<string, Label>> = {
  received: { text: "Received", tone: "run" },
  checking: { text: "Checking", tone: "run" },
  building: { text: "Building", tone: "run" },
  installing: { text: "Installing", tone: "run" },
  installed: { text: "Installed", tone: "ok" },
  rejected: { text: "Rejected", tone: "bad" },
  failed: { text: "Failed", tone: "bad" },
};

/** The way of an upload that goes well. */
export const UPLOAD_PATH = ["received", "checking", "building", "installing", "installed"] as const;

export function uploadLabel(state: string): Label {
  return UPLOAD_LABELS[state] ?? { text: state, tone: "idle" };
}

const BUILD_LABELS: Readonly<Record<string, Label>> = {
  waiting: { text: "Waiting", tone: "idle" },
  leased: { text: "Running", tone: "run" },
  cancelled: { text: "Cancelled", tone: "warn" },
  lost: { text: "Builder lost", tone: "warn" },
};

const BUILD_STATUS_LABELS: Readonly<Record<string, Label>> = {
  built: { text: "Built", tone: "ok" },
  skipped: { text: "Nothing to build", tone: "idle" },
  "package-failed": { text: "Failed", tone: "bad" },
  "environment-failed": { text: "Environment failed", tone: "warn" },
  "dependencies-missing": { text: "Dependencies missing", tone: "warn" },
  cancelled: { text: "Cancelled", tone: "warn" },
};

export function buildLabel(build: { readonly state: string; readonly status: string | null }): Label {
  const byState = BUILD_LABELS[build.state];
  if (byState !== undefined) return byState;
  return BUILD_STATUS_LABELS[build.status ?? ""] ?? { text: build.status ?? build.state, tone: "idle" };
}

const FAILURE_LABELS: Readonly<Record<string, string>> = {
  dependencies: "Build dependencies",
  source: "Source package",
  compiler: "Compiler error",
  tests: "Tests failed",
  "missing-file": "Missing file",
  build: "Build failed",
  output: "Unexpected output",
  checks: "Checks failed",
  timeout: "Out of time",
  "log-size": "Log too long",
  memory: "Out of memory",
  processes: "Too many processes",
  disk: "Out of disk space",
  network: "Wanted the network",
  mirror: "Archive unavailable",
  ours: "Our environment",
};

export function failureLabel(failureClass: string): string {
  return FAILURE_LABELS[failureClass] ?? failureClass;
}

const OUTCOME_LABELS: Readonly<Record<string, Label>> = {
  ok: { text: "OK", tone: "ok" },
  "package-failed": { text: "Failed", tone: "bad" },
  "environment-failed": { text: "Environment failed", tone: "warn" },
  "dependencies-missing": { text: "Dependencies missing", tone: "warn" },
  skipped: { text: "Skipped", tone: "idle" },
  cancelled: { text: "Cancelled", tone: "warn" },
  lost: { text: "Lost", tone: "warn" },
};

/** null: it runs. */
export function outcomeLabel(outcome: string | null): Label {
  if (outcome === null) return { text: "Running", tone: "run" };
  return OUTCOME_LABELS[outcome] ?? { text: outcome, tone: "idle" };
}

const CHECK_TONES: Readonly<Record<string, Tone>> = { pass: "ok", warn: "warn", flaky: "warn", fail: "bad", error: "bad" };

export function checkLabel(outcome: string): Label {
  return { text: outcome, tone: CHECK_TONES[outcome] ?? "idle" };
}

const EVENT_LABELS: Readonly<Record<string, Label>> = {
  PACKAGING: { text: "Accepted", tone: "idle" },
  BUILDING: { text: "Build started", tone: "idle" },
  BUILT: { text: "Built", tone: "idle" },
  INSTALLED: { text: "Installed", tone: "ok" },
  FAILED: { text: "Failed", tone: "bad" },
  REJECTED: { text: "Rejected", tone: "bad" },
  MIGRATED: { text: "Migrated", tone: "ok" },
  REMOVED: { text: "Removed", tone: "warn" },
};

/** BUILT says only that a build ended; its status says how. */
export function eventLabel(event: { readonly type: string; readonly data: Readonly<Record<string, unknown>> }): Label {
  const status = event.data["status"];
  if (event.type === "BUILT" && typeof status === "string" && status !== "built") {
    const label = buildLabel({ state: "done", status });
    return { text: label.tone === "bad" ? "Build failed" : label.text, tone: label.tone };
  }
  return EVENT_LABELS[event.type] ?? { text: event.type, tone: "idle" };
}

export const KEY_STATES: Readonly<Record<string, Label>> = {
  waiting: { text: "Waits for approval", tone: "warn" },
  approved: { text: "Approved", tone: "ok" },
  refused: { text: "Refused", tone: "bad" },
};

export const USER_STATES: Readonly<Record<string, Label>> = {
  registered: { text: "Not let in yet", tone: "warn" },
  active: { text: "Active", tone: "ok" },
  disabled: { text: "Disabled", tone: "bad" },
};

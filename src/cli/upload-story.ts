import type { EventView } from "../operations/index.ts";
import { formatProblem } from "./format-result.ts";

/** Which upload is meant, before the server has given it an id. */
export interface UploadSubject {
  readonly source: string;
  readonly version: string;
  readonly changesName: string;
  /** Of the files that it lists. */
  readonly fileNames: readonly string[];
}

/**
 * - published: apt sees it. - duplicate: this very upload was taken before; nothing happens again.
 * - refused: a file of it was not let in, or waited for its .changes in vain; nothing will come of what was sent.
 */
export type UploadEnd = "published" | "rejected" | "failed" | "duplicate" | "refused";

interface Problem {
  readonly message: string;
  readonly hint?: string;
}

const STATE_LINES: Readonly<Record<string, string>> = {
  received: "received, all files are there",
  checking: "checking",
  building: "accepted, building",
  installing: "built, installing into the repository",
  installed: "installed",
};

/** Tells one upload's way as lines for people, event after event. */
export class UploadStory {
  readonly #subject: UploadSubject;
  readonly #tell: (line: string) => void;
  readonly #stepStarts = new Map<string, number>();
  #distribution: string | undefined;
  #uploadId: string | undefined;
  #isInstalled = false;

  constructor(subject: UploadSubject, tell: (line: string) => void) {
    this.#subject = subject;
    this.#tell = tell;
  }

  get uploadId(): string | undefined {
    return this.#uploadId;
  }

  get distribution(): string | undefined {
    return this.#distribution;
  }

  /** Returns how it ended, with the event that ends it. */
  take(event: EventView): UploadEnd | undefined {
    if (event.type === "publication-state") return this.#takePublication(event);
    if (!this.#isAboutUs(event)) return undefined;

    switch (event.type) {
      case "upload-state":
        return this.#takeUploadState(event);
      case "delivery":
        return this.#takeDelivery(event);
      case "build-state":
        return this.#takeBuildState(event);
      case "build-step":
        return this.#takeStep(event);
      case "REJECTED":
      case "FAILED":
        return this.#takeProblems(event);
      default:
        return undefined;
    }
  }

  #isAboutUs(event: EventView): boolean {
    if (this.#uploadId !== undefined && event.upload !== null) return event.upload === this.#uploadId;
    if (event.data["changes"] === this.#subject.changesName || this.#isAboutOurFiles(event)) return true;
    return event.source === this.#subject.source && event.version === this.#subject.version;
  }

  /** Once the upload is taken, files of these names are somebody else's. */
  #isAboutOurFiles({ data }: EventView): boolean {
    if (this.#uploadId !== undefined) return false;
    const files = Array.isArray(data["files"]) ? (data["files"] as { readonly name?: unknown }[]).map(({ name }) => name) : [];
    const names = [...files, data["file"]];
    return [this.#subject.changesName, ...this.#subject.fileNames].some((name) => names.includes(name));
  }

  #takeUploadState(event: EventView): undefined {
    this.#uploadId ??= event.upload ?? undefined;
    this.#distribution = event.distribution ?? undefined;
    const state = String(event.data["to"]);
    const line = STATE_LINES[state];
    if (line !== undefined) this.#line(event, line);
    if (state === "installed") this.#isInstalled = true;
    return undefined;
  }

  #takeDelivery(event: EventView): UploadEnd | undefined {
    switch (event.data["outcome"]) {
      case "waiting": {
        const messages = problemsOf(event).map(({ message }) => message);
        this.#line(event, `waiting: ${messages.join("; ")}`);
        return undefined;
      }
      case "duplicate":
        this.#uploadId = event.upload ?? undefined;
        this.#line(event, String(event.data["reason"]));
        return "duplicate";
      case "refused":
      case "unclaimed":
        return this.#takeRefusal(event);
      default:
        return undefined;
    }
  }

  #takeRefusal(event: EventView): UploadEnd | undefined {
    // Another attempt's, or a stranger's of the same name: ours was taken.
    if (this.#uploadId !== undefined) return undefined;
    const { file, outcome } = event.data;
    this.#line(event, typeof file === "string" ? `${file} was ${String(outcome)}` : String(outcome));
    for (const problem of problemsOf(event)) this.#tell(formatProblem(problem));
    return "refused";
  }

  #takeBuildState(event: EventView): undefined {
    const { to, reason } = event.data;
    const isWorthALine = to === "waiting" || to === "lost" || to === "cancelled";
    if (isWorthALine) this.#line(event, `${event.architecture}: ${to}${typeof reason === "string" ? `: ${reason}` : ""}`);
    return undefined;
  }

  #takeStep(event: EventView): undefined {
    const { step, type, outcome, note } = event.data;
    const key = `${event.build} ${String(step)}`;
    const atMs = Date.parse(event.timestamp);
    if (type === "started") {
      this.#stepStarts.set(key, atMs);
      this.#line(event, `${event.architecture}: ${String(step)} …`);
      return undefined;
    }
    const seconds = ((atMs - (this.#stepStarts.get(key) ?? atMs)) / 1000).toFixed(1);
    const detail = typeof note === "string" && note !== "" ? `, ${note}` : "";
    this.#line(event, `${event.architecture}: ${String(step)} ${String(outcome)} after ${seconds} s${detail}`);
    return undefined;
  }

  #takeProblems(event: EventView): UploadEnd {
    this.#uploadId ??= event.upload ?? undefined;
    const end = event.type === "REJECTED" ? "rejected" : "failed";
    this.#line(event, end);
    for (const problem of problemsOf(event)) this.#tell(formatProblem(problem));
    return end;
  }

  #takePublication(event: EventView): UploadEnd | undefined {
    const isOurs = this.#isInstalled && event.distribution === this.#distribution && event.data["to"] === "published";
    if (!isOurs) return undefined;
    this.#line(event, `published in ${event.distribution}`);
    return "published";
  }

  #line(event: EventView, text: string): void {
    this.#tell(`${event.timestamp.slice(11, 19)}  ${text}\n`);
  }
}

function problemsOf(event: EventView): Problem[] {
  const { problems, error } = event.data;
  if (Array.isArray(problems) && problems.length > 0) return problems as Problem[];
  return typeof error === "string" ? [{ message: error }] : [];
}

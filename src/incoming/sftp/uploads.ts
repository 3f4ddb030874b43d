import { asAppError, assert, type Logger } from "../../runtime/index.ts";
import type { Intake, Quarantine } from "../quarantine.ts";
import { transferCut } from "../upload-errors.ts";
import type { UploadQuota } from "../upload-quota.ts";
import type { SshRequest } from "./messages.ts";

export interface SftpUploadsOptions {
  readonly quarantine: Quarantine;
  readonly quota: UploadQuota;
  readonly logger: Logger;
  readonly peer: string;
}

interface OpenFile {
  readonly name: string;
  readonly intake: Intake;
  receivedBytes: number;
}

const REFUSED_BEFORE = "This file was refused before";

/** The files of one SFTP connection on their way into quarantine. */
export class SftpUploads {
  readonly #options: SftpUploadsOptions;
  readonly #files = new Map<number, OpenFile>();

  constructor(options: SftpUploadsOptions) {
    this.#options = options;
  }

  /** Returns why it was refused, to be told to the client; undefined: it is done. Never throws. */
  async serve(request: Exclude<SshRequest, { type: "authenticate" }>): Promise<string | undefined> {
    const open = this.#files.get(request.file);
    const name = request.type === "begin" ? request.name : open?.name;
    // What a client sent ahead of the refusal.
    if (request.type !== "begin" && open === undefined) return REFUSED_BEFORE;
    try {
      await this.#do(request, open);
      return undefined;
    } catch (thrown) {
      const { logger, quarantine, peer } = this.#options;
      await this.abort(request.file);
      const error = asAppError(thrown);
      if (error.kind === "bug") {
        logger.error("an SFTP request failed", { error: thrown, peer });
        return "Something went wrong here; the administrator has been told";
      }
      logger.warn("SFTP upload refused", { error, code: error.code, peer });
      await quarantine.recordRefusal({ name, channel: "sftp", peer, error });
      return [error.message, error.hint].filter((line) => line !== undefined).join("; ");
    }
  }

  /** Nothing of it stays. */
  async abort(file: number): Promise<void> {
    const open = this.#files.get(file);
    this.#files.delete(file);
    await open?.intake.abort();
  }

  /** The connection is gone: so is every file that was not finished. */
  async end(): Promise<void> {
    const { quarantine, peer } = this.#options;
    for (const [file, { name, receivedBytes }] of this.#files) {
      await this.abort(file);
      await quarantine.recordRefusal({ name, channel: "sftp", peer, error: transferCut(name, receivedBytes) });
    }
  }

  async #do(request: Exclude<SshRequest, { type: "authenticate" }>, open: OpenFile | undefined): Promise<void> {
    const { quarantine, quota, peer } = this.#options;
    if (request.type === "begin") {
      quota.start(peer);
      const intake = await quarantine.begin({ name: request.name, channel: "sftp", peer });
      this.#files.set(request.file, { name: request.name, intake, receivedBytes: 0 });
      return;
    }

    assert(open !== undefined, "only an open file is written and finished");
    if (request.type === "write") {
      await open.intake.write(request.data);
      open.receivedBytes += request.data.length;
      return;
    }
    const receipt = await open.intake.finish();
    this.#files.delete(request.file);
    receipt.settle();
  }
}

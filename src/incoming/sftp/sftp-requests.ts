import type { Socket } from "node:net";
import ssh2, { type Attributes, type SFTPWrapper } from "ssh2";
import { systemClock } from "../../runtime/index.ts";
import { resolveSftpPath } from "./paths.ts";
import { sendAsStandardError, succeed } from "./sftp-channel.ts";
import type { SshOptions } from "./ssh-connection.ts";

const { OPEN_MODE, STATUS_CODE } = ssh2.utils.sftp;

interface OpenFile {
  readonly id: number;
  readonly name: string;
  /** Files come from their beginning to their end. */
  nextOffset: number;
  refusal: string | undefined;
}

interface OpenDirectory {
  readonly path: string;
  isRead: boolean;
}

const HANDLES_MAX = 16;
/** What a client sends ahead of our answers; beyond it is not read until some are out. */
const PENDING_BYTES_MAX = 4 * 1024 ** 2;
const TEXT_LENGTH_MAX = 500;
const DIRECTORY_MODE = 0o040_733;
const FILE_MODE = 0o100_200;
const ONLY_UPLOADS = "Files can be sent to /incoming, nothing else";

let lastFile = 0;

/** Answer what a client asks over one SFTP channel, until it ends. */
export function serveSftp(sftp: SFTPWrapper, options: SshOptions & { readonly socket: Socket }): void {
  const requests = new SftpRequests(sftp, options);
  requests.listen();
}

/** What a client asks over one SFTP channel: files go to /incoming, and it sees those that it sent itself. */
class SftpRequests {
  readonly #sftp: SFTPWrapper;
  readonly #options: SshOptions & { readonly socket: Socket };
  readonly #handles = new Map<number, OpenFile | OpenDirectory>();
  readonly #stored = new Map<string, Attributes>();
  #lastHandle = 0;
  #pendingBytes = 0;

  constructor(sftp: SFTPWrapper, options: SshOptions & { readonly socket: Socket }) {
    this.#sftp = sftp;
    this.#options = options;
  }

  listen(): void {
    const sftp = this.#sftp;
    sftp.on("error", () => this.#options.socket.destroySoon());
    sftp.on("end", () => {
      // scp fails without it.
      succeed(sftp);
      // Or OpenSSH's sftp waits for ever.
      sftp.end();
    });
    sftp.on("close", () => this.#abortAll());

    sftp.on("REALPATH", (request, path) => this.#tellRealPath(request, path));
    sftp.on("STAT", (request, path) => this.#tellAttributes(request, path));
    sftp.on("LSTAT", (request, path) => this.#tellAttributes(request, path));
    sftp.on("FSTAT", (request, handle) => this.#tellHandleAttributes(request, handle));
    // Modes and times mean nothing here, but clients set them.
    sftp.on("SETSTAT", (request, path) =>
      this.#answer(request, this.#attributesOf(path) === undefined ? ONLY_UPLOADS : undefined),
    );
    sftp.on("FSETSTAT", (request, handle) =>
      this.#answer(request, this.#find(handle) === undefined ? "No such handle" : undefined),
    );
    sftp.on("OPENDIR", (request, path) => this.#openDirectory(request, path));
    sftp.on("READDIR", (request, handle) => this.#readDirectory(request, handle));
    sftp.on("OPEN", (request, path, flags) => void this.#open(request, path, flags));
    sftp.on("WRITE", (request, handle, offset, data) => void this.#write(request, handle, { offset, data }));
    sftp.on("CLOSE", (request, handle) => void this.#close(request, handle));
    sftp.on("READ", (request) => this.#refuse(request));
    sftp.on("REMOVE", (request) => this.#refuse(request));
    sftp.on("RENAME", (request) => this.#refuse(request));
    sftp.on("MKDIR", (request) => this.#refuse(request));
    sftp.on("RMDIR", (request) => this.#refuse(request));
    sftp.on("SYMLINK", (request) => this.#refuse(request));
    sftp.on("READLINK", (request) => this.#refuse(request));
  }

  async #open(request: number, path: string, flags: number): Promise<void> {
    const found = resolveSftpPath(path);
    const isForWriting = (flags & OPEN_MODE.WRITE) !== 0 && (flags & (OPEN_MODE.READ | OPEN_MODE.APPEND)) === 0;
    if (!isForWriting || found?.type !== "file") {
      this.#refuse(request);
      return;
    }
    if (this.#handles.size >= HANDLES_MAX) {
      this.#answer(request, "Too many files are open");
      return;
    }

    lastFile += 1;
    const file: OpenFile = { id: lastFile, name: found.name, nextOffset: 0, refusal: undefined };
    const handle = this.#keep(file);
    const refusal = await this.#options.ask({
      type: "begin",
      connection: this.#options.connection,
      file: file.id,
      name: found.name,
    });
    if (refusal === undefined) {
      this.#sftp.handle(request, handle);
      return;
    }
    this.#handles.delete(numberOf(handle));
    this.#answer(request, refusal);
  }

  async #write(request: number, handle: Buffer, { offset, data }: { offset: number; data: Buffer }): Promise<void> {
    const file = this.#find(handle);
    if (file === undefined || !("id" in file)) {
      this.#answer(request, "No such handle");
      return;
    }
    if (offset !== file.nextOffset) file.refusal ??= "A file is sent from its beginning to its end, without gaps";
    if (file.refusal !== undefined) {
      this.#answer(request, file.refusal);
      return;
    }

    file.nextOffset += data.length;
    this.#hold(data.length);
    const { ask, connection } = this.#options;
    const refusal = await ask({ type: "write", connection, file: file.id, data });
    this.#hold(-data.length);
    // The first says why.
    if (refusal !== undefined) file.refusal ??= refusal;
    this.#answer(request, refusal === undefined ? undefined : file.refusal);
  }

  async #close(request: number, handle: Buffer): Promise<void> {
    const file = this.#find(handle);
    this.#handles.delete(numberOf(handle));
    if (file === undefined || !("id" in file)) {
      this.#answer(request, file === undefined ? "No such handle" : undefined);
      return;
    }

    const { ask, tell, connection } = this.#options;
    const refusal = file.refusal ?? (await ask({ type: "finish", connection, file: file.id }));
    if (refusal === undefined) this.#stored.set(file.name, attributes(FILE_MODE, file.nextOffset));
    else tell({ type: "abort", connection, file: file.id });
    this.#answer(request, file.refusal ?? refusal);
  }

  #tellRealPath(request: number, path: string): void {
    const found = resolveSftpPath(path);
    if (found === undefined) {
      this.#sftp.status(request, STATUS_CODE.NO_SUCH_FILE, "There is only /incoming");
      return;
    }
    this.#sftp.name(request, [{ filename: found.path, longname: found.path, attrs: attributes(DIRECTORY_MODE, 0) }]);
  }

  #tellAttributes(request: number, path: string): void {
    const found = this.#attributesOf(path);
    if (found === undefined) this.#sftp.status(request, STATUS_CODE.NO_SUCH_FILE, "No such file of yours in this session");
    else this.#sftp.attrs(request, found);
  }

  #tellHandleAttributes(request: number, handle: Buffer): void {
    const found = this.#find(handle);
    if (found === undefined) this.#answer(request, "No such handle");
    else this.#sftp.attrs(request, "id" in found ? attributes(FILE_MODE, found.nextOffset) : attributes(DIRECTORY_MODE, 0));
  }

  #attributesOf(path: string): Attributes | undefined {
    const found = resolveSftpPath(path);
    if (found?.type === "directory") return attributes(DIRECTORY_MODE, 0);
    return found === undefined ? undefined : this.#stored.get(found.name);
  }

  #openDirectory(request: number, path: string): void {
    const found = resolveSftpPath(path);
    if (found?.type !== "directory" || this.#handles.size >= HANDLES_MAX) this.#refuse(request);
    else this.#sftp.handle(request, this.#keep({ path: found.path, isRead: false }));
  }

  #readDirectory(request: number, handle: Buffer): void {
    const directory = this.#find(handle);
    if (directory === undefined || "id" in directory) {
      this.#answer(request, "No such handle");
      return;
    }
    if (directory.isRead) {
      this.#sftp.status(request, STATUS_CODE.EOF);
      return;
    }
    directory.isRead = true;
    const entries: [string, Attributes][] =
      directory.path === "/"
        ? [["incoming", attributes(DIRECTORY_MODE, 0)]]
        : [[".", attributes(DIRECTORY_MODE, 0)], ...this.#stored];
    this.#sftp.name(
      request,
      entries.map(([filename, attrs]) => ({
        filename,
        longname: `--w-------    1 you      you      ${attrs.size} ${filename}`,
        attrs,
      })),
    );
  }

  #refuse(request: number): void {
    this.#say(ONLY_UPLOADS);
    this.#sftp.status(request, STATUS_CODE.PERMISSION_DENIED, ONLY_UPLOADS);
  }

  /** A plain failure with the reason: dput-ng takes "permission denied" for something else. */
  #answer(request: number, refusal: string | undefined): void {
    if (refusal === undefined) {
      this.#sftp.status(request, STATUS_CODE.OK);
      return;
    }
    const text = plain(refusal);
    this.#say(text);
    this.#sftp.status(request, STATUS_CODE.FAILURE, text);
  }

  readonly #said = new Set<string>();

  /** OpenSSH's programs show no reasons of SFTP, but what comes as standard error; each once. */
  #say(text: string): void {
    if (this.#said.has(text) || this.#said.size > 20) return;
    this.#said.add(text);
    sendAsStandardError(this.#sftp, `mini-buildd: ${text}\n`);
  }

  #keep(opened: OpenFile | OpenDirectory): Buffer {
    this.#lastHandle += 1;
    this.#handles.set(this.#lastHandle, opened);
    const handle = Buffer.alloc(4);
    handle.writeUInt32BE(this.#lastHandle);
    return handle;
  }

  #find(handle: Buffer): OpenFile | OpenDirectory | undefined {
    return this.#handles.get(numberOf(handle));
  }

  #hold(bytes: number): void {
    const { socket } = this.#options;
    this.#pendingBytes += bytes;
    if (this.#pendingBytes > PENDING_BYTES_MAX) socket.pause();
    else if (socket.isPaused()) socket.resume();
  }

  #abortAll(): void {
    const { tell, connection } = this.#options;
    for (const opened of this.#handles.values()) {
      if ("id" in opened) tell({ type: "abort", connection, file: opened.id });
    }
    this.#handles.clear();
  }
}

function numberOf(handle: Buffer): number {
  return handle.length === 4 ? handle.readUInt32BE(0) : 0;
}

function attributes(mode: number, size: number): Attributes {
  const seconds = Math.floor(systemClock.now().getTime() / 1000);
  return { mode, uid: 0, gid: 0, size, atime: seconds, mtime: seconds };
}

function plain(text: string): string {
  return text.replaceAll(/[^\u0020-\u007e]/g, "?").slice(0, TEXT_LENGTH_MAX);
}

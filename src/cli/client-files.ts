import { chmod, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { parse as parseToml } from "smol-toml";
import { AppError, makeDirectory, writeFileAtomically } from "../runtime/index.ts";

/** Where a person's settings of the command line are: `$XDG_CONFIG_HOME/mini-buildd`, `~/.config/mini-buildd`. */
export function clientDirectory(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const { XDG_CONFIG_HOME: configHome, HOME: home } = environment;
  if (configHome !== undefined && configHome.startsWith("/")) return join(configHome, "mini-buildd");
  return home === undefined || home === "" ? undefined : join(home, ".config", "mini-buildd");
}

export interface ClientSettings {
  readonly endpoint?: string | undefined;
}

/** Of client.toml; all of it is optional. Throws CLIENT_CONFIG_INVALID (invalid). */
export async function readClientSettings(directory: string | undefined): Promise<ClientSettings> {
  if (directory === undefined) return {};
  const path = join(directory, "client.toml");
  const text = await readOptional(path);
  const parsed = parse(path, text);
  const unknown = Object.keys(parsed).find((key) => key !== "endpoint");
  const { endpoint } = parsed;
  if (unknown !== undefined) throw configInvalid(path, `there is no option ${unknown}`, undefined);
  if (endpoint !== undefined && typeof endpoint !== "string") throw configInvalid(path, "endpoint is no text", undefined);
  return { endpoint };
}

function parse(path: string, text: string): Record<string, unknown> {
  try {
    return parseToml(text);
  } catch (error) {
    throw configInvalid(path, error instanceof Error ? (error.message.split("\n")[0] ?? "") : "not TOML", error);
  }
}

function configInvalid(path: string, what: string, cause: unknown): AppError {
  return new AppError({
    kind: "invalid",
    code: "CLIENT_CONFIG_INVALID",
    message: `${path}: ${what}`,
    hint: 'It may have: endpoint = "http://buildd.example.org:8066"',
    cause,
  });
}

/** An API token that `login` was given. */
export interface StoredCredential {
  readonly user: string;
  readonly tokenId: string;
  readonly token: string;
}

/** API tokens by the origin of the instance they are for, in one file of mode 0600. */
export class Credentials {
  readonly #directory: string | undefined;

  constructor(directory: string | undefined) {
    this.#directory = directory;
  }

  get path(): string {
    return join(this.#directory ?? "/nonexistent", "credentials.json");
  }

  async find(origin: string): Promise<StoredCredential | undefined> {
    return (await this.#read())[origin];
  }

  async store(origin: string, credential: StoredCredential): Promise<void> {
    await this.#write({ ...(await this.#read()), [origin]: credential });
  }

  /** Returns what was there. */
  async remove(origin: string): Promise<StoredCredential | undefined> {
    const { [origin]: removed, ...others } = await this.#read();
    if (removed !== undefined) await this.#write(others);
    return removed;
  }

  /** Throws CREDENTIALS_EXPOSED (forbidden), CREDENTIALS_INVALID (invalid). */
  async #read(): Promise<Readonly<Record<string, StoredCredential>>> {
    const text = await readOptional(this.path);
    if (text === "") return {};
    const { mode } = await stat(this.path);
    if ((mode & 0o077) !== 0) throw exposed(this.path, mode);
    try {
      const value = JSON.parse(text) as unknown;
      if (typeof value === "object" && value !== null) return value as Record<string, StoredCredential>;
    } catch (error) {
      throw credentialsInvalid(this.path, error);
    }
    throw credentialsInvalid(this.path, undefined);
  }

  async #write(all: Readonly<Record<string, StoredCredential>>): Promise<void> {
    if (this.#directory === undefined) throw noDirectory();
    await makeDirectory(this.#directory, 0o700);
    await writeFileAtomically(this.path, `${JSON.stringify(all, undefined, 2)}\n`, { mode: 0o600 });
    await chmod(this.path, 0o600);
  }
}

async function readOptional(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Another's home directory, as after sudo, has no settings for us.
    if (code === "ENOENT" || code === "EACCES" || code === "ENOTDIR") return "";
    throw error;
  }
}

function exposed(path: string, mode: number): AppError {
  return new AppError({
    kind: "forbidden",
    code: "CREDENTIALS_EXPOSED",
    message: `${path} has mode ${(mode & 0o777).toString(8).padStart(4, "0")}: others may read it`,
    hint: `chmod 600 ${path}; if others could log in here, make new tokens: mini-buildd logout, then login`,
  });
}

function credentialsInvalid(path: string, cause: unknown): AppError {
  return new AppError({
    kind: "invalid",
    code: "CREDENTIALS_INVALID",
    message: `${path} is not what mini-buildd login writes`,
    hint: "Remove it, and log in again",
    cause,
  });
}

function noDirectory(): AppError {
  return new AppError({
    kind: "invalid",
    code: "NO_HOME_DIRECTORY",
    message: "there is no place to keep a token: neither HOME nor XDG_CONFIG_HOME is set",
    hint: "Set HOME, or give a token as MINI_BUILDD_TOKEN",
  });
}

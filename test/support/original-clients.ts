import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { type EndedCommand, runChecked, runCommand } from "../../src/runtime/index.ts";
import { makeAptRoot } from "./apt.ts";
import { hostArchitecture } from "./daemon.ts";
import { readHostRelease } from "./host-archive.ts";

/** Where Debian has the original's clients. */
const RELEASE = "bookworm";
const FROM_BACKPORTS = ["mini-buildd-utils", "python3-mini-buildd"];
/** What their Python imports, beyond what is in python3 itself. */
const NEEDED = [
  "python3-apt",
  "python3-argcomplete",
  "python3-asgiref",
  "python3-attr",
  "python3-automat",
  "python3-bcrypt",
  "python3-chardet",
  "python3-constantly",
  "python3-cryptography",
  "python3-dateparser",
  "python3-dateutil",
  "python3-debian",
  "python3-distro-info",
  "python3-django",
  "python3-gpg",
  "python3-hamcrest",
  "python3-hyperlink",
  "python3-idna",
  "python3-importlib-metadata",
  "python3-incremental",
  "python3-jaraco.classes",
  "python3-jeepney",
  "python3-keyring",
  "python3-keyrings.alt",
  "python3-more-itertools",
  "python3-openssl",
  "python3-packaging",
  "python3-pyasn1",
  "python3-pyasn1-modules",
  "python3-pyftpdlib",
  "python3-pytz-deprecation-shim",
  "python3-regex",
  "python3-secretstorage",
  "python3-service-identity",
  "python3-six",
  "python3-sqlparse",
  "python3-twisted",
  "python3-typing-extensions",
  "python3-tz",
  "python3-tzlocal",
  "python3-zipp",
  "python3-zope.interface",
];

/**
 * The original's clients, mini-buildd-utils 2.2.8 from Debian's backports, as they are: downloaded and unpacked once per
 * user, below /var/tmp. Each gets a home of its own, for passwords and dput.cf.
 */
export class OriginalClients {
  readonly home: string;
  readonly #path: string;

  private constructor(path: string, home: string) {
    this.#path = path;
    this.home = home;
  }

  /** Undefined when this machine's APT cannot get them, with a message; with CI in the environment that fails. */
  static async find(): Promise<OriginalClients | undefined> {
    const cachePath = `/var/tmp/mini-buildd-tests-${userInfo().uid}/original-clients`;
    try {
      if (!existsSync(cachePath)) await unpack(cachePath);
    } catch (error) {
      if (process.env.CI !== undefined) throw error;
      console.warn("skipped: the original's clients cannot be downloaded", error);
      return undefined;
    }
    return new OriginalClients(cachePath, await mkdtemp(join(`${cachePath}/..`, "home-")));
  }

  /** Where a program of theirs is. */
  pathOf(program: string): string {
    return join(this.#path, "usr/bin", program);
  }

  /** `run("mini-buildd-api", "status", "localhost:8066")` */
  run(program: string, ...args: string[]): Promise<EndedCommand> {
    return this.start(program, args);
  }

  /** Python with the original's library, as programs of users have it. */
  python(...args: string[]): Promise<EndedCommand> {
    return this.#python(args);
  }

  /** The same; `signal` ends it. */
  start(program: string, args: readonly string[], signal?: AbortSignal): Promise<EndedCommand> {
    return this.#python([this.pathOf(program), ...args], signal);
  }

  #python(args: readonly string[], signal?: AbortSignal): Promise<EndedCommand> {
    return runCommand({
      argv: ["/usr/bin/python3", ...args],
      cwd: this.home,
      env: {
        HOME: this.home,
        LC_ALL: "C.UTF-8",
        PYTHONPATH: join(this.#path, "usr/lib/python3/dist-packages"),
        PYTHON_KEYRING_BACKEND: "keyrings.alt.file.PlaintextKeyring",
        PATH: `${join(this.#path, "usr/bin")}:/usr/bin:/bin`,
      },
      timeoutMs: 300_000,
      signal,
    });
  }

  /** As a user does it with `keyring set`; the client finds it by the endpoint's URL. */
  async savePassword(url: string, user: string, password: string): Promise<void> {
    await runChecked({
      argv: ["/usr/bin/python3", "-c", "import sys, keyring; keyring.set_password(*sys.argv[1:])", url, user, password],
      cwd: this.home,
      env: {
        HOME: this.home,
        PYTHONPATH: join(this.#path, "usr/lib/python3/dist-packages"),
        PYTHON_KEYRING_BACKEND: "keyrings.alt.file.PlaintextKeyring",
      },
      timeoutMs: 60_000,
    });
  }

  async dispose(): Promise<void> {
    await rm(this.home, { recursive: true, force: true });
  }
}

async function unpack(cachePath: string): Promise<void> {
  await mkdir(join(cachePath, ".."), { recursive: true });
  const workPath = await mkdtemp(`${cachePath}-`);
  const apt = await makeAptRoot({ sources: await sources(), architecture: await hostArchitecture() });
  try {
    await apt.must("apt-get", "update");
    await apt.must("apt-get", "download", ...FROM_BACKPORTS.map((name) => `${name}/${RELEASE}-backports`), ...NEEDED);
    const debs = join(apt.path, "work");
    for (const name of await readdir(debs)) {
      if (name.endsWith(".deb")) await runChecked({ argv: ["dpkg-deb", "--extract", join(debs, name), workPath] });
    }
    // Says that it is whole, to those who look at it by hand.
    await writeFile(join(workPath, "COMPLETE"), "");
    await rename(workPath, cachePath);
  } catch (error) {
    await rm(workPath, { recursive: true, force: true });
    // Another worker may have been first.
    if (!existsSync(cachePath)) throw error;
  } finally {
    await apt.dispose();
  }
}

/** This machine's own archive, and the backports beside it. */
async function sources(): Promise<string> {
  const { codename, sources: own } = await readHostRelease();
  if (codename !== RELEASE) throw new Error(`the original's clients are in ${RELEASE}-backports; this machine runs ${codename}`);
  const texts = own.map(({ deb822 }) => deb822);
  const main = texts.find((text) => new RegExp(`^Suites:.*\\b${RELEASE}(?![\\w-])`, "m").test(text)) ?? texts[0] ?? "";
  return [...texts, main.replace(/^Suites:.*$/m, `Suites: ${RELEASE}-backports`)].join("\n");
}

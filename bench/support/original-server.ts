import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { aptFiles, fetchOptions, type Session } from "../../src/testbed/index.ts";
import { freePort } from "../../test/support/daemon.ts";
import { openRealTestbeds, type RealTestbeds } from "../../test/support/testbeds.ts";
import { logIntoOriginal } from "./original-login.ts";

export interface OriginalServer {
  readonly url: string;
  readonly version: string;
  /** One that it serves, without packages. */
  readonly distribution: string;
  stop(): Promise<void>;
}

const RELEASE = "bookworm";
const HOME = "/var/lib/mini-buildd";
const PASSWORD = "bench";
const INSTALL_TIMEOUT_MS = 600_000;
const START_TIMEOUT_MS = 120_000;
const AS_ITS_USER = ["setpriv", "--reuid=mini-buildd", "--regid=mini-buildd", "--init-groups", "env", `HOME=${HOME}`] as const;

/**
 * Debian's mini-buildd, the original, from bookworm-backports, as its package sets it up, in a testbed with the network of
 * this machine; one repository, no chroots, nothing built. About two minutes. Undefined on a machine of another release.
 */
export async function startOriginal(): Promise<OriginalServer | undefined> {
  const real = await openRealTestbeds();
  if (real.release.codename !== RELEASE) {
    await real.dispose();
    return undefined;
  }

  const session = await real.testbeds.startSession({ layers: [real.base.id], network: "host" });
  const stop = async (): Promise<void> => {
    await session.close();
    await real.dispose();
  };
  try {
    await install(session, real);
    const url = await start(session);
    await setUp(url, archivesOf(real));
    const { version } = (await (await fetch(`${url}/mini_buildd/api/status/?output=json`)).json()) as { version: string };
    return { url, version, distribution: `${RELEASE}-test-unstable`, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function install(session: Session, { release, scratch }: RealTestbeds): Promise<void> {
  const backports = release.sources.slice(0, 1).map((source) => ({
    ...source,
    name: "backports",
    deb822: source.deb822.replace(/^Suites:.*$/m, `Suites: ${RELEASE}-backports`),
  }));
  const { files } = await aptFiles([...release.sources, ...backports]);
  const options = (await fetchOptions()).filter((option) => option !== "-o").map((option) => option.replace(/=(.*)$/, ' "$1";'));
  const noServices = ["/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n"] as const;
  for (const [path, content] of [...files, ["/etc/apt/apt.conf.d/99host", `${options.join("\n")}\n`] as const, noServices]) {
    const copy = join(scratch, "file");
    await writeFile(copy, content, { mode: 0o755 });
    await session.runChecked({ argv: ["mkdir", "-p", dirname(path)] });
    await session.copyIn(copy, path);
  }
  await session.runChecked({ argv: ["apt-get", "-q", "update"], timeoutMs: INSTALL_TIMEOUT_MS });
  const argv = ["apt-get", "-qy", "install", "-t", `${RELEASE}-backports`, "--no-install-recommends", "mini-buildd"] as const;
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await session.runChecked({ argv: [...argv], env, timeoutMs: INSTALL_TIMEOUT_MS });
}

async function start(session: Session): Promise<string> {
  const port = await freePort();
  await session.runChecked({ argv: [...AS_ITS_USER, "mini-buildd", "-P", PASSWORD], cwd: HOME });
  // Until the session ends.
  void session.run({
    argv: [...AS_ITS_USER, "mini-buildd", "-N", "localhost", "-E", `tcp:interface=127.0.0.1:port=${port}`],
    cwd: HOME,
    keepTail: true,
  });
  const url = `http://127.0.0.1:${port}`;
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const isUp = await fetch(`${url}/mini_buildd/api/status/?output=json`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return url;
    if (performance.now() > deadline) throw new Error("the original does not answer");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** As this machine's own APT has them. */
function archivesOf({ release }: RealTestbeds): string[] {
  const uris = release.sources.flatMap(({ deb822 }) => /^URIs: (.*)$/m.exec(deb822)?.[1]?.split(" ") ?? []);
  return [...new Set(uris.map((uri) => `${uri.replace(/\/$/, "")}/`))];
}

async function setUp(url: string, archives: readonly string[]): Promise<void> {
  const cookie = await logIntoOriginal(url, PASSWORD);
  const query = new URLSearchParams({
    output: "json",
    confirm: "setup",
    pca: "all",
    update: "all",
    identity: "bench",
    ftp_endpoint: `tcp:interface=127.0.0.1:port=${await freePort()}`,
    archives: archives.join(","),
    sources: RELEASE,
    distributions_from_sources: "True",
    repositories: "test",
    repositories_from_distributions: "test",
  });
  const answer = await fetch(`${url}/mini_buildd/api/setup/?${query.toString()}`, { headers: { cookie } });
  if (!answer.ok) throw new Error(`the original cannot be set up: ${(await answer.text()).slice(0, 500)}`);
}

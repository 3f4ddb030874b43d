import { join } from "node:path";
import { makeDirectory } from "../runtime/index.ts";

/** Where things are below the home. Each directory is written by the module of its name. */
export interface HomePaths {
  readonly home: string;
  readonly database: string;
  readonly builds: string;
  readonly quarantine: string;
  readonly repositories: string;
  readonly testbeds: string;
  readonly keys: string;
  /** Of the SFTP server. */
  readonly sshHostKey: string;
  /** With its key, when it is self-made. */
  readonly tlsCertificate: string;
  /** What can be made again at any time. */
  readonly cache: string;
  readonly etc: string;
  readonly controlSocket: string;
}

export function homePaths(home: string): HomePaths {
  return {
    home,
    database: join(home, "database", "mini-buildd.sqlite"),
    builds: join(home, "builds"),
    quarantine: join(home, "quarantine"),
    repositories: join(home, "repositories"),
    testbeds: join(home, "testbeds"),
    keys: join(home, "keys"),
    sshHostKey: join(home, "keys", "ssh_host_key"),
    tlsCertificate: join(home, "keys", "tls.pem"),
    cache: join(home, "cache"),
    etc: join(home, "etc"),
    controlSocket: join(home, "run", "control.sock"),
  };
}

export async function makeHome(paths: HomePaths): Promise<void> {
  await makeDirectory(join(paths.home, "database"), 0o700);
  await makeDirectory(paths.keys, 0o700);
  await makeDirectory(join(paths.etc, "keyrings"));
  await makeDirectory(join(paths.cache, "apt"));
  await makeDirectory(paths.builds);
  await makeDirectory(paths.repositories);
}

import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { createConnection, createServer } from "node:net";
import { join } from "node:path";
import { listenOnPort } from "../../runtime/index.ts";
import { type CheckContext, type Finding, ok, problem, warning } from "./finding.ts";

/** The ports, and the name under which others reach us. */
export async function checkNetwork({ config }: CheckContext): Promise<Finding[]> {
  const isRunning = await answers(join(config.home, "run", "control.sock"));
  const ports = [
    ...config.http.endpoints.map((endpoint) => ({ name: "http", ...endpoint })),
    ...(config.ftp.enabled ? [{ name: "ftp", ...config.ftp }] : []),
    ...(config.sftp.enabled ? [{ name: "sftp", ...config.sftp }] : []),
  ];
  const portFindings = ports.map(({ name, port, address }) => checkPort({ name, port, address, isRunning }));
  return [...(await Promise.all(portFindings)), await checkHostname(config.hostname)];
}

interface PortCheck {
  readonly name: string;
  readonly port: number;
  readonly address: string;
  readonly isRunning: boolean;
}

async function checkPort({ name, port, address, isRunning }: PortCheck): Promise<Finding> {
  const subject = `${name} port`;
  if (isRunning) return ok(subject, `${port}: mini-buildd runs in this home`);

  const bound = await tryToListen(port, address);
  if ("address" in bound) return ok(subject, `${port} is free on ${bound.address}`);

  const place = `${address} port ${port}`;
  const option = `in etc/mini-buildd.toml: [${name}]`;
  if (bound.failure === "EADDRINUSE") {
    const fix = `Stop that program (ss -ltnp shows it), or set another port ${option} port = …`;
    return problem(subject, `another program listens on ${place}`, fix);
  }
  const fix = `Set an address and a port that this user may listen on ${option} address = …, port = …`;
  return problem(subject, `cannot listen on ${place}: ${bound.failure}`, fix);
}

/** As the servers themselves listen. */
async function tryToListen(port: number, host: string): Promise<{ readonly address: string } | { readonly failure: string }> {
  const server = createServer();
  try {
    const address = await listenOnPort(server, { host, port });
    server.close();
    await once(server, "close");
    return { address };
  } catch (error) {
    return { failure: (error as NodeJS.ErrnoException).code ?? String(error) };
  }
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection({ path: socketPath });
    connection.once("connect", () => {
      connection.destroy();
      resolve(true);
    });
    connection.once("error", () => resolve(false));
  });
}

async function checkHostname(hostname: string): Promise<Finding> {
  const address = await lookup(hostname).catch(() => undefined);
  if (address !== undefined) return ok("host name", `${hostname} is ${address.address}`);
  return warning(
    "host name",
    `${hostname} has no address here, so the dput and APT snippets may not work`,
    'Add it to /etc/hosts or DNS, or set hostname = "…" in etc/mini-buildd.toml',
  );
}

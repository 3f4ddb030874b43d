/**
 * Requests per second of our repository delivery beside nginx: `node bench/delivery.ts [SECONDS]`. Needs `wrk` and
 * `nginx` on PATH. Rounds alternate, so that both see the same machine. Prints a table and writes bench/delivery.json.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { runChecked } from "../src/runtime/index.ts";

const SECONDS = Number(process.argv[2] ?? 3);
const ROUNDS = 3;
const NGINX_PORT = 18_080;
const FILES = {
  "InRelease, 5 KB": ["dists/d/InRelease", 5_000],
  ".deb, 53 KB": ["pool/a.deb", 53_000],
  ".deb, 1 MB": ["pool/b.deb", 1_000_000],
} as const;

const work = await mkdtemp(join(tmpdir(), "mbd-bench-"));
const children: ChildProcess[] = [];
try {
  const servers = { ours: await startOurs(), nginx: await startNginx() };
  const results = [];
  for (const [what, [path]] of Object.entries(FILES)) {
    const rates = { ours: [] as number[], nginx: [] as number[] };
    for (let round = 0; round < ROUNDS; round++) {
      rates.ours.push(await measure(`${servers.ours}/repositories/test/${path}`));
      rates.nginx.push(await measure(`${servers.nginx}/repositories/test/${path}`));
    }
    const [ours, nginx] = [median(rates.ours), median(rates.nginx)];
    results.push({ what, ours: Math.round(ours), nginx: Math.round(nginx), ratio: Number((ours / nginx).toFixed(2)) });
  }
  console.table(results);
  await writeFile(join(import.meta.dirname, "delivery.json"), `${JSON.stringify(results, undefined, 2)}\n`);
} finally {
  for (const child of children) child.kill("SIGKILL");
  await rm(work, { recursive: true });
}

async function startOurs(): Promise<string> {
  for (const [path, size] of Object.values(FILES)) {
    await mkdir(join(work, "repositories/test", path, ".."), { recursive: true });
    await writeFile(join(work, "repositories/test", path), Buffer.alloc(size, "x"));
  }
  const child = spawn(process.execPath, [join(import.meta.dirname, "delivery-server.ts"), join(work, "repositories")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const [port] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return `http://127.0.0.1:${port}`;
}

async function startNginx(): Promise<string> {
  const configuration = `
    worker_processes 1; daemon off; master_process off; pid ${work}/pid; error_log /dev/null;
    events { worker_connections 256; }
    http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; client_body_temp_path ${work};
      proxy_temp_path ${work}; fastcgi_temp_path ${work}; uwsgi_temp_path ${work}; scgi_temp_path ${work};
      server { listen 127.0.0.1:${NGINX_PORT}; root ${work}; } }`;
  await writeFile(join(work, "nginx.conf"), configuration);
  children.push(spawn("nginx", ["-c", join(work, "nginx.conf"), "-e", "/dev/null"], { stdio: "inherit" }));
  await untilListening(NGINX_PORT);
  return `http://127.0.0.1:${NGINX_PORT}`;
}

async function untilListening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    const isOpen = await Promise.race([once(socket, "connect").then(() => true), once(socket, "error").then(() => false)]).catch(
      () => false,
    );
    socket.destroy();
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function measure(url: string): Promise<number> {
  const env = { PATH: process.env.PATH ?? "", LD_LIBRARY_PATH: process.env.LD_LIBRARY_PATH ?? "" };
  const ended = await runChecked({ argv: ["wrk", "-t1", "-c8", `-d${SECONDS}s`, url], env });
  const output = ended.stdout.toString();
  if (/Non-2xx/.test(output)) throw new Error(output);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

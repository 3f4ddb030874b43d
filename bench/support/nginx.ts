import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface StaticNginx {
  readonly url: string;
  stop(): Promise<void>;
}

/** Debian's nginx, one worker, nothing but static files below `root`. */
export async function startNginx(root: string): Promise<StaticNginx> {
  const work = await mkdtemp(join(tmpdir(), "mbd-nginx-"));
  const port = await freePort();
  const configuration = `
    worker_processes 1; daemon off; master_process off; pid ${work}/pid; error_log /dev/null;
    events { worker_connections 4096; }
    http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; client_body_temp_path ${work};
      proxy_temp_path ${work}; fastcgi_temp_path ${work}; uwsgi_temp_path ${work}; scgi_temp_path ${work};
      server { listen 127.0.0.1:${port}; root ${root}; } }`;
  await writeFile(join(work, "nginx.conf"), configuration);
  const child = spawn("nginx", ["-c", join(work, "nginx.conf"), "-e", "/dev/null"], { stdio: "inherit" });
  await untilListening(port);
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
      await rm(work, { recursive: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return address.port;
}

async function untilListening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const socket = connect(port, "127.0.0.1");
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("nginx does not listen");
}

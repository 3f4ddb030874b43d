/**
 * An autopkgtest virtualisation server on testbed sessions: a program of its own, started by sbuild or autopkgtest
 * (see `Testbeds.virtServerCommand`). Speaks README.virtualisation-server on standard input and output.
 *
 * The session ends with this process: at end of input, on a signal, and, as its holder watches both our pipe and the
 * daemon's lifeline, when either of us is killed.
 */
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { errorChain, systemClock } from "../../runtime/index.ts";
import { loadIdMap } from "../id-map.ts";
import { LayerStore } from "../layer-store.ts";
import { startSession } from "../start-session.ts";
import { parseRequest } from "./protocol.ts";
import { VirtServer } from "./server.ts";

const EXIT_FAILURE = 16;

const { values } = parseArgs({
  options: { directory: { type: "string" }, layers: { type: "string" }, lifeline: { type: "string" } },
});
await main(values.directory, values.layers, values.lifeline);

async function main(directory: string | undefined, layers: string | undefined, lifelinePath: string | undefined): Promise<void> {
  if (directory === undefined || layers === undefined || lifelinePath === undefined)
    return fail("usage: main --directory=DIR --layers=ID,ID --lifeline=FIFO");

  const store = await LayerStore.open(directory, await loadIdMap(), systemClock);
  const server = new VirtServer(() => startSession({ store, lifelinePath }, { layers: layers.split(",") }));
  closeOnSignals(server);
  console.log("ok");

  try {
    for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
      const request = parseRequest(line);
      if (request === undefined) continue;
      if (request.command === "quit") break;
      console.log(await server.answer(request));
    }
    await server.close();
    // quit answers after the testbed is closed.
    console.log("ok");
  } catch (error) {
    await server.close();
    fail(errorChain(error).join(": "));
  }
  process.exit();
}

function closeOnSignals(server: VirtServer): void {
  // EPIPE: the caller is gone, and standard input ends too.
  process.stdout.on("error", () => {});
  for (const [signal, number] of [
    ["SIGHUP", 1],
    ["SIGINT", 2],
    ["SIGTERM", 15],
  ] as const) {
    process.once(signal, () => {
      void server.close().finally(() => process.exit(128 + number));
    });
  }
}

function fail(message: string): void {
  process.stderr.write(`mini-buildd virtualisation server: ${message}\n`);
  process.exitCode = EXIT_FAILURE;
}

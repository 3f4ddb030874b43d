import { AppError, asAppError, collectAtRest, type Logger, monotonicMs, systemClock } from "../runtime/index.ts";
import { tellWhenNobodyAdministers } from "./accounts.ts";
import { type Config, loadConfig } from "./config.ts";
import { type Doors, openDoors } from "./doors.ts";
import { constructEngine, type Engine, startEngine, stopEngine } from "./engine.ts";
import { type Foundation, layFoundation, takeDownFoundation } from "./foundation.ts";
import { localUrl } from "./local-url.ts";
import { type DaemonLog, flushLog, makeLog } from "./log.ts";

const NODE_MAJOR_MIN = 24;

/**
 * `mini-buildd serve`: config → construct → start → run until a signal → stop. Resolves with the exit status. The
 * first SIGTERM or SIGINT stops in order; the second at once.
 */
export async function serve(home: string): Promise<number> {
  refuseOldNode();
  refuseRoot();
  const config = await loadConfig(home);
  const log = makeLog(config);
  const { logger } = log;
  const ending = new Ending(logger);

  const server = await startServer(config, { log, fail: (error) => ending.fail(error) });
  await ending.reached;
  await server.stop();
  logger.info("stopped", { because: ending.reason });
  await flushLog(log);
  return ending.exitStatus;
}

export interface RunningServer {
  readonly httpPort: number;
  readonly ftpPort: number | undefined;
  stop(): Promise<void>;
}

async function startServer(config: Config, options: { log: DaemonLog; fail: (error: unknown) => void }): Promise<RunningServer> {
  const { logger } = options.log;
  const startedAtMs = monotonicMs();
  const foundation = await layFoundation({ config, clock: systemClock, ...options });
  let engine: Engine | undefined;
  let doors: Doors | undefined;
  try {
    engine = await constructEngine(foundation, localUrl(config));
    doors = await openDoors(foundation, engine);
    await startEngine(foundation, engine);
  } catch (error) {
    await doors?.close();
    await takeDown(foundation, undefined);
    throw error;
  }
  await tellWhenNobodyAdministers(foundation, engine.accounts);
  const { httpPort, ftpPort } = doors;
  logger.info("ready", { httpPort, ftpPort, home: config.home, startMs: Math.round(monotonicMs() - startedAtMs) });
  const stopCollecting = collectAtRest(() => !foundation.jobs.isIdle);
  const stop = async (): Promise<void> => {
    stopCollecting();
    await stopAll(foundation, engine, doors);
  };
  return { httpPort, ftpPort, stop };
}

async function stopAll(foundation: Foundation, engine: Engine, doors: Doors): Promise<void> {
  await doors.close();
  await takeDown(foundation, engine);
}

async function takeDown(foundation: Foundation, engine: Engine | undefined): Promise<void> {
  if (engine !== undefined) await stopEngine(foundation, engine);
  await takeDownFoundation(foundation);
}

/** Why and how the server ends. */
class Ending {
  readonly reached: Promise<void>;
  reason = "";
  exitStatus = 0;
  readonly #logger: Logger;
  #reach: () => void = () => {};

  constructor(logger: Logger) {
    this.#logger = logger;
    this.reached = new Promise((resolve) => {
      this.#reach = resolve;
    });
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => this.#signalled(signal));
    process.on("unhandledRejection", (error) => this.fail(error));
    process.on("uncaughtException", (error) => this.fail(error));
  }

  fail(error: unknown): void {
    this.#logger.error("cannot go on", { error: asAppError(error) });
    this.#end("an error", 70);
  }

  #signalled(signal: NodeJS.Signals): void {
    if (this.reason !== "") {
      this.#logger.warn("stopping at once", { signal });
      process.exit(this.exitStatus === 0 ? 130 : this.exitStatus);
    }
    this.#logger.info("stopping; a second signal stops at once", { signal });
    this.#end(signal, 0);
  }

  #end(reason: string, exitStatus: number): void {
    if (this.reason !== "") return;
    this.reason = reason;
    this.exitStatus = exitStatus;
    this.#reach();
  }
}

function refuseOldNode(): void {
  const major = Number(process.versions.node.split(".")[0]);
  if (major >= NODE_MAJOR_MIN) return;

  throw new AppError({
    kind: "invalid",
    code: "NODE_TOO_OLD",
    message: `this is Node.js ${process.versions.node}, and mini-buildd needs ${NODE_MAJOR_MIN} or newer`,
    hint: "Run tools/setup, which installs one beside the program, or install Node.js 24",
  });
}

/** Testbeds map our own uid away from what runs in them: as root there would be nothing below us. */
function refuseRoot(): void {
  if (process.getuid?.() !== 0) return;

  throw new AppError({
    kind: "invalid",
    code: "RUNNING_AS_ROOT",
    message: "mini-buildd does not run as root",
    hint: "Run it as an ordinary user with a subuid range: ./quickstart makes one",
  });
}

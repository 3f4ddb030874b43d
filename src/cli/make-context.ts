import { ApiClient, Client, type Endpoint } from "../client/index.ts";
import { Credentials, clientDirectory, readClientSettings } from "./client-files.ts";
import type { CommandContext } from "./command-context.ts";
import { readDputHosts } from "./dput-hosts.ts";
import { chooseEndpoint } from "./endpoint.ts";

interface GlobalOptions {
  readonly endpoint?: string;
  readonly home: string;
}

/** From options, environment and the person's files. Files are read when something is asked. */
export function makeCommandContext(options: () => GlobalOptions, signal: AbortSignal): CommandContext {
  const directory = clientDirectory(process.env);
  const credentials = new Credentials(directory);
  const environmentToken = process.env["MINI_BUILDD_TOKEN"];
  const dputHosts = () => readDputHosts(process.env["HOME"]);

  const endpointFor = async (isForOwner: boolean, preferred?: string): Promise<Endpoint> => {
    const { endpoint, home } = options();
    return chooseEndpoint({
      given: endpoint ?? preferred ?? process.env["MINI_BUILDD_ENDPOINT"],
      configured: (await readClientSettings(directory)).endpoint,
      dputHosts: await dputHosts(),
      home,
      isForOwner,
      hasToken: environmentToken !== undefined,
    });
  };
  return {
    print: (text) => void process.stdout.write(text),
    note: (text) => void process.stderr.write(text),
    async connect({ isForOwner, preferred }) {
      const endpoint = await endpointFor(isForOwner, preferred);
      const kept = endpoint.kind === "network" ? (await credentials.find(endpoint.url.origin))?.token : undefined;
      return new Client(new ApiClient(endpoint, environmentToken ?? kept));
    },
    connectAnonymously: async () => {
      const endpoint = await endpointFor(false);
      return new ApiClient(endpoint.kind === "network" ? endpoint : networkOf());
    },
    credentials,
    dputHosts,
    isInteractive: process.stdout.isTTY && process.stderr.isTTY,
    signal,
  };
}

/** Over the socket one is the owner already: who logs in wants the instance as others see it. */
function networkOf(): Endpoint {
  return { kind: "network", url: new URL("http://localhost:8066") };
}

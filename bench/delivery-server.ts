/** Serves a directory of repositories by our handler, in a process of its own: `node delivery-server.ts PATH`. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createDeliveryHandler } from "../src/http/delivery/handler.ts";

const handle = createDeliveryHandler({ repositoriesPath: process.argv[2] ?? "" });
const server = createServer((request, response) => void handle(request, response));
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));

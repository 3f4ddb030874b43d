/**
 * http: the server on TCP and on the control socket, and what is derived from the operations: the original's calls,
 * REST routes, OpenAPI, problem details; live streams of events and build logs.
 *
 * Access comes from the connection: the control socket (mode 0600, in a directory of mode 0700) is its owner, who
 * may do everything; TCP is everybody. Streams are pulled by their readers and end with `close()`.
 * Pages come from `web`, repository files and uploads from front handlers; `daemon` puts them together.
 */
export type { Pages } from "./application.ts";
export { createDeliveryHandler, type DeliveryHandler, type DeliveryOptions } from "./delivery/handler.ts";
export type { HttpEnvironment } from "./environment.ts";
export {
  createHttpServer,
  type FrontHandler,
  type HttpEndpoint,
  type HttpLimits,
  type HttpServer,
  type HttpServerParts,
  type ListenOptions,
} from "./server.ts";

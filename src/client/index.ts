/**
 * client: an instance, spoken to by a program: the package's `mini-buildd/client`, and what our own command line uses.
 *
 *     import { connect, operations } from "mini-buildd/client";
 *     const client = connect("http://buildd.example.org:8066", { token: "mbd_…" });
 *     const { version } = await client.call(operations.status);
 *     for await (const event of client.events({ types: ["INSTALLED"] })) …
 *
 * Arguments and results have the types of the operation. Errors of the server are AppErrors with its kind, code and
 * hint; an instance that does not answer is SERVER_UNREACHABLE (unavailable).
 */
export * as operations from "../operations/index.ts";
export { AppError, type ErrorKind } from "../runtime/index.ts";
export { ApiClient, type ApiRequest } from "./api-client.ts";
export { type CallArguments, Client, type ClientOptions, connect, type EventOptions } from "./client.ts";
export { type Endpoint, parseEndpoint } from "./endpoint.ts";
export { type EventFeedOptions, eventFeed, parseMessages } from "./event-feed.ts";
export { type FileSending, uploadByFtp } from "./ftp-upload.ts";
export { logIn, type NewToken } from "./log-in.ts";
export { errorOfAnswer } from "./problem-error.ts";
export { type SftpOptions, uploadBySftp } from "./sftp-upload.ts";

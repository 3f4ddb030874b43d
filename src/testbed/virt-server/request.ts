import type { VirtServerRequest } from "../types.ts";

type Options = Pick<VirtServerRequest, "compilerCache" | "isHeld">;

/** What the relay says first: which testbed is wanted. Words without blanks. */
export function formatVirtServerRequest({ layers, owner, ...options }: VirtServerRequest): string[] {
  const words = [layers.join(",")];
  if (owner !== undefined) words.push(encodeURIComponent(owner));
  const text = JSON.stringify(options satisfies Options);
  if (owner !== undefined && text !== "{}") words.push(encodeURIComponent(text));
  return words;
}

/** Comes from `formatVirtServerRequest`: nobody else reaches the socket. */
export function parseVirtServerRequest(words: readonly string[]): VirtServerRequest {
  const [layers = "", owner, options] = words;
  return {
    layers: layers.split(","),
    owner: owner === undefined ? undefined : decodeURIComponent(owner),
    ...(options === undefined ? {} : (JSON.parse(decodeURIComponent(options)) as Options)),
  };
}

import type { CompilerCacheName, VirtServerRequest } from "../types.ts";

/** What the relay says first: which testbed is wanted. Words without blanks. */
export function formatVirtServerRequest({ layers, owner, compilerCache }: VirtServerRequest): string[] {
  const words = [layers.join(",")];
  if (owner !== undefined) words.push(encodeURIComponent(owner));
  if (owner !== undefined && compilerCache !== undefined) words.push(encodeURIComponent(JSON.stringify(compilerCache)));
  return words;
}

/** Comes from `formatVirtServerRequest`: nobody else reaches the socket. */
export function parseVirtServerRequest(words: readonly string[]): VirtServerRequest {
  const [layers = "", owner, compilerCache] = words;
  return {
    layers: layers.split(","),
    owner: owner === undefined ? undefined : decodeURIComponent(owner),
    compilerCache: compilerCache === undefined ? undefined : (JSON.parse(decodeURIComponent(compilerCache)) as CompilerCacheName),
  };
}

import { pubKey } from "../operations/index.ts";
import { implement } from "./implementation.ts";

export const handlePubKey = implement(pubKey, (ctx) => ctx.instance.publicKey);

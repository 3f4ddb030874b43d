import type { Context } from "hono";
import { AppError } from "../runtime/index.ts";

export type RawArguments = Readonly<Record<string, unknown>>;

/** The query's arguments; of a repeated one the values are joined as a list. */
export function queryArguments(c: Context): RawArguments {
  return Object.fromEntries(Object.entries(c.req.queries()).map(([name, values]) => [name, values.join(",")]));
}

/** A JSON object or a form in the body. Throws BODY_INVALID. */
export async function bodyArguments(c: Context): Promise<RawArguments> {
  const type = c.req.header("content-type") ?? "";
  if (type.startsWith("application/x-www-form-urlencoded")) return await c.req.parseBody();

  const text = await c.req.text();
  if (text === "") return {};
  const value = parseJson(text);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as RawArguments;
  throw new AppError({
    kind: "invalid",
    code: "BODY_INVALID",
    message: "the body of the request is not a JSON object",
    hint: 'Send the arguments as {"name": value, …} with content type application/json',
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

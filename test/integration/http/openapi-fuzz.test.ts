import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addToken, addUser } from "../../support/people.ts";
import { fillSite, TestSite } from "../../support/site.ts";

/** The document is all that this fuzzer knows of the API. */
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
}

interface OperationObject {
  readonly operationId: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly schema: Schema;
  }[];
  readonly requestBody?: { readonly content: { readonly "application/json"?: { readonly schema: Schema } } };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: object }>> }>>;
  readonly security?: readonly object[];
}

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
}

const RUNS = 12;
/** So many further tries have the operations of which an answer is asked: they meet a name that exists by chance. */
const TRIES_FOR_ANSWER = 500;
const ASKED_FOR_ANSWER = ["status", "events", "ls", "search", "audit", "user_ls", "sources_list"];
/** These end what the fuzzer comes with. */
const ENDS_THE_FUZZER = ["session_end", "token_revoke"];

let site: TestSite;
let url: string;
let token: string;
let document: Document;
let names: readonly string[];
const ajv = new Ajv2020({ strict: false, allErrors: false });
let isProblem: ValidateFunction;

beforeAll(async () => {
  site = await TestSite.open();
  const ids = await fillSite(site);
  url = await site.start();
  token = await addToken(site, await addUser(site, "fuzzer", "admin"), "admin");
  document = (await (await fetch(`${url}/api/v1/openapi.json`)).json()) as Document;
  names = [
    "hello000",
    "bookworm-test-unstable",
    "bookworm",
    "test",
    "team",
    "unstable",
    "1.0",
    ...Object.values(ids).map(String),
  ];
  const schemas = (document as unknown as { components: { schemas: { ProblemDetails: object } } }).components.schemas;
  isProblem = ajv.compile(schemas.ProblemDetails);
});

afterAll(() => site?.close());

test("the document is valid OpenAPI 3.1", async () => {
  const validator = new Validator();

  expect(await validator.validate(document as unknown as Record<string, unknown>)).toEqual({ valid: true });
  expect(validator.version).toBe("3.1");
});

test("operations answer what the document says to arguments as it describes them, and refuse all others in its words", async () => {
  const codes = documentedCodes();
  const seen = new Map<string, Set<number>>();
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if (ENDS_THE_FUZZER.includes(operation.operationId) || path.includes("{")) continue;
      const statuses = await fuzz({ path, method, operation }, codes);
      seen.set(operation.operationId, statuses);
    }
  }

  const neverRefused = [...seen].filter(([, statuses]) => ![...statuses].some((status) => status >= 400)).map(([id]) => id);
  const answered = [...seen].filter(([, statuses]) => statuses.has(200)).map(([id]) => id);
  expect(neverRefused).toEqual([]);
  expect(answered).toEqual(expect.arrayContaining(ASKED_FOR_ANSWER));
});

interface Target {
  readonly path: string;
  readonly method: string;
  readonly operation: OperationObject;
}

async function fuzz(target: Target, codes: ReadonlySet<string>): Promise<Set<number>> {
  const { operation } = target;
  const json = operation.responses["200"]?.content?.["application/json"]?.schema;
  const isResult = json === undefined ? undefined : ajv.compile(json);
  const statuses = new Set<number>();
  const check = async (args: Readonly<Record<string, unknown>>, isStranger: boolean): Promise<void> => {
    const answer = await send(target, args, isStranger);
    const body = (await answer.json()) as { code?: string; status?: number };
    statuses.add(answer.status);
    const told = JSON.stringify({ id: operation.operationId, args, status: answer.status, body }).slice(0, 2_000);
    expect({ told, fault: faultOf(answer, body, { isResult, codes }) }).toEqual({ told, fault: undefined });
  };
  await fc.assert(fc.asyncProperty(argumentsOf(operation), fc.boolean(), check), { numRuns: RUNS });
  await check({}, true);
  await check({ "no such argument": "1" }, false);
  const triesMax = ASKED_FOR_ANSWER.includes(operation.operationId) ? TRIES_FOR_ANSWER : 0;
  for (let tries = 0; !statuses.has(200) && tries < triesMax; tries += 1) {
    await check(fc.sample(argumentsOf(operation), 1)[0] ?? {}, false);
  }
  return statuses;
}

function faultOf(
  answer: Response,
  body: { readonly code?: string; readonly status?: number },
  { isResult, codes }: { readonly isResult: ValidateFunction | undefined; readonly codes: ReadonlySet<string> },
): string | undefined {
  if (answer.status === 200) return isResult?.(body) === true ? undefined : JSON.stringify(isResult?.errors);
  if (answer.status === 500) return "an internal error";
  if (answer.headers.get("content-type") !== "application/problem+json") return "no problem details";
  if (!isProblem(body) || body.status !== answer.status) return "not the problem details of the document";
  return codes.has(body.code ?? "") ? undefined : "a code without a row in docs/reference/errors";
}

/** Mostly as described; sometimes of another type, missing, or too much. */
function argumentsOf(operation: OperationObject): fc.Arbitrary<Record<string, unknown>> {
  const body = operation.requestBody?.content["application/json"]?.schema;
  const described: [string, Schema, boolean][] =
    body === undefined
      ? (operation.parameters ?? []).map(({ name, schema, required }) => [name, schema, required])
      : Object.entries(body.properties ?? {}).map(([name, schema]) => [name, schema, body.required?.includes(name) ?? false]);
  const shapes = described.map(([name, schema, isRequired]): [string, fc.Arbitrary<unknown>] => {
    const good = valueOf(schema);
    const bad = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant(""), fc.constant("__proto__"));
    const value = fc.oneof({ weight: 9, arbitrary: good }, { weight: 1, arbitrary: bad });
    return [name, isRequired ? fc.option(value, { nil: undefined, freq: 12 }) : fc.option(value, { nil: undefined, freq: 2 })];
  });
  return fc.record(Object.fromEntries(shapes));
}

function valueOf(schema: Schema): fc.Arbitrary<unknown> {
  switch (schema.type) {
    case "integer":
      return fc.integer({ min: schema.minimum ?? 0, max: Math.min(schema.maximum ?? 1_000, 2 ** 31) });
    case "boolean":
      return fc.boolean();
    case "array":
      return fc.array(valueOf(schema.items ?? {}), { minLength: 1, maxLength: 3 });
    default:
      return fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom(...names) },
        { weight: 1, arbitrary: fc.string({ minLength: 1, unit: "binary" }) },
        {
          weight: 1,
          arbitrary: fc.constantFrom("../../etc/passwd", "%00", "'; drop table uploads; --", "<script>", "x".repeat(5_000)),
        },
      );
  }
}

function send(
  { path, method, operation }: Target,
  args: Readonly<Record<string, unknown>>,
  isStranger: boolean,
): Promise<Response> {
  const headers = isStranger ? {} : { authorization: `Bearer ${token}` };
  const given = Object.entries(args).filter(([, value]) => value !== undefined);
  if (operation.requestBody !== undefined) {
    const init = { method: method.toUpperCase(), body: JSON.stringify(Object.fromEntries(given)) };
    return fetch(url + path, { ...init, headers: { ...headers, "content-type": "application/json" } });
  }
  const texts = given.map(([name, value]): [string, string] => [name, textOf(value)]);
  return fetch(`${url}${path}?${new URLSearchParams(texts).toString()}`, { method: method.toUpperCase(), headers });
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(",");
  return typeof value === "string" ? value : JSON.stringify(value);
}

function documentedCodes(): ReadonlySet<string> {
  const directory = join(import.meta.dirname, "../../../docs/reference/errors");
  const text = readdirSync(directory).map((name) => readFileSync(join(directory, name), "utf8"));
  return new Set([...text.join("\n").matchAll(/^\| `?([A-Z][A-Z0-9_]*)`? \|/gm)].map(([, code]) => code ?? ""));
}

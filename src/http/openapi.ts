import { z } from "zod";
import { type Operation, operations, type Parameter, restPath } from "../operations/index.ts";

/** OpenAPI 3.1 of our own routes, from the registry of operations. */
export function openApiDocument(version: string): object {
  return {
    openapi: "3.1.0",
    info: { title: "mini-buildd", version },
    paths: Object.fromEntries(operations.map((operation) => [`/api/v1/${restPath(operation)}`, pathItem(operation)])),
  };
}

function pathItem(operation: Operation): object {
  const common = {
    operationId: operation.name,
    summary: operation.summary,
    "x-access": operation.access,
    responses: {
      "200": {
        description: "Result",
        content: { "application/json": { schema: z.toJSONSchema(operation.result, { io: "output" }) } },
      },
      default: { description: "Problem details (RFC 9457)", content: { "application/problem+json": {} } },
    },
  };
  if (operation.changesState) return { post: { ...common, requestBody: requestBody(operation) } };
  return {
    get: {
      ...common,
      parameters: Object.entries(operation.parameters).map(([name, parameter]) => queryParameter(name, parameter)),
    },
  };
}

function queryParameter(name: string, parameter: Parameter): object {
  return {
    name,
    in: "query",
    description: parameter.summary,
    required: parameter.isRequired,
    explode: false,
    schema: valueSchema(parameter),
  };
}

function requestBody(operation: Operation): object {
  const entries = Object.entries(operation.parameters);
  const schema = {
    type: "object",
    properties: Object.fromEntries(
      entries.map(([name, parameter]) => [name, { ...valueSchema(parameter), description: parameter.summary }]),
    ),
    required: entries.filter(([, parameter]) => parameter.isRequired).map(([name]) => name),
  };
  return { content: { "application/json": { schema } } };
}

function valueSchema(parameter: Parameter): object {
  switch (parameter.kind) {
    case "text":
      return { type: "string" };
    case "list":
      return { type: "array", items: { type: "string" } };
    case "flag":
      return { type: "boolean" };
    case "integer":
      return { type: "integer" };
  }
}

import { expect, test } from "vitest";
import { AppError } from "../runtime/index.ts";
import { isUniqueViolation, translateEngineError } from "./engine-error.ts";

function engineError(fields: { code?: string; errcode?: number; message?: string }): Error {
  return Object.assign(new Error(fields.message ?? "engine says no"), fields);
}

const sqliteError = (errcode: number): Error => engineError({ code: "ERR_SQLITE_ERROR", errcode });

function check(thrown: Error, expectedCode: string | undefined): void {
  const translated = translateEngineError(thrown);

  if (expectedCode === undefined) expect(translated).toBe(thrown);
  else expect(translated).toMatchObject({ code: expectedCode, cause: thrown });
}

test("SQLite's result codes, extended ones too, become our codes where the world is to blame", () => {
  check(sqliteError(5), "DATABASE_BUSY");
  check(sqliteError(517), "DATABASE_BUSY");
  check(sqliteError(13), "DATABASE_FULL");
  check(sqliteError(778), "DATABASE_UNREACHABLE");
  check(sqliteError(14), "DATABASE_UNREACHABLE");
  check(sqliteError(26), "DATABASE_DAMAGED");
});

test("so do PostgreSQL's, and the network's", () => {
  check(engineError({ code: "08006" }), "DATABASE_UNREACHABLE");
  check(engineError({ code: "53300" }), "DATABASE_UNREACHABLE");
  check(engineError({ code: "57P01" }), "DATABASE_UNREACHABLE");
  check(engineError({ code: "55P03" }), "DATABASE_UNREACHABLE");
  check(engineError({ code: "ECONNREFUSED" }), "DATABASE_UNREACHABLE");
  check(engineError({ message: "Connection terminated unexpectedly" }), "DATABASE_UNREACHABLE");
  check(engineError({ message: "Client has encountered a connection error and is not queryable" }), "DATABASE_UNREACHABLE");
});

test("mistakes of ours stay what they are", () => {
  check(sqliteError(1), undefined);
  check(sqliteError(787), undefined);
  check(engineError({ code: "42601" }), undefined);
  check(new TypeError("x is undefined"), undefined);
  check(new AppError({ kind: "invalid", code: "X", message: "x" }), undefined);
});

test("a unique violation is known on both engines, a broken reference is none", () => {
  expect(isUniqueViolation(sqliteError(2067))).toBe(true);
  expect(isUniqueViolation(sqliteError(1555))).toBe(true);
  expect(isUniqueViolation(engineError({ code: "23505" }))).toBe(true);
  expect(isUniqueViolation(sqliteError(787))).toBe(false);
  expect(isUniqueViolation(engineError({ code: "23503" }))).toBe(false);
  expect(isUniqueViolation("2067")).toBe(false);
});

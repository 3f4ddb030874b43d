import { expect, test } from "vitest";
import type { FailureClass } from "../buildorder/index.ts";
import { failureClassOf } from "./failure-evidence.ts";

const END = [
  "make[1]: Leaving directory '/build/reproducible-path/foo-1.0'",
  "make: *** [debian/rules:4: binary] Error 2",
  "dpkg-buildpackage: error: debian/rules binary subprocess returned exit status 2",
].join("\n");

function check(line: string, expected: FailureClass): void {
  expect([line, failureClassOf(`gcc -c a.c\n${line}\n${END}`)]).toEqual([line, expected]);
}

test("what gcc, clang, ld and rustc say is a compiler's error", () => {
  check("a.c:3:1: error: expected ';' before 'return'", "compiler");
  check("/usr/bin/ld: a.o: in function `main': a.c:(.text+0x5): undefined reference to `frob'", "compiler");
  check("error[E0425]: cannot find value `x` in this scope", "compiler");
});

test("a header, library, module or listed file that is not there is a missing file", () => {
  check("a.c:1:10: fatal error: zlib.h: No such file or directory", "missing-file");
  check("/usr/bin/ld: cannot find -lz: No such file or directory", "missing-file");
  check("ModuleNotFoundError: No module named 'setuptools'", "missing-file");
  check('dh_install: error: missing files, aborting\ndh_install: warning: Cannot find (any matches for) "usr/x"', "missing-file");
  check("sh: 1: frobnicate: not found", "missing-file");
});

test("a failing test suite is the tests', though a compiler's warning stands above it", () => {
  check("dh_auto_test: error: make -j2 check returned exit code 2", "tests");
  check("# FAIL:  2\nmake[2]: *** [Makefile:10: check-TESTS] Error 1", "tests");
  check("========== 1 failed, 30 passed in 0.31s ==========", "tests");
});

test("memory, disk, processes and network are told from what they make fail", () => {
  check("a.c:1: error: x\ng++: fatal error: Killed signal terminated program cc1plus", "memory");
  check("a.c:9:1: fatal error: error writing to /tmp/x.s: No space left on device", "disk");
  check("/bin/sh: 1: Cannot fork", "processes");
  check("curl: (6) Could not resolve host: example.org\ndh_auto_test: error: x", "network");
});

test("what a test provoked far above the end, and passed, is no reason", () => {
  const passed = `test offline ... Temporary failure in name resolution ok\n${"line\n".repeat(500)}`;

  expect(failureClassOf(`${passed}\na.c:3:1: error: expected ';'\n${END}`)).toBe("compiler");
});

test("what shows no sign is a build that failed", () => {
  expect(failureClassOf(END)).toBe("build");
});

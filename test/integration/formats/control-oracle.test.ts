import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { formatDeb822, parseDeb822Stanzas, type Stanza } from "../../../src/formats/index.ts";
import { runPerl } from "./perl.ts";

/** Each stanza of the files named in the input lines, as one line of JSON. */
const DUMP = `
  my $json = JSON::PP->new->canonical;
  while (my $path = <>) {
    chomp $path;
    open my $fh, '<:encoding(UTF-8)', $path or die;
    while (1) {
      my $control = Dpkg::Control->new(type => CTRL_UNKNOWN, allow_duplicate => 0);
      last unless $control->parse($fh, $path);
      print $json->encode({ map { $_ => $control->{$_} } keys %$control }), "\\n";
    }
  }`;

test("dpkg's own database is read as dpkg reads it", async () => {
  const stanzas = parseDeb822Stanzas(await readFile("/var/lib/dpkg/status"), { sizeBytesMax: 256 * 1024 ** 2 });

  expect(stanzas.length).toBeGreaterThan(50);
  expect(stanzas.map(asObject)).toEqual(await dump("/var/lib/dpkg/status"));
});

test("what we write, dpkg reads as the same", async () => {
  const line = fc.string({ unit: fc.constantFrom("a", ":", " ", ".", "#", "-", "é", "\t") }).map((text) => text.trimEnd());
  const value = fc.tuple(line, fc.array(line, { maxLength: 4 })).map(([first, rest]) => [first.trimStart(), ...rest].join("\n"));
  const given = fc.sample(fc.array(value, { minLength: 1, maxLength: 4 }), 200);
  const stanzas = given.map((values) => values.map((value, index) => [`Field-${index}`, value] as const));

  const read = await withFile(stanzas.map((fields) => formatDeb822(fields)).join("\n"), dump);

  expect(read).toEqual(stanzas.map((fields) => Object.fromEntries(fields)));
});

async function dump(path: string): Promise<unknown[]> {
  const lines = await runPerl(["Dpkg::Control", "JSON::PP"], DUMP, [path]);
  return lines.map((line) => JSON.parse(line) as unknown);
}

function asObject(stanza: Stanza): Record<string, string> {
  return Object.fromEntries([...stanza.fields.values()].map((field) => [field.name, field.value]));
}

async function withFile<T>(text: string, use: (path: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "mini-buildd-control-"));
  const path = join(directory, "control");
  try {
    await writeFile(path, text);
    return await use(path);
  } finally {
    await rm(directory, { recursive: true });
  }
}

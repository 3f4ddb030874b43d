import { Command } from "commander";
import { expect, test } from "vitest";
import { completeWords } from "./completion.ts";

const program = new Command("mini-buildd").option("--endpoint <url>");
program.command("ls").description("Show").argument("<source>").option("-R, --repositories <list>", "Only these").option("--json");
program.command("dput").argument("<changes...>");
program.command("archive").command("verify").option("--repair");
program.command("complete", { hidden: true }).argument("[words...]");

const asked: string[] = [];
async function complete(line: string): Promise<readonly string[]> {
  asked.length = 0;
  return completeWords(program, line.split(" "), (name) => {
    asked.push(name);
    const known: Record<string, string[]> = { source: ["hello", "help"], repositories: ["team", "test"] };
    return Promise.resolve(known[name] ?? []);
  });
}

test.each([
  ["", ["ls\tShow", "dput\t", "archive\t"]],
  ["l", ["ls\tShow"]],
  ["--end", ["--endpoint\t"]],
  ["ls hel", ["hello", "help"]],
  ["--endpoint ls ls hell", ["hello"]],
  ["ls --rep", ["--repositories\tOnly these"]],
  ["ls -R t", ["team", "test"]],
  ["ls --repositories team,te", ["team,team", "team,test"]],
  ["ls --repositories=te", ["--repositories=team", "--repositories=test"]],
  ["ls --json hel", ["hello", "help"]],
  ["archive ", ["verify\t"]],
  ["archive verify --r", ["--repair\t"]],
  ["dput /tmp/", []],
  ["ls hello ", []],
])("after %j come %j", async (line, expected) => {
  expect(await complete(line)).toEqual(expected);
});

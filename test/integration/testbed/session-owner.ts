/**
 * A program that owns testbeds like the daemon does, to be killed by tests.
 * Arguments: directory of the testbeds, layer ids, word that marks the processes inside, "direct" or "virt-server".
 *
 * "virt-server" has a process in between, like sbuild, that outlives us and keeps the server's input open. Prints
 * "ready" and the process id of the one in between (0: none) once everything runs.
 */
import { spawn } from "node:child_process";
import { silentLogger, systemClock } from "../../../src/runtime/index.ts";
import { Testbeds } from "../../../src/testbed/index.ts";

/** Processes that do what they can to survive: other sessions and groups, no signal heeded, a pid namespace of their own. */
const STUBBORN = `
trap '' HUP INT TERM QUIT PIPE
exec < /dev/null > /dev/null 2>&1
for start in "setsid" "setsid unshare --pid --fork" "setsid nohup"; do
  $start bash -c 'exec -a "$0" sleep 100000' "$1" &
done`;

const BETWEEN = `
use IPC::Open2;
$SIG{HUP} = $SIG{TERM} = $SIG{INT} = 'IGNORE';
my ($stubborn, $marker, @server) = @ARGV;
open2(my $answers, my $requests, @server);
readline $answers; print $requests "open\\n";
readline $answers; print $requests "print-execute-command\\n";
my ($command) = readline($answers) =~ /^ok (.*)$/;
my @enter = map { s/%([0-9A-Fa-f]{2})/chr hex $1/ger } split /,/, $command;
system @enter, "bash", "-c", $stubborn, "bash", $marker;
syswrite STDOUT, "ready $$\\n";
sleep 1 while 1;
`;

const [directory = "", layers = "", marker = "", mode = ""] = process.argv.slice(2);
const testbeds = await Testbeds.open({ directory, clock: systemClock, logger: silentLogger });

if (mode === "direct") {
  const session = await testbeds.startSession({ layers: layers.split(",") });
  await session.runChecked({ argv: ["bash", "-c", STUBBORN, "bash", marker] });
  console.log("ready 0");
} else {
  const { program, args } = testbeds.virtServerCommand({ layers: layers.split(",") });
  spawn("perl", ["-e", BETWEEN, STUBBORN, marker, program, ...args], { stdio: ["ignore", "inherit", "inherit"], detached: true });
}
setInterval(() => {}, 60_000);

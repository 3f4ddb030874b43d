/** A process that runs one build on a real testbed, which prints "compiling" and then hangs: to be killed. */
import { openRealBuilder } from "../integration/builder/real-build.ts";

const builder = await openRealBuilder();
const rules =
  "#!/usr/bin/make -f\nclean build build-arch build-indep:\nbinary binary-arch binary-indep:\n\techo compiling; setsid sleep 76543\n";
await builder.buildGenerated(
  { name: "orphan", version: "1.0", architecture: "any", rules },
  { onLog: (text) => void process.stdout.write(text) },
);

import { tell } from "./report.ts";

/** Names to what is measured once; each gives a number or throws. */
export type Contestants<Name extends string> = Readonly<Record<Name, (round: number) => Promise<number>>>;

/**
 * Measure each in turn, `rounds` times, every other round in the opposite order: all see the same machine, whatever
 * else it does meanwhile. Gives all values by name.
 */
export async function alternate<Name extends string>(
  rounds: number,
  contestants: Contestants<Name>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(contestants) as Name[];
  const values = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 1; round <= rounds; round++) {
    for (const name of round % 2 === 1 ? names : names.toReversed()) {
      const value = await contestants[name](round);
      values[name].push(value);
      tell(`round ${round} of ${rounds}, ${name}: ${value.toFixed(2)}`);
    }
  }
  return values;
}

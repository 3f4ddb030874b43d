import type { Contestants } from "./alternate.ts";
import { measureOriginal, ORIGINAL_SERIES, type OriginalAddress, type OriginalUpload } from "./original-uploads.ts";
import { type BenchRow, benchRow } from "./report.ts";
import type { SeriesOptions, SourceSeries } from "./source-series.ts";
import { median } from "./statistics.ts";

const LINTIAN_MODES = { off: "disabled", on: "ignore" } as const;
type Lintian = keyof typeof LINTIAN_MODES;

/** One package, built by the original, with lintian and without: its upload option says which. */
export class OriginalSide {
  readonly #address: OriginalAddress;
  readonly #series: SourceSeries;
  readonly #uploads: Readonly<Record<Lintian, OriginalUpload[]>> = { off: [], on: [] };

  private constructor(address: OriginalAddress, series: SourceSeries) {
    this.#address = address;
    this.#series = series;
  }

  static async make(
    address: OriginalAddress,
    makeSeries: (label: string, options: Omit<SeriesOptions, "directory">) => Promise<SourceSeries>,
  ): Promise<OriginalSide> {
    return new OriginalSide(address, await makeSeries("original", ORIGINAL_SERIES));
  }

  contestants(): Contestants<"originalOff" | "originalOn"> {
    return { originalOff: () => this.#measure("off"), originalOn: () => this.#measure("on") };
  }

  /** Beside ours: what the builder alone needed from the order to the result, with lintian and without. */
  rows(name: string, ours: Readonly<Record<Lintian, number>>): BenchRow[] {
    return (["off", "on"] as const).flatMap((how) => {
      const beside = (metric: string, value: number): BenchRow =>
        benchRow({ metric: `${name}, ${metric}`, value: ours[how], unit: "s", peer: { name: "original 2.2.8", value } });
      const uploads = this.#uploads[how];
      return [
        beside(`lintian ${how}, beside its build`, median(uploads.map(({ buildSeconds }) => buildSeconds))),
        beside(`lintian ${how}, beside its upload to installed`, median(uploads.map(({ seconds }) => seconds))),
      ];
    });
  }

  async #measure(how: Lintian): Promise<number> {
    const option = `MINI_BUILDD_OPTION: lintian-mode=${LINTIAN_MODES[how]}`;
    const measured = await measureOriginal(this.#address, await this.#series.next([option]));
    this.#uploads[how].push(measured);
    return measured.seconds;
  }
}

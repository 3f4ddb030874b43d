export interface PlotLine {
  readonly name: string;
  /** All positive: both axes are logarithmic. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

const WIDTH = 720;
const HEIGHT = 440;
const MARGIN = { left: 70, right: 120, top: 50, bottom: 50 };
const COLOURS = ["#1b6ca8", "#c0392b", "#7d6608", "#196f3d"];

/** Lines over logarithmic axes, as SVG; readable without colours, as each line has its name at its end. */
export function drawPlot({ title, lines }: { readonly title: string; readonly lines: readonly PlotLine[] }): string {
  const points = lines.flatMap((line) => line.points);
  const x = makeScale(
    points.map((point) => point.x),
    [MARGIN.left, WIDTH - MARGIN.right],
  );
  const y = makeScale(
    points.map((point) => point.y),
    [HEIGHT - MARGIN.bottom, MARGIN.top],
  );
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${MARGIN.left}" y="25" font-size="15">${title}</text>`,
    ...x.ticks.map((tick) => vertical(x.at(tick), String(tick))),
    ...y.ticks.map((tick) => horizontal(y.at(tick), String(tick))),
    ...lines.flatMap((line, index) => drawLine(line, { x: x.at, y: y.at, colour: COLOURS[index % COLOURS.length] ?? "#000" })),
    "</svg>",
  ];
  return `${parts.join("\n")}\n`;
}

interface Scale {
  readonly at: (value: number) => number;
  /** Powers of ten. */
  readonly ticks: readonly number[];
}

function makeScale(values: readonly number[], [start, end]: readonly [number, number]): Scale {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  return {
    at: (value) => start + ((Math.log10(value) - low) / (high - low)) * (end - start),
    ticks: Array.from({ length: high - low + 1 }, (_, index) => Number((10 ** (low + index)).toPrecision(1))),
  };
}

function drawLine(line: PlotLine, { x, y, colour }: { x: Scale["at"]; y: Scale["at"]; colour: string }): string[] {
  const places = line.points.map((point) => [x(point.x).toFixed(1), y(point.y).toFixed(1)] as const);
  const [endX = "0", endY = "0"] = places.at(-1) ?? [];
  return [
    `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${places.map((place) => place.join(",")).join(" ")}"/>`,
    ...places.map(([left, top]) => `<circle cx="${left}" cy="${top}" r="3.5" fill="${colour}"/>`),
    `<text x="${Number(endX) + 10}" y="${Number(endY) + 4}" fill="${colour}">${line.name}</text>`,
  ];
}

function vertical(left: number, label: string): string {
  const bottom = HEIGHT - MARGIN.bottom;
  return `<path d="M${left} ${MARGIN.top}V${bottom}" stroke="#ddd"/><text x="${left}" y="${bottom + 20}" text-anchor="middle">${label}</text>`;
}

function horizontal(top: number, label: string): string {
  return `<path d="M${MARGIN.left} ${top}H${WIDTH - MARGIN.right}" stroke="#ddd"/><text x="${MARGIN.left - 8}" y="${top + 4}" text-anchor="end">${label}</text>`;
}

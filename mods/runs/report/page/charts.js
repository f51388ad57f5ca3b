// Axes, histograms and lines as SVG; clouds of points on a canvas.

const PARTS = ["seed", "necessary", "rejected", "quarantined"];
const PART_WORDS = { seed: "selected: seed", necessary: "selected: necessary",
  rejected: "rejected", quarantined: "set aside" };
const WIDTH = 560, HEIGHT = 230, LEFT = 52, RIGHT = 12, TOP = 20, BOTTOM = 38;

// Round numbers from low to high, about as many as asked for.
function ticks(low, high, many = 5) {
  const rough = (high - low) / many;
  if (!(rough > 0) || !Number.isFinite(rough)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) found.push(i * step);
  return found;
}

const tickText = (value) => {
  const size = Math.abs(value);
  if (size >= 1e6 || (size && size < 1e-3)) return value.toExponential(0);
  return Number(value.toPrecision(3)).toLocaleString("en-US");
};

// A frame with axes; x and y turn values into places.
function frame([x0, x1], [y0, y1], xLabel, yLabel, description) {
  const across = WIDTH - LEFT - RIGHT, down = HEIGHT - TOP - BOTTOM;
  const x = (value) => LEFT + (across * (value - x0)) / (x1 - x0 || 1);
  const y = (value) => TOP + down - (down * (value - y0)) / (y1 - y0 || 1);
  const element = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": description });
  for (const value of ticks(y0, y1, 4)) {
    element.append(
      svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value), class: "grid" }),
      svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, tickText(value)));
  }
  for (const value of ticks(x0, x1, 6)) {
    element.append(svg("text", { x: x(value), y: HEIGHT - BOTTOM + 16, "text-anchor": "middle" },
      tickText(value)));
  }
  element.append(
    svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: TOP + down, y2: TOP + down, class: "axis" }),
    svg("text", { x: LEFT + across / 2, y: HEIGHT - 6, "text-anchor": "middle", class: "label" }, xLabel),
    svg("text", { x: 12, y: TOP + down / 2, "text-anchor": "middle", class: "label",
      transform: `rotate(-90 12 ${TOP + down / 2})` }, yLabel));
  return { element, x, y };
}

// The range that nearly all values are in: a few far ones do not stretch the axis.
function spanOf(values) {
  if (!values.length) return [0, 1];
  const sorted = Float64Array.from(values).sort();
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  let [low, high] = [at(0.002), at(0.998)];
  low = Math.max(low, -1e100);
  high = Math.min(high, 1e100);
  const margin = Math.max(0.5, Math.abs(low) * 1e-6);
  return high - low > 1e-12 * Math.max(Math.abs(low), Math.abs(high)) ? [low, high] : [low - margin, high + margin];
}

// A histogram of a column in stacked parts: `part` names the part of a row.
function histogram(column, rows, part, parts, colours, line, xLabel) {
  const values = pickFrom(column, rows);
  const span = spanOf(values);
  if (line && Number.isFinite(line.value)) {
    span[0] = Math.min(span[0], line.value);
    span[1] = Math.max(span[1], line.value);
  }
  const bins = Math.max(10, Math.min(60, Math.round(1.5 * Math.sqrt(rows.length))));
  const counts = parts.map(() => new Uint32Array(bins)), totals = new Uint32Array(bins);
  rows.forEach((row, i) => {
    const at = Math.floor(((values[i] - span[0]) / (span[1] - span[0])) * bins);
    const bin = Math.max(0, Math.min(bins - 1, at));
    counts[part(row)][bin]++;
    totals[bin]++;
  });
  const most = Math.max(1, ...totals);
  const { element, x, y } = frame(span, [0, most], xLabel, "rows",
    `Histogram of ${xLabel}: ${rows.length} rows`);
  const width = (span[1] - span[0]) / bins;
  for (let bin = 0; bin < bins; bin++) {
    let below = 0;
    const from = span[0] + bin * width;
    const lines = [`${short(from)} to ${short(from + width)}: ${number(totals[bin])} rows`,
      ...parts.map((name, p) => [name, counts[p][bin]]).filter(([, c]) => c)
        .map(([name, c]) => `${visible(name)}: ${number(c)}`)];
    const column = svg("g", {
      onpointermove: (event) => tip(event, lines), onpointerleave: () => tip(),
    });
    parts.forEach((_, p) => {
      const size = counts[p][bin];
      if (!size) return;
      column.append(svg("rect", { x: x(from) + 0.5, width: Math.max(0.5, x(from + width) - x(from) - 1),
        y: y(below + size), height: y(below) - y(below + size), fill: colours[p] }));
      below += size;
    });
    element.append(column);
  }
  if (line && Number.isFinite(line.value)) {
    const right = x(line.value) > WIDTH * 0.6;
    element.append(
      svg("line", { x1: x(line.value), x2: x(line.value), y1: TOP, y2: HEIGHT - BOTTOM, class: "cut" }),
      svg("text", { x: x(line.value) + (right ? -5 : 5), y: TOP - 6, class: "cut",
        "text-anchor": right ? "end" : "start" }, line.text));
  }
  return element;
}

function legend(names, colours) {
  return h("ul", { class: "legend" }, names.map((name, i) => {
    const mark = svg("svg", { viewBox: "0 0 10 10", class: "mark" },
      svg("rect", { width: 10, height: 10, rx: 2, fill: colours[i] }));
    return h("li", {}, mark, visible(name));
  }));
}

const partColours = () => PARTS.map((part) => `var(--${part})`);
const MANY = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#ee9955", "#888888"];
// Colours by source: the largest ones have their own, the others share the last.
function sourceColours() {
  const sizes = new Map();
  for (let i = 0; i < count; i++) sizes.set(columns.origin[i], (sizes.get(columns.origin[i]) ?? 0) + 1);
  const order = [...sizes.keys()].sort((a, b) => sizes.get(b) - sizes.get(a));
  const place = new Map(order.map((source, i) => [source, Math.min(i, MANY.length - 1)]));
  const names = order.slice(0, MANY.length).map((source) => meta.names.origin[source]);
  if (order.length > MANY.length) names[MANY.length - 1] = `${order.length - MANY.length + 1} other sources`;
  return { names, of: (row) => place.get(columns.origin[row]), colours: MANY.slice(0, names.length) };
}

// A canvas as sharp as the screen; `draw` is called with its context and size, again when it changes.
function canvas(height, description, draw) {
  const element = h("canvas", { role: "img", "aria-label": description });
  element.style.height = `${height}px`;
  let wide = 0;
  const redraw = () => {
    const width = element.clientWidth, scale = window.devicePixelRatio || 1;
    if (!width) return;
    wide = width;
    element.width = Math.round(width * scale);
    element.height = Math.round(height * scale);
    const context = element.getContext("2d");
    context.scale(scale, scale);
    draw(context, width, height);
  };
  new ResizeObserver(() => element.clientWidth !== wide && redraw()).observe(element);
  onTheme(redraw);
  return { element, redraw };
}

// Score against length, one dot a row.
function cloud(xColumn, yColumn, xLabel, yLabel) {
  const rows = [];
  for (let i = 0; i < count; i++) if (xColumn[i] >= 0 && !Number.isNaN(yColumn[i])) rows.push(i);
  const log = (value) => Math.log10(1 + value);
  const ys = spanOf(pickFrom(yColumn, rows)), xs = spanOf(rows.map((row) => log(xColumn[row])));
  return canvas(230, `${yLabel} against ${xLabel}, one dot a row`, (context, width, height) => {
    const across = width - LEFT - RIGHT, down = height - TOP - BOTTOM;
    const x = (v) => LEFT + (across * (v - xs[0])) / (xs[1] - xs[0] || 1);
    const y = (v) => TOP + down - (down * (v - ys[0])) / (ys[1] - ys[0] || 1);
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = colour("faint");
    context.textAlign = "end";
    for (const v of ticks(...ys, 4)) context.fillText(tickText(v), LEFT - 6, y(v) + 4);
    context.textAlign = "center";
    for (let power = 0; power < 9; power++) {
      const place = x(log(10 ** power));
      if (place >= LEFT && place <= width - RIGHT) context.fillText(number(10 ** power), place, height - BOTTOM + 16);
    }
    context.fillText(xLabel, LEFT + across / 2, height - 6);
    context.fillRect(LEFT, TOP + down, across, 1);
    const size = rows.length > 20000 ? 1.2 : rows.length > 2000 ? 2 : 3.5;
    for (const part of ["quarantined", "rejected", "necessary", "seed"]) {
      context.fillStyle = colour(part);
      context.globalAlpha = part === "rejected" ? (rows.length > 20000 ? 0.25 : 0.5) : 0.85;
      for (const row of rows) {
        if (partOf(row) !== part) continue;
        const px = Math.max(LEFT, Math.min(width - RIGHT, x(log(xColumn[row]))));
        const py = Math.max(TOP, Math.min(TOP + down, y(yColumn[row])));
        context.fillRect(px - size / 2, py - size / 2, size, size);
      }
    }
    context.globalAlpha = 1;
  }).element;
}

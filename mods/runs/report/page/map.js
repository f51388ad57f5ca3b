// The pool on its map, the radius curve, and how far rows are from the selection.

const NO_PLACE = 65535, MAP_HEIGHT = 460, MOST_POINTS = 150000;

function coverage() {
  const section = byId("coverage");
  section.append(h("h2", {}, "Coverage"));
  const rows = [];
  for (let i = 0; i < count; i++) if (columns.x[i] !== NO_PLACE) rows.push(i);
  if (!rows.length) section.append(h("p", {}, "No part of the run needed embeddings, so there is no map."));
  else section.append(map(rows));
  section.append(h("div", { class: "charts" }, meta.curves.map(curve), distances(rows)));
}

function map(all) {
  const step = Math.max(1, Math.ceil(all.length / MOST_POINTS));
  const rows = all.filter((row, i) => i % step === 0 || isSelected(row));
  rows.sort((a, b) => isSelected(a) - isSelected(b) || a - b);
  let by = "fate", view = { x: 0, y: 0, zoom: 1 }, size = null, key = null, grid = null;
  const place = (row) => [
    (columns.x[row] / 65534 - view.x) * view.zoom * (size.width - 24) + 12,
    (1 - columns.y[row] / 65534 - view.y) * view.zoom * (size.height - 24) + 12];
  const drawn = canvas(MAP_HEIGHT, "Map of the pool: the first two principal components of the embeddings", (context, width, height) => {
    size = { width, height };
    context.clearRect(0, 0, width, height);
    const { of, colours } = paint(by, rows);
    grid = new Map();
    const dot = (rows.length > 20000 ? 1.6 : rows.length > 3000 ? 2.4 : 4.5) * Math.sqrt(view.zoom);
    for (const row of rows) {
      const [x, y] = place(row);
      if (x < -5 || y < -5 || x > width + 5 || y > height + 5) continue;
      const picked = isSelected(row), side = picked ? dot * 1.5 : dot;
      context.globalAlpha = picked ? 0.95 : 0.5;
      context.fillStyle = colours[of(row)];
      context.beginPath();
      context.arc(x, y, side / 2 + 0.4, 0, 7);
      context.fill();
      const cell = `${x >> 4},${y >> 4}`;
      if (!grid.has(cell)) grid.set(cell, []);
      grid.get(cell).push(row);
    }
  });
  const nearestTo = (event) => {
    const box = drawn.element.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    let best = -1, nearest = 12 ** 2;
    for (let cx = (px >> 4) - 1; cx <= (px >> 4) + 1; cx++) {
      for (let cy = (py >> 4) - 1; cy <= (py >> 4) + 1; cy++) {
        for (const row of grid?.get(`${cx},${cy}`) ?? []) {
          const [x, y] = place(row), d = (x - px) ** 2 + (y - py) ** 2;
          if (d <= nearest) [best, nearest] = [row, d];
        }
      }
    }
    return best;
  };
  let dragged = null, moved = false;
  const zoomed = (factor, fx = 0.5, fy = 0.5) => {
    const zoom = Math.max(1, Math.min(60, view.zoom * factor));
    view = { zoom, x: view.x + fx / view.zoom - fx / zoom, y: view.y + fy / view.zoom - fy / zoom };
    if (zoom === 1) view = { x: 0, y: 0, zoom };
    drawn.redraw();
  };
  const handlers = {
    wheel: (event) => {
      if (!event.ctrlKey && !event.shiftKey) return; // the wheel alone scrolls the page
      event.preventDefault();
      const box = drawn.element.getBoundingClientRect();
      zoomed(event.deltaY < 0 ? 1.25 : 0.8, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    },
    pointerdown: (event) => { dragged = [event.clientX, event.clientY]; moved = false; },
    pointermove: (event) => {
      if (dragged && view.zoom > 1 && event.buttons) {
        view.x -= (event.clientX - dragged[0]) / size.width / view.zoom;
        view.y -= (event.clientY - dragged[1]) / size.height / view.zoom;
        moved ||= Math.hypot(event.clientX - dragged[0], event.clientY - dragged[1]) > 3;
        dragged = [event.clientX, event.clientY];
        return drawn.redraw();
      }
      const row = nearestTo(event);
      drawn.element.classList.toggle("on", row >= 0);
      if (row < 0) return tip();
      hovered(event, row);
    },
    pointerup: () => (dragged = null),
    pointerleave: () => { dragged = null; tip(); },
    click: (event) => { const row = nearestTo(event); if (row >= 0 && !moved) openRow(row); },
  };
  for (const [name, handle] of Object.entries(handlers)) drawn.element.addEventListener(name, handle, { passive: false });
  const keys = h("div");
  const show = () => {
    key = paint(by, rows);
    keys.replaceChildren(legend(key.names, key.shown ?? key.colours));
    drawn.redraw();
  };
  const options = [["fate", "fate"], ["source", "source"], ...meta.scores.map(({ name }) => [name, name])];
  const button = (text, factor, label) => h("button", { type: "button", "aria-label": label, onclick: () => zoomed(factor) }, text);
  const element = h("figure", { class: "map" }, h("figcaption", {}, h("b", {}, "Map of the pool"),
    ` ${number(all.length)} rows that pass alpha on their first two principal components`,
    step > 1 ? `; one of ${step} is drawn, and every selected one` : "", ". A click opens a row; Ctrl and the wheel zoom."),
  h("div", { class: "bar-of" }, chooser("coloured by", options, (value) => { by = value; show(); }, by),
    button("+", 1.6, "Zoom in"), button("\u2212", 0.625, "Zoom out"), button("whole", 1e-9, "Whole map"), keys), drawn.element);
  requestAnimationFrame(show);
  return element;
}

let hoverWanted = -1;
function hovered(event, row) {
  const lines = [visible(placeOf(row)), PART_WORDS[partOf(row)] ?? partOf(row),
    ...meta.scores.filter(({ name }) => !Number.isNaN(columns[name][row])).map(({ name }) => `${name}: ${short(columns[name][row])}`)];
  tip(event, lines);
  hoverWanted = row;
  textOf(row).then(([, , text]) => {
    if (hoverWanted === row && !byId("tip").hidden) tip(event, [...lines, snippet(text, 120)]);
  }).catch(() => {});
}

// Which colour each row has.
function paint(by, rows) {
  if (by === "fate") {
    const colours = PARTS.map(colour), present = new Set(rows.map(partOf));
    const shown = PARTS.filter((part) => present.has(part));
    return { names: shown.map((p) => PART_WORDS[p]), shown: shown.map((p) => colours[PARTS.indexOf(p)]), colours, of: (row) => PARTS.indexOf(partOf(row)) };
  }
  if (by === "source") return sourceColours();
  const [low, high] = spanOf(pickFrom(columns[by], rows.filter((row) => !Number.isNaN(columns[by][row]))));
  const shades = ["#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725"];
  const bounds = shades.map((_, i) => short(low + ((high - low) * i) / shades.length));
  return {
    names: [...bounds.map((from) => `from ${from}`), "no score"], colours: [...shades, colour("faint")],
    of: (row) => {
      const value = columns[by][row];
      return Number.isNaN(value) ? shades.length : Math.max(0, Math.min(shades.length - 1, Math.floor(((value - low) / (high - low)) * shades.length)));
    },
  };
}

function curve({ reason, at, words }) {
  const rows = selected(reason).filter((row) => !Number.isNaN(columns.radius[row]));
  const xs = rows.map((row) => columns.order[row]), ys = rows.map((row) => columns.radius[row]);
  const top = ys[0], low = ys.at(-1); // it never grows
  const { element, x, y } = frame([xs[0], xs.at(-1)], [low - (top - low) * 0.1, top], "rows picked", "covering radius", `Covering radius by picks of ${reason} rows: ${words}`);
  const step = Math.max(1, Math.floor(xs.length / 2000));
  const points = xs.map((v, i) => [v, ys[i], i]).filter(([, , i]) => i % step === 0 || i === xs.length - 1);
  element.append(svg("polyline", { points: points.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join(" "), class: `line ${reason}` }));
  if (at !== null) {
    element.append(svg("line", { x1: x(at), x2: x(at), y1: TOP, y2: HEIGHT - BOTTOM, class: "knee" }),
      svg("text", { x: x(at) + 5, y: TOP - 6, class: "label" }, `${number(at)} picks`));
  }
  return h("figure", {}, h("figcaption", {}, h("b", {}, reason === "seed" ? "Seeds" : "Necessary rows"), ` The radius ${words}.`), element);
}

function distances(rows) {
  const known = rows.filter((row) => Number.isFinite(columns.distance[row]));
  if (!known.length) return null;
  return h("figure", {}, h("figcaption", {}, h("b", {}, "Distance to the nearest other selected row"), ` of ${number(known.length)} rows`),
    histogram(columns.distance, known, (row) => PARTS.indexOf(partOf(row)), PARTS.map((p) => PART_WORDS[p]), partColours(), null, "distance"));
}

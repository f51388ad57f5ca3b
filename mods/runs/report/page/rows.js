// All rows: searched, filtered, sorted, and one by one.

const WORDS = { origin: "source" }; // where a row comes from: what it says itself, else its file
const ROW_HEIGHT = 34, TALLEST = 8e6, CLIP = 20000;
const filters = { words: "", fate: "", stage: "", reason: "", origin: "", score: "", from: "", to: "", change: "" };
let order = { by: "place", down: false };
let shown = new Uint32Array(0); // the rows that pass, in order
let active = 0; // place in `shown`
let found = null; // which rows hold the words
let grid = null, controls = {};

function rowsSection() {
  const section = byId("rows");
  const options = (what) => [["", `any ${WORDS[what] ?? what}`], ...meta.names[what].map((name) => [name, name])];
  const pick = (what) => (controls[what] = chooser(WORDS[what] ?? what, options(what), (value) => { filters[what] = value; update(); }, ""));
  const search = h("input", { type: "search", id: "search", placeholder: meta.texts.kept ? "words, id or file" : "the folder holds no texts", "aria-label": "Search" });
  let timer = 0;
  search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => searchFor(search.value), 120); });
  search.addEventListener("focus", () => rowsWith("\u0000").catch(() => {}), { once: true });
  const bound = (name, label) => h("input", { type: "number", step: "any", placeholder: label, "aria-label": `Score ${label}`,
    onchange: (event) => { filters[name] = event.target.value; update(); } });
  controls.score = chooser("score", [["", "any score"], ...meta.scores.map(({ name }) => [name, name])], (value) => { filters.score = value; update(); }, "");
  controls.change = chooser("what if", [["", "all"], ["in", "would come in"], ["out", "would go"]], (value) => { filters.change = value; update(); }, "");
  controls.search = search;
  controls.from = bound("from", "from");
  controls.to = bound("to", "to");
  grid = makeGrid();
  section.append(h("h2", {}, "Rows"),
    h("div", { class: "filters" }, h("label", { class: "wide" }, h("span", {}, "search (/)"), search), pick("fate"), pick("stage"), pick("reason"), pick("origin"),
      controls.score, controls.from, controls.to, controls.change,
      h("button", { type: "button", onclick: () => showRows({}) }, "clear")),
    h("p", { id: "found", role: "status" }), grid.element);
  update();
}

async function searchFor(words) {
  filters.words = words.trim();
  const wanted = filters.words;
  found = null;
  if (wanted) {
    try {
      const mask = await rowsWith(wanted, (done) => (byId("found").textContent = `reading the texts: ${Math.round(100 * done)} %`));
      if (filters.words !== wanted) return; // another search has begun
      found = mask;
    } catch (error) {
      byId("found").textContent = `The texts cannot be read: ${error.message}`;
      return;
    }
  }
  update();
}

// Show some rows: filters by name; those that are not named are cleared.
function showRows(wanted) {
  for (const name of Object.keys(filters)) filters[name] = wanted[name] ?? "";
  found = null;
  for (const name of ["fate", "stage", "reason", "origin", "score", "change"]) controls[name].querySelector("select").value = filters[name];
  for (const name of ["from", "to"]) controls[name].value = filters[name];
  controls.search.value = filters.words;
  update();
  byId("rows").scrollIntoView({ behavior: "instant" });
}

// The rows that pass all filters, in order.
function passingRows() {
  const code = (what) => (filters[what] ? meta.names[what].indexOf(filters[what]) : -1);
  const [fate, stage, reason, origin] = ["fate", "stage", "reason", "origin"].map(code);
  const score = filters.score ? columns[filters.score] : null;
  const from = filters.from === "" ? -Infinity : Number(filters.from), to = filters.to === "" ? Infinity : Number(filters.to);
  const sign = { in: 1, out: -1 }[filters.change] ?? 0;
  const rows = new Uint32Array(count);
  let many = 0;
  for (let i = 0; i < count; i++) {
    if (fate >= 0 && columns.fate[i] !== fate) continue;
    if (stage >= 0 && columns.stage[i] !== stage) continue;
    if (reason >= 0 && columns.reason[i] !== reason) continue;
    if (origin >= 0 && columns.origin[i] !== origin) continue;
    if (score && !(score[i] >= from && score[i] <= to)) continue;
    if (sign && change[i] !== sign) continue;
    if (found && !found[i]) continue;
    rows[many++] = i;
  }
  return sorted(rows.subarray(0, many));
}

// Rows without a value come last, whichever way.
function sorted(rows) {
  if (order.by === "place") return order.down ? rows.reverse() : rows;
  const column = columns[order.by], sign = order.down ? -1 : 1;
  const lacks = (row) => Number.isNaN(column[row]) || (order.by === "order" && !column[row]);
  return rows.sort((a, b) => lacks(a) - lacks(b) || (lacks(a) ? 0 : sign * (column[a] - column[b])) || a - b);
}

function update() {
  if (!grid) return;
  shown = passingRows();
  active = 0;
  byId("found").textContent = shown.length === count ? `all ${number(count)} rows` : `${number(shown.length)} of ${number(count)} rows`;
  grid.reset();
}

const onChange = () => { if (filters.change) update(); };

// --- the grid: only the rows in sight are elements ----------------------------------------------

function makeGrid() {
  const names = meta.scores.map(({ name }) => name);
  const heads = [["place", "row"], ["fate", "fate"], ["order", "pick"], ...names.map((name) => [name, name]), ["", "text"]];
  const head = h("div", { class: "line head", role: "row" });
  const body = h("div", { class: "body" }), filler = h("div", { class: "filler" }, body);
  const element = h("div", { class: "grid", role: "grid", tabindex: 0, "aria-label": "Rows" }, head, filler);
  element.style.setProperty("--scores", names.length);
  const drawHead = () => head.replaceChildren(...heads.map(([key, label]) => h("span", {
    role: "columnheader", class: key.includes("_") ? "score" : key || "text",
    "aria-sort": order.by === key ? (order.down ? "descending" : "ascending") : false,
  }, key ? h("button", { type: "button", class: "link", title: label, onclick: () => {
    order = { by: key, down: order.by === key ? !order.down : key.includes("_") };
    drawHead();
    update();
  } }, label, order.by === key ? (order.down ? " \u2193" : " \u2191") : "") : label)));
  drawHead();
  const total = () => shown.length * ROW_HEIGHT;
  const scale = () => Math.max(1, total() / TALLEST);
  const inSight = () => Math.ceil(element.clientHeight / ROW_HEIGHT);
  const draw = () => {
    const first = Math.max(0, Math.floor((element.scrollTop * scale()) / ROW_HEIGHT) - 4);
    const last = Math.min(shown.length, first + inSight() + 8);
    body.style.transform = `translateY(${scale() === 1 ? first * ROW_HEIGHT : Math.max(0, element.scrollTop - 4 * ROW_HEIGHT)}px)`;
    body.replaceChildren(...Array.from(shown.subarray(first, last), (row, i) => line(row, first + i)));
  };
  const line = (row, at) => {
    const text = h("span", { role: "gridcell", class: "text" });
    if (meta.texts.kept) textOf(row).then(([, , found]) => (text.textContent = snippet(found, 160))).catch(() => {});
    return h("div", { role: "row", class: at === active ? "line active" : "line", "aria-rowindex": at + 1, "data-row": row,
      onclick: () => { active = at; mark(); openRow(row); } },
    h("span", { role: "gridcell", class: "place", title: visible(placeOf(row)) }, said(shortPlace(row))),
    h("span", { role: "gridcell", class: "fate" }, h("i", { class: `dot ${partOf(row)}` }), PART_WORDS[partOf(row)]?.replace("selected: ", "") ?? partOf(row)),
    h("span", { role: "gridcell", class: "order" }, columns.order[row] ? number(columns.order[row]) : ""),
    names.map((name) => h("span", { role: "gridcell", class: "score" }, Number.isNaN(columns[name][row]) ? "" : short(columns[name][row]))), text);
  };
  const mark = () => body.querySelectorAll(".line").forEach((l) => l.classList.toggle("active", Number(l.getAttribute("aria-rowindex")) === active + 1));
  const reveal = () => {
    const top = (active * ROW_HEIGHT) / scale(), page = element.clientHeight - 2 * ROW_HEIGHT;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top > element.scrollTop + page) element.scrollTop = top - page;
    draw();
  };
  const go = (by) => { active = Math.max(0, Math.min(shown.length - 1, active + by)); reveal(); };
  let waiting = 0;
  element.addEventListener("scroll", () => { waiting ||= requestAnimationFrame(() => { waiting = 0; draw(); }); }, { passive: true });
  element.addEventListener("keydown", (event) => {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: inSight() - 2, PageUp: 2 - inSight(), Home: -shown.length, End: shown.length };
    if (event.target !== element) return;
    if (event.key in steps) go(steps[event.key]);
    else if (event.key === "Enter" && shown.length) openRow(shown[active]);
    else return;
    event.preventDefault();
  });
  new ResizeObserver(draw).observe(element);
  const reset = () => {
    filler.style.height = `${Math.min(total(), TALLEST)}px`;
    element.setAttribute("aria-rowcount", shown.length);
    element.scrollTop = 0;
    draw();
  };
  return { element, reset, go };
}

function snippet(text, most) {
  if (text === null) return "";
  if (typeof text === "string") return visible(text.slice(0, most));
  const asked = text.turns.findLast(([role]) => role === "user") ?? text.turns[0];
  return visible(asked[1].slice(0, most).replace(/\s+/g, " "));
}

// --- one row -------------------------------------------------------------------------------------

let opened = -1;

async function openRow(row) {
  const dialog = byId("row");
  opened = row;
  tip();
  const at = shown.indexOf(row);
  const step = (by) => at >= 0 && shown[at + by] !== undefined && (active = at + by, openRow(shown[at + by]));
  dialog.onkeydown = (event) => {
    if (event.target.matches("input, textarea, select")) return;
    if (event.key === "ArrowRight" || event.key === "j") step(1);
    if (event.key === "ArrowLeft" || event.key === "k") step(-1);
  };
  const body = h("div", { class: "inside" });
  const turn = (by, sign, label) => h("button", { type: "button", "aria-label": label, disabled: at < 0 || shown[at + by] === undefined, onclick: () => step(by) }, sign);
  dialog.replaceChildren(
    h("div", { class: "top" }, h("h2", {}, said(placeOf(row))), turn(-1, "\u2190", "Row before"), turn(1, "\u2192", "Next row"),
      h("button", { type: "button", "aria-label": "Close", onclick: () => dialog.close() }, "\u2715")), body);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  body.append(receipt(row));
  try {
    const [id, reason, text, answer] = await textOf(row);
    if (opened !== row) return;
    body.append(h("p", {}, h("b", {}, "Decided"), ` in the ${visible(nameOf("stage", row))} stage: `, said(reason)),
      h("p", { class: "faint" }, "id ", id ?? "\u2013 (the row could not be read)"), conversation(text),
      answer === null ? "" : h("div", { class: "turn tuned" }, h("h3", {}, "what the tuned model answered"), answer ? long(answer) : h("p", { class: "faint" }, "nothing")));
  } catch (error) {
    body.append(h("p", { class: "note bad" }, `The texts cannot be read: ${error.message}`));
  }
}

function receipt(row) {
  const part = partOf(row), picks = columns.order[row], radius = columns.radius[row];
  const words = [h("b", { class: part }, PART_WORDS[part] ?? part)];
  if (picks) words.push(`, pick ${number(picks)} of ${number(meta.rows.selected)}`);
  if (!Number.isNaN(radius)) words.push(`; the covering radius was then ${short(radius)}`);
  const lines = meta.scores.filter(({ name }) => !Number.isNaN(columns[name][row])).map(({ name, threshold: held }) => {
    const cut = held && meta.thresholds[held];
    return [name, short(columns[name][row]), cut ? `${held} ${visible(cut.asked)}, cut at ${short(cut.score)}` : ""];
  });
  for (const name of meta.lengths) {
    const length = columns[`length_${name}`][row];
    if (length >= 0) lines.push([`${name} of the reply`, number(length), ""]);
  }
  const near = columns.nearest[row];
  const cut = meta.cut.filter((_, i) => (columns.cut[row] >> i) & 1);
  if (nameOf("origin", row) !== nameOf("source", row)) words.push("; from ", said(nameOf("origin", row)));
  return h("div", { class: "receipt" }, h("p", {}, words, "."),
    lines.length ? table(["score", "", "held against"], lines) : null,
    near >= 0 ? h("p", {}, `${short(columns.distance[row])} away from the nearest other selected row: `, rowLink(near)) : null,
    cut.length ? h("p", {}, `Too long to be read whole by: ${visible(cut.join(", "))}.`) : null,
    change[row] ? h("p", {}, change[row] > 0 ? "Would come in with the settings moved above." : "Would go with the settings moved above.") : null);
}

function conversation(text) {
  if (text === null) return h("p", { class: "faint" }, "The run folder holds no text of this row.");
  if (typeof text === "string") return h("div", { class: "turn" }, h("h3", {}, "what stood there"), long(text));
  const folded = (label, content) => h("details", {}, h("summary", {}, label), content);
  const turns = text.turns.map(([role, content, more = {}]) => h("div", { class: `turn ${role === "assistant" ? "assistant" : ""}` },
    h("h3", {}, said(role), more.name ? [" ", said(more.name)] : "", more.weight !== undefined ? ` (weight ${more.weight})` : ""),
    more.reasoning ? folded(`reasoning, ${number(more.reasoning.length)} characters`, long(more.reasoning)) : null,
    content ? long(content) : null,
    (more.media ?? []).map(([kind, reference]) => h("p", { class: "faint" }, `${visible(kind)}: `, said(reference.slice(0, 200)))),
    (more.tool_calls ?? []).map(([name, given]) => h("div", { class: "call" }, h("b", {}, "calls ", said(name)), long(given)))));
  const tools = text.tools?.length ? folded(`${text.tools.length} tools offered`, text.tools.map((tool) => long(tool))) : null;
  return h("div", { class: "conversation" }, tools, turns);
}

// A long text comes piece by piece: a browser that lays out millions of characters stands still.
function long(text) {
  const box = h("div");
  let at = 0;
  const show = (size) => {
    let end = Math.min(text.length, at + size);
    if (/[\ud800-\udbff]/.test(text[end - 1] ?? "") && end < text.length) end++; // no half characters
    box.append(h("pre", { dir: "auto" }, visible(text.slice(at, end))));
    at = end;
    if (at === text.length) return;
    const words = `${number(at)} of ${number(text.length)} characters; show more`;
    const more = h("button", { type: "button", onclick: () => { more.remove(); show(5 * CLIP); } }, words);
    box.append(more);
  };
  show(CLIP);
  return box;
}

// The settings that can be moved, and what would come out.

const change = new Int8Array(count); // 1: would be selected, -1: would no longer be
let facts = null;

let pickAgain = null;

async function moving() {
  const section = byId("what-if"), told = meta.what_if;
  section.append(h("h2", {}, "What if"));
  if (!told) return section.append(h("p", {}, "Seeds and budget of this run are amounts of tokens; what others would select cannot be told from its folder."));
  section.append(h("p", {}, "Move a setting and see what a run with it selects. ",
    "No model is asked again: what follows from the scores and picks of this run is exact, the rest an estimate, marked so."));
  facts = factsOf(told);
  pickAgain = pickerOf(facts, await readVectors());
  const wish = { ...told.own };
  const result = h("div", { "aria-live": "polite" });
  const draw = () => showOutcome(result, wish);
  const reset = h("button", { type: "button", onclick: () => { Object.assign(wish, told.own); controls.forEach((c) => c.show()); draw(); } }, "as it was");
  const controls = [
    thresholdControl("alpha", "top", facts.quality, wish, draw),
    thresholdControl("beta", "bottom", facts.necessity, wish, draw),
    countControl("seeds", wish, draw, () => facts.inPool.length),
    countControl("budget", wish, draw, () => facts.inPool.length),
  ];
  section.append(h("div", { class: "two" },
    h("div", { class: "controls" }, controls.map((c) => c.element), reset), result));
  controls.forEach((c) => c.show());
  draw();
}

// A slider over a share or the scores, whichever the setting is in, and a field for anything.
function thresholdControl(name, side, column, wish, draw) {
  const values = column.filter((value) => !Number.isNaN(value)).sort();
  const slider = h("input", { type: "range", min: 0, max: 1000, step: 1, "aria-label": name });
  const field = h("input", { type: "text", id: `wish-${name}`, size: 12, spellcheck: "false", autocomplete: "off" });
  const problem = h("span", { class: "problem", role: "alert" });
  const unit = () => threshold(wish[name], side).unit;
  const show = () => {
    field.value = wish[name];
    problem.textContent = "";
    const { value, unit } = threshold(wish[name], side);
    const share = unit === "percent" ? value / 100 : unit === "rows" ? value / (values.length || 1) : rankOf(value);
    slider.value = Math.round(1000 * Math.min(1, share));
  };
  const rankOf = (value) => {
    let low = 0, high = values.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[middle] < value) low = middle + 1;
      else high = middle;
    }
    const below = low / (values.length || 1);
    return side === "top" ? 1 - below : below;
  };
  slider.addEventListener("input", () => {
    const part = slider.value / 1000, many = values.length;
    if (unit() === "percent") wish[name] = `${side} ${Math.max(0.1, slider.value / 10)}%`;
    else if (unit() === "rows") wish[name] = `${side} ${Math.max(1, Math.round(part * many))}`;
    else if (many) {
      const at = Math.round((side === "top" ? 1 - part : part) * (many - 1));
      wish[name] = String(Number(values[at].toPrecision(6)));
    }
    field.value = wish[name];
    problem.textContent = "";
    draw();
  });
  field.addEventListener("change", () => {
    try {
      threshold(field.value, side);
      wish[name] = field.value.trim();
      show();
      draw();
    } catch (error) {
      problem.textContent = error.message;
    }
  });
  slider.disabled = !values.length;
  return { show, element: h("div", { class: "control" }, h("label", { for: `wish-${name}` }, name), slider, field, problem) };
}

// The budget is never below the seeds: each moves the other along.
function countControl(name, wish, draw, most) {
  const slider = h("input", { type: "range", min: 1, max: Math.max(1, most()), step: 1, "aria-label": name });
  const field = h("input", { type: "number", id: `wish-${name}`, min: 1, step: 1 });
  const show = () => (slider.value = field.value = wish[name]);
  const take = (value) => {
    const whole = Math.round(Number(value));
    if (!(whole >= 1)) return show();
    wish[name] = whole;
    if (name === "seeds" && wish.budget < whole) setBudget(whole);
    if (name === "budget" && wish.seeds > whole) wish[name] = wish.seeds;
    show();
    draw();
  };
  const setBudget = (value) => {
    wish.budget = value;
    for (const input of document.querySelectorAll('[data-setting="budget"]')) input.value = value;
  };
  slider.dataset.setting = field.dataset.setting = name;
  slider.addEventListener("input", () => take(slider.value));
  field.addEventListener("change", () => take(field.value));
  return { show, element: h("div", { class: "control" }, h("label", { for: `wish-${name}` }, name), slider, field) };
}

function showOutcome(place, wish) {
  const found = whatIf(facts, asked(wish), pickAgain), own = whatIf(facts, facts.own);
  const before = [...facts.seeds, ...facts.picked], after = [...found.seeds, ...found.picked];
  change.fill(0);
  for (const row of after) change[row] = 1;
  for (const row of before) change[row]--;
  const enters = after.filter((row) => change[row] > 0), leaves = before.filter((row) => change[row] < 0);
  onChange();
  if (found.problem) {
    put(place, h("p", { class: "note bad" }, `No selection: ${found.problem}.`));
    return;
  }
  const exact = !found.doubts.length, onlyPicks = same(found.doubts, [DOUBTS.othersNecessary]);
  const badge = (sure) => h("span", { class: sure ? "badge exact" : "badge estimate" }, sure ? "exact" : "estimate");
  const row = (what, a, b, sure) => [what, a, h("b", { class: "number", "data-figure": what }, number(b)), badge(sure)];
  const sum = (column, rows) => rows.reduce((total, r) => total + Math.max(0, column[r]), 0);
  put(place,
    table(["", "in this run", "what if", ""], [
      row("rows that pass alpha", own.pool, found.pool, true),
      row("seeds", before.length - facts.picked.length, found.seeds.length, exact || !found.doubts.includes(DOUBTS.pickedAnew)),
      row("rows reviewed", own.reviewed, found.reviewed, exact || onlyPicks),
      row("necessary", own.necessary, found.necessary, exact || onlyPicks),
      row("selected", before.length, after.length, exact || (onlyPicks && !found.twins)),
      ...meta.lengths.map((name) => row(`${name} of the replies`, sum(columns[`length_${name}`], before), sum(columns[`length_${name}`], after), exact)),
    ], { class: "outcome" }),
    exact ? null : h("p", { class: "note" }, h("b", {}, "An estimate, because "), found.doubts.join("; "), ". ",
      found.unknown ? `${number(found.unknown)} rows have no necessity score.` : ""),
    sourceShares(before, after),
    h("p", { id: "changed" }, `${number(enters.length)} rows would come in, ${number(leaves.length)} would go. `,
      enters.length ? h("button", { type: "button", onclick: () => showRows({ change: "in" }) }, "show those that come in") : null, " ",
      leaves.length ? h("button", { type: "button", onclick: () => showRows({ change: "out" }) }, "show those that go") : null),
    commands(wish, exact));
}

function sourceShares(before, after) {
  const tally = (rows) => {
    const sizes = new Map();
    for (const row of rows) sizes.set(columns.origin[row], (sizes.get(columns.origin[row]) ?? 0) + 1);
    return sizes;
  };
  const [was, is] = [tally(before), tally(after)];
  const sources = [...new Set([...was.keys(), ...is.keys()])].sort((a, b) => (is.get(b) ?? 0) - (is.get(a) ?? 0) || a - b);
  return h("details", { open: sources.length > 1 && sources.length < 8 }, h("summary", {}, "Shares of the sources"),
    table(["source", "in this run", "", "what if", ""], sources.map((source) => [said(meta.names.origin[source]),
      was.get(source) ?? 0, share(was.get(source) ?? 0, before.length), is.get(source) ?? 0, share(is.get(source) ?? 0, after.length)])));
}

// Quoted as a POSIX shell reads it.
const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`);

function commands(wish, exact) {
  const moved = Object.entries(wish).map(([name, value]) => `--${name} ${quoted(String(value))}`).join(" ");
  const folder = location.protocol === "file:" ? decodeURIComponent(location.pathname.replace(/\/[^/]*$/, "")) : "RUN";
  return h("div", {},
    h("p", {}, exact ? "The same in a terminal:"
      : "In a terminal, where rows are picked again if the folder holds the vectors (--estimate gives the numbers above):"), copyable(visible(`mods what-if ${quoted(folder)} ${moved}`)).element,
    h("p", {}, "The run that would make it so:"), copyable(visible(`${meta.what_if.command} ${moved}`)).element);
}

// The first thing seen: what came out, what is to be known, what was asked, how the scores lie.

function overview() {
  const { totals, by_stage: stages } = meta.rows;
  const all = meta.rows.in;
  byId("headline").textContent = `${number(totals.selected)} of ${number(all)} rows selected`;
  const tile = (value, label, part) =>
    h("div", { class: `tile ${part}` }, h("b", {}, number(value)), h("span", {}, label));
  byId("overview").append(
    h("div", { class: "tiles", role: "group", "aria-label": "Rows in = selected + rejected + set aside" },
      tile(all, "rows in", ""), h("i", {}, "="),
      tile(totals.selected, "selected", "selected"), h("i", {}, "+"),
      tile(totals.rejected, "rejected", "rejected"), h("i", {}, "+"),
      tile(totals.quarantined, "set aside", "quarantined")),
    notices(), funnel(stages, all), wished());
}

function notices() {
  const notes = meta.notices;
  if (!notes.length) return h("p", { class: "note" }, "Nothing out of the ordinary was noticed.");
  return h("div", { class: "note" }, h("h3", {}, notes.length === 1 ? "Worth knowing" : `Worth knowing (${notes.length})`),
    h("ul", {}, notes.map((note) => h("li", {}, said(note)))));
}

// How rows go from stage to stage: of each stage how many came, and what became of them.
function funnel(stages, all) {
  const list = h("ol", { class: "funnel" });
  let left = all;
  for (const [stage, counts] of Object.entries(stages)) {
    const bar = (part, size) =>
      size ? h("span", { class: `bar ${part}`, title: `${part}: ${number(size)}` }) : null;
    const gone = counts.selected + counts.rejected + counts.quarantined;
    if (!gone) continue; // it decided about no row
    const sizes = [["selected", counts.selected], ["rest", left - gone], ["rejected", counts.rejected],
      ["quarantined", counts.quarantined]];
    const bars = sizes.map(([part, size]) => [bar(part, size), size]).filter(([element]) => element);
    for (const [element, size] of bars) element.style.flexGrow = size;
    const track = h("div", { class: "track" }, bars.map(([element]) => element));
    track.style.width = `${(100 * left) / all}%`;
    const reasons = meta.reasons.filter(([at]) => at === stage);
    list.append(h("li", {},
      h("div", { class: "stage" }, h("b", {}, visible(stage)),
        ` ${number(left)} rows came, ${number(left - gone)} went on`,
        counts.selected ? `, ${number(counts.selected)} were selected` : ""),
      track,
      h("ul", { class: "reasons" }, reasons.map(([, fate, reason, rows]) => h("li", {}, h("button", {
        type: "button", class: `chip ${fate}`,
        onclick: () => showRows({ stage, reason, fate }),
      }, h("b", {}, number(rows)), " ", said(reason)))))));
    left -= gone;
  }
  return h("div", {}, h("h2", {}, "From rows in to selected"), list,
    left ? h("p", { class: "note bad" }, `${number(left)} rows are not accounted for`) : null);
}

function wished() {
  const seconds = Object.entries(meta.costs.seconds);
  const work = Object.entries(meta.costs.work);
  return h("div", { class: "two" },
    h("div", {}, h("h2", {}, "What was asked"),
      h("dl", {}, meta.settings.map(([what, how]) => [h("dt", {}, what), h("dd", {}, said(how))]))),
    h("div", {}, h("h2", {}, "What it cost"),
      seconds.length ? table(["stage", "seconds"], seconds.map(([s, v]) => [said(s), v])) : null,
      work.length ? workTable(work) : null));
}

// Whatever is known of each kind of work, one column each.
function workTable(work) {
  const keys = [...new Set(work.flatMap(([, cost]) => Object.keys(cost)))];
  const known = keys.filter((key) => work.some(([, cost]) => cost[key])); // a column of noughts says nothing
  const cell = (value) => (typeof value === "number" ? value : value === undefined ? "" : said(JSON.stringify(value)));
  return table(["work", ...known.map(visible)], work.map(([what, cost]) => [said(what), ...known.map((key) => cell(cost[key]))]));
}

// --- scores ----------------------------------------------------------------------------------

function scores() {
  const section = byId("scores");
  section.append(h("h2", {}, "Scores"));
  if (!meta.scores.length) return section.append(h("p", {}, "No row has a score."));
  const charts = h("div", { class: "charts" });
  let by = "fate";
  const draw = () => {
    const sources = sourceColours();
    const [names, colours, part] = by === "fate"
      ? [PARTS.map((p) => PART_WORDS[p]), partColours(), (row) => PARTS.indexOf(partOf(row))]
      : [sources.names, sources.colours, sources.of];
    charts.replaceChildren(
      legend(names, colours),
      ...meta.scores.map(({ name, threshold: held }) => {
        const rows = [];
        for (let i = 0; i < count; i++) if (!Number.isNaN(columns[name][i])) rows.push(i);
        const cut = held && meta.thresholds[held];
        const line = cut && { value: cut.score, text: `${held} ${visible(cut.asked)}: ${short(cut.score)}` };
        return h("figure", {}, h("figcaption", {}, h("b", {}, name), ` ${number(rows.length)} rows scored`,
          held ? (held === "alpha" ? "; what lies to the right passes" : "; what lies to the left is necessary") : ""),
        histogram(columns[name], rows, part, names, colours, line, name));
      }));
  };
  section.append(chooser("coloured by", [["fate", "fate"], ["source", "source"]],
    (value) => { by = value; draw(); }, by), charts);
  draw();
  section.append(h("h3", {}, "Scores and length"), h("div", { class: "charts" },
    meta.correlations.map(({ score, length, rho, words, rows }) => h("figure", {},
      h("figcaption", {}, h("b", {}, score), ` and ${length} of the reply: ${words}`,
        rho === null ? "" : ` (rank correlation ${rho.toFixed(2)}, ${number(rows)} rows)`),
      cloud(columns[`length_${length}`], columns[score], `${length} of the reply`, score)))));
  section.append(h("h3", {}, "Scores of near-duplicates"), h("p", {}, meta.near.words, "."));
  if (meta.near.pairs.length) {
    const names = meta.scores.map(({ name }) => name);
    section.append(h("details", {}, h("summary", {}, `The ${meta.near.pairs.length} nearest pairs`),
      table(["row", "nearest selected row", "distance", ...names.flatMap((n) => [n, ""])],
        meta.near.pairs.map(([a, b]) => [rowLink(a), rowLink(b), short(columns.distance[a]),
          ...names.flatMap((name) => [short(columns[name][a]), short(columns[name][b])])]))));
  }
}

const rowLink = (row) => h("button", { type: "button", class: "link", onclick: () => openRow(row) }, said(placeOf(row)));

// What another alpha, beta, seeds or budget would have selected: mods/runs/whatif.py, line by line.

const DOUBTS = {
  notEmbedded: "rows that pass now were never embedded",
  pickedAnew: "seeds would be picked anew",
  tunedAnew: "the model would be tuned on other seeds, and review every row anew",
  notReviewed: "rows were never reviewed",
  noModel: "the run tuned no model: which rows are necessary is not known",
  othersNecessary: "the picks among other necessary rows follow from vectors",
};

// {side, value, unit} of a threshold; an error says what is understood.
function threshold(text, side) {
  const found = /^\s*(top|bottom)\s+([\d.]+)\s*(%?)\s*$/i.exec(text);
  const value = Number(found ? found[2] : text);
  const known = `a number, '${side} 30%' or '${side} 5000'`;
  if (text.trim() === "" || !Number.isFinite(value)) throw new Error(`give ${known}`);
  if (!found) return { side, value, unit: "score" };
  if (found[1].toLowerCase() !== side) throw new Error(`give ${known}`);
  if (found[3] && !(value > 0 && value <= 100)) throw new Error("a share is up to 100 %");
  if (!found[3] && (value < 1 || !Number.isInteger(value))) throw new Error("a count is from 1");
  return { side, value, unit: found[3] ? "percent" : "rows" };
}

// Which of the scores pass, and the cut as a score.
function passing({ side, value, unit }, scores) {
  const mask = new Uint8Array(scores.length), top = side === "top";
  if (!scores.length) return { mask, cut: value };
  const better = (cut) => (top ? (s) => s > cut : (s) => s < cut);
  if (unit === "score") {
    const passes = better(value);
    for (let i = 0; i < scores.length; i++) mask[i] = passes(scores[i]);
    return { mask, cut: value };
  }
  const share = unit === "percent" ? (value / 100) * scores.length : value;
  let left = Math.min(scores.length, Math.max(1, Math.floor(share + 0.5)));
  const sorted = Float64Array.from(scores).sort();
  const cut = top ? sorted[scores.length - left] : sorted[left - 1];
  const passes = better(cut);
  for (let i = 0; i < scores.length; i++) if (passes(scores[i])) mask[i] = 1, left--;
  for (let i = 0; left > 0; i++) if (scores[i] === cut) mask[i] = 1, left--;
  return { mask, cut };
}

const pickFrom = (column, rows) => Float64Array.from(rows, (row) => column[row]);
const without = (rows, others) => {
  const out = new Set(others);
  return rows.filter((row) => !out.has(row));
};
const passed = (rule, column, rows) => {
  const { mask, cut } = passing(rule, pickFrom(column, rows));
  return { rows: rows.filter((_, i) => mask[i]), cut };
};
const same = (a, b) => a.length === b.length && a.every((value, i) => value === b[i]);

// What the page's columns know; rows are named by their place, from 0.
// The rows selected for a reason, in order of pick.
function selected(reason) {
  const rows = Array.from({ length: count }, (_, row) => row);
  return rows.filter((row) => isSelected(row) && nameOf("reason", row) === reason)
    .sort((a, b) => columns.order[a] - columns.order[b]);
}

function factsOf({ own, in_order, quality, necessity }) {
  const none = new Float64Array(count).fill(NaN);
  const all = Array.from({ length: count }, (_, row) => row);
  const facts = {
    inOrder: in_order,
    quality: columns[quality] ?? none,
    necessity: columns[necessity] ?? none,
    pool: columns.pool, distance: columns.distance, twin: columns.twin,
    seeds: selected("seed"), picked: selected("necessary"),
    own: asked(own),
  };
  facts.scored = all.filter((row) => !Number.isNaN(facts.quality[row]));
  const passes = passed(facts.own.alpha, facts.quality, facts.scored).rows;
  facts.barred = passes.filter((row) => !facts.pool[row]);
  facts.inPool = all.filter((row) => facts.pool[row]);
  const { reviewed } = reviewedOf(facts, facts.inPool, facts.seeds);
  facts.ownNecessary = passed(facts.own.beta, facts.necessity, reviewed).rows;
  return facts;
}

function asked({ alpha, beta, seeds, budget }) {
  return { alpha: threshold(alpha, "top"), beta: threshold(beta, "bottom"), seeds, budget };
}

function whatIf(facts, wish, pick = null) {
  const passes = passed(wish.alpha, facts.quality, facts.scored);
  const pool = without(passes.rows, facts.barred);
  const found = {
    problem: "", doubts: [], alphaCut: passes.cut, betaCut: NaN, pool: pool.length,
    reviewed: 0, necessary: 0, unknown: 0, seeds: [], picked: [], twins: false,
  };
  if (pool.length < wish.seeds) {
    found.problem = `${wish.seeds} seeds, but only ${pool.length} rows pass alpha`;
    return found;
  }
  if (!pool.every((row) => facts.pool[row])) {
    found.doubts.push(DOUBTS.notEmbedded);
    pick = null;
  }
  found.seeds = seedsOf(facts, wish, pool, pick, found.doubts);
  if (wish.budget <= wish.seeds || found.seeds.length < wish.seeds) return found;
  if (facts.own.budget <= facts.own.seeds) found.doubts.push(DOUBTS.noModel);
  else if (!same(found.seeds, facts.seeds)) found.doubts.push(DOUBTS.tunedAnew);
  const { reviewed, unknown } = reviewedOf(facts, pool, found.seeds);
  if (unknown && !found.doubts.includes(DOUBTS.noModel)) found.doubts.push(DOUBTS.notReviewed);
  const necessary = passed(wish.beta, facts.necessity, reviewed);
  found.betaCut = necessary.cut;
  found.reviewed = reviewed.length;
  found.unknown = unknown;
  found.necessary = necessary.rows.length;
  found.twins = necessary.rows.some((row) => facts.twin[row]);
  found.picked = picksOf(facts, wish, found.seeds, necessary.rows, pick, found.doubts);
  return found;
}

function seedsOf(facts, wish, pool, pick, doubts) {
  if (pick) return pick(pool, wish.seeds, []);
  const inside = new Set(pool);
  const kept = facts.seeds.filter((row) => inside.has(row));
  const samePool = pool.length === facts.inPool.length && pool.every((row) => facts.pool[row]);
  const short = facts.seeds.length < facts.own.seeds;
  const follows = wish.seeds < facts.seeds.length || short;
  if (!(samePool && (wish.seeds === facts.own.seeds || (facts.inOrder && follows)))) {
    doubts.push(DOUBTS.pickedAnew);
  }
  if (kept.length >= wish.seeds || (samePool && short)) return kept.slice(0, wish.seeds);
  const others = farthest(facts, without(pool, kept));
  return [...kept, ...others.slice(0, wish.seeds - kept.length)];
}

function reviewedOf(facts, pool, seeds) {
  const own = new Set(facts.seeds), reviewed = [];
  let unknown = 0;
  for (const row of without(pool, seeds)) {
    if (!Number.isNaN(facts.necessity[row])) reviewed.push(row);
    else if (!facts.pool[row] || own.has(row)) unknown++;
  }
  return { reviewed, unknown };
}

function picksOf(facts, wish, seeds, necessary, pick, doubts) {
  const wanted = Math.min(wish.budget - seeds.length, necessary.length);
  if (pick) {
    const both = [...seeds, ...necessary].sort((a, b) => a - b);
    return wanted ? pick(both, wanted, seeds) : [];
  }
  if (!doubts.length && !picksFollow(facts, wish, seeds, necessary)) {
    doubts.push(DOUBTS.othersNecessary);
  }
  const inside = new Set(necessary);
  const kept = facts.picked.filter((row) => inside.has(row));
  return [...kept, ...farthest(facts, without(necessary, kept))].slice(0, wanted);
}

function picksFollow(facts, wish, seeds, necessary) {
  const wanted = wish.budget - seeds.length;
  if (same(necessary, facts.ownNecessary)) {
    return wish.budget === facts.own.budget || (facts.inOrder && wanted <= facts.picked.length);
  }
  return facts.inOrder && wanted >= necessary.length && !necessary.some((row) => facts.twin[row]);
}

function farthest(facts, rows) {
  const far = (row) => (Number.isNaN(facts.distance[row]) ? -1 : facts.distance[row]);
  return [...rows].sort((a, b) => far(b) - far(a) || a - b);
}

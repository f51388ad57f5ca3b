// k-center greedy, bit for bit as mods/kcenter/oracle.py: JavaScript's numbers are the same doubles.

const LANES = 16;

// What picks again among rows of the pool; null where the page holds no vectors.
function pickerOf(facts, values) {
  if (!values) return null;
  const width = values.length / facts.inPool.length;
  const place = new Map(facts.inPool.map((row, i) => [row, i]));
  const lanes = new Float64Array(LANES);

  function distance(a, b) {
    lanes.fill(0);
    for (let j = 0, at = a * width, of = b * width; j < width; j++) {
      const e = values[at + j] - values[of + j];
      lanes[j % LANES] += e * e;
    }
    for (let half = LANES / 2; half > 0; half >>= 1) {
      for (let l = 0; l < half; l++) lanes[l] += lanes[l + half];
    }
    return lanes[0];
  }

  // Squared distances of places to their nearest centre, -1 for centres.
  function take(near, places, centre) {
    for (let i = 0; i < places.length; i++) {
      near[i] = places[i] === centre ? -1 : Math.min(near[i], distance(places[i], centre));
    }
  }

  const whole = facts.inPool.map((_, i) => i);
  let fixed = [], nearFixed = null;
  function nearOf(centres) {
    if (!nearFixed || !same(centres, fixed)) {
      [fixed, nearFixed] = [centres, new Float64Array(whole.length).fill(Infinity)];
      for (const centre of centres) take(nearFixed, whole, place.get(centre));
    }
    return nearFixed;
  }

  return (rows, k, centres) => {
    const places = rows.map((row) => place.get(row));
    const near = Float64Array.from(places, (at) => nearOf(centres)[at]);
    const picks = [];
    while (picks.length < k) {
      let best = 0;
      if (!picks.length && !centres.length) best = meta.first_picks[rows.length - 1];
      else for (let i = 1; i < near.length; i++) if (near[i] > near[best]) best = i;
      if (!(near[best] > 0)) break;
      picks.push(rows[best]);
      take(near, places, places[best]);
    }
    return picks;
  };
}

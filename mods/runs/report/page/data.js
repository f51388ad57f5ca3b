// What the page is given: said things (meta), columns by row, texts in packed chunks.

const byId = (id) => document.getElementById(id);
const meta = JSON.parse(byId("meta").textContent);
const count = meta.count;
const columns = {};
const FIRST = 0x4000, BITS = 15;

// The bytes in a text of 15 bits a character; see packing.py.
function bytesOf(text) {
  const size = (text.charCodeAt(0) - FIRST) * 2 ** BITS + text.charCodeAt(1) - FIRST;
  const bytes = new Uint8Array(size);
  let held = 0, bits = 0, at = 0;
  for (let i = 2; at < size; i++) {
    held = (held << BITS) | (text.charCodeAt(i) - FIRST);
    bits += BITS;
    while (bits >= 8 && at < size) {
      bits -= 8;
      bytes[at++] = held >> bits;
      held &= (1 << bits) - 1;
    }
  }
  return bytes;
}

async function inflate(text) {
  const packed = new Blob([bytesOf(text)]).stream();
  const plain = packed.pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(plain).arrayBuffer());
}

// Values come byte by byte of all, the first bytes first.
function valuesOf(all, at, size, kind) {
  const Kind = globalThis[kind], width = Kind.BYTES_PER_ELEMENT;
  const bytes = new Uint8Array(size * width);
  for (let b = 0; b < width; b++) {
    for (let i = 0; i < size; i++) bytes[i * width + b] = all[at++];
  }
  return new Kind(bytes.buffer);
}

async function readColumns() {
  const all = await inflate(byId("columns").textContent);
  let at = 0;
  for (const { name, kind, steps } of meta.columns) {
    const values = valuesOf(all, at, count, kind);
    at += values.byteLength;
    if (steps) for (let i = 1; i < count; i++) values[i] += values[i - 1];
    columns[name] = values;
  }
}

// The vectors of the pool, where they are small enough to be here.
async function readVectors() {
  const packed = byId("vectors")?.textContent;
  if (!packed) return null;
  const all = await inflate(packed);
  return valuesOf(all, 0, all.length / 4, "Float32Array");
}

const nameOf = (what, row) => meta.names[what][columns[what][row]];
const isSelected = (row) => columns.order[row] > 0;
// What a row is drawn as.
const partOf = (row) =>
  isSelected(row) ? (nameOf("reason", row) === "seed" ? "seed" : "necessary") : nameOf("fate", row);

// --- texts -----------------------------------------------------------------------------------

const chunks = []; // {first, rows, packed | take, read: a promise of its rows, lower}
const decoder = new TextDecoder();

window.takeTexts = (first, rows, packed) => chunks.push({ first, rows, take: () => packed });

// All chunks are there: those of the page once it is whole, or those of the file beside it.
let allTexts = null;
function textsThere() {
  allTexts ??= (async () => {
    if (document.readyState === "loading") {
      await new Promise((go) => document.addEventListener("DOMContentLoaded", go, { once: true }));
    }
    if (meta.texts.beside) await loadBeside();
    for (const element of document.querySelectorAll('script[id^="texts-"]')) {
      const [, first, rows] = element.id.split("-").map(Number);
      chunks.push({ first, rows, take: () => element.textContent });
    }
  })();
  return allTexts;
}

function loadBeside() {
  return new Promise((go, fail) => {
    const script = document.createElement("script");
    script.nonce = meta.texts.nonce;
    script.src = meta.texts.beside;
    script.onload = go;
    script.onerror = () => fail(new Error(`${meta.texts.beside} is not beside this page`));
    document.head.append(script);
  });
}

function rowsOf(chunk) {
  chunk.read ??= inflate(chunk.take()).then((bytes) => JSON.parse(decoder.decode(bytes)));
  return chunk.read;
}

async function chunkOf(row) {
  await textsThere();
  let low = 0, high = chunks.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (chunks[middle].first <= row) low = middle;
    else high = middle - 1;
  }
  return chunks[low];
}

// [id, reason, text, answer] of a row; of one that repeats another the text is that one's.
async function textOf(row) {
  const chunk = await chunkOf(row);
  if (!chunk) return [null, "", null, null];
  const [id, reason, text, answer = null] = (await rowsOf(chunk))[row - chunk.first];
  return typeof text === "number" ? [id, reason, ...(await textOf(text)).slice(2)] : [id, reason, text, answer];
}

// The words of a row in one line, as the search and the table see it.
function plain(text) {
  if (text === null || typeof text === "number") return "";
  if (typeof text === "string") return text;
  return text.turns.map(([, content, more]) => {
    const calls = (more?.tool_calls ?? []).map((call) => call.slice(0, 2).join(" "));
    return [content, more?.reasoning ?? "", ...calls].filter(Boolean).join("\n");
  }).join("\n");
}

// Which rows hold some words; small and capital letters are the same.
async function rowsWith(words, onProgress) {
  const mask = new Uint8Array(count), wanted = words.toLowerCase();
  await textsThere();
  for (let c = 0; c < chunks.length; c++) {
    const chunk = chunks[c];
    if (!chunk.lower) {
      onProgress?.(c / chunks.length);
      const rows = await rowsOf(chunk);
      chunk.lower = rows.map(([id, , text]) => `${id ?? ""}\n${plain(text)}`.toLowerCase());
      chunk.repeats = rows.flatMap(([, , text], i) => (typeof text === "number" ? [[i, text]] : []));
    }
    const { lower, first } = chunk;
    for (let i = 0; i < lower.length; i++) if (lower[i].includes(wanted)) mask[first + i] = 1;
    for (const [i, of] of chunk.repeats) mask[first + i] |= mask[of];
  }
  return mask;
}

// Elements are made here and nowhere else. What comes from data becomes text, never markup.

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...present(children));
  return element;
}

const present = (children) => children.flat(3).filter((child) => child !== null && child !== undefined);
const put = (element, ...children) => element.replaceChildren(...present(children));

const h = (tag, properties = {}, ...children) =>
  fill(document.createElement(tag), properties, children);
const svg = (tag, properties = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);

const number = (value) => value.toLocaleString("en-US");
const short = (value) =>
  value === null || Number.isNaN(value) ? "\u2013" : String(Number(value.toPrecision(4)));
const share = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(1)} %` : "\u2013");

// Control characters, marks of direction and lone surrogates, which could deceive, are shown.
const HIDDEN = new RegExp(
  "[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u2064" +
  "\\u2066-\\u2069\\ufeff]|[\\ud800-\\udbff](?![\\udc00-\\udfff])|(?<![\\ud800-\\udbff])[\\udc00-\\udfff]",
  "g");
const JOINERS = /\p{Extended_Pictographic}\u200d|\u200d\p{Extended_Pictographic}/u;
function visible(text) {
  const joins = JOINERS.test(text);
  return text.replace(HIDDEN, (mark) => {
    if (mark === "\r" || (joins && mark === "\u200d")) return mark === "\r" ? "" : mark;
    return `\u27e8${mark.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}\u27e9`;
  });
}
const said = (text) => h("bdi", {}, visible(text));

function table(head, rows, properties = {}) {
  const numeric = (value) => typeof value === "number";
  const cell = (tag) => (value, i) =>
    h(tag, numeric(value) || (tag === "th" && numeric(rows[0]?.[i])) ? { class: "number" } : {},
      numeric(value) ? number(value) : value);
  return h("div", { class: "scroll" }, h("table", properties,
    h("thead", {}, h("tr", {}, head.map(cell("th")))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map(cell("td")))))));
}

function chooser(label, options, onchange, value) {
  const select = h("select", { onchange: () => onchange(select.value) },
    options.map(([key, text]) => h("option", { value: key, selected: key === value }, visible(text))));
  return h("label", {}, h("span", {}, label), select);
}

function copyable(text) {
  const button = h("button", {
    type: "button",
    onclick: async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
      } catch {
        getSelection().selectAllChildren(code);
      }
      button.textContent = "copied";
      setTimeout(() => (button.textContent = "copy"), 1500);
    },
  }, "copy");
  const code = h("code", {}, text);
  return { element: h("div", { class: "copy" }, code, button), code };
}

function tip(event, lines) {
  const box = byId("tip");
  box.hidden = !lines;
  if (!lines) return;
  box.replaceChildren(...lines.map((line) => h("div", {}, line)));
  const { innerWidth, innerHeight } = window, { offsetWidth, offsetHeight } = box;
  box.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - offsetWidth - 8))}px`;
  box.style.top = `${Math.max(4, Math.min(event.clientY + 14, innerHeight - offsetHeight - 8))}px`;
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const redraws = [];
const onTheme = (draw) => redraws.push(draw);
const placeOf = (row) => `${nameOf("source", row)}:${columns.row[row]}`;
// Sources by their last part, where that tells them apart.
const tails = meta.names.source.map((name) => name.replace(/^.*[/\\]/, "") || name);
const shortPlace = (row) =>
  new Set(tails).size === tails.length ? `${tails[columns.source[row]]}:${columns.row[row]}` : placeOf(row);

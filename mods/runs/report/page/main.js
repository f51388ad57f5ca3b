// What is seen first is drawn first.

function theme() {
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
  const redraw = () => redraws.forEach((draw) => draw());
  dark.addEventListener("change", redraw);
  byId("theme").addEventListener("click", () => {
    const now = root.dataset.theme ?? (dark.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
    redraw();
  });
}

function keys() {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.matches("input, select, textarea") || byId("row").open) return;
    event.preventDefault();
    byId("rows").scrollIntoView();
    byId("search").focus();
  });
  const follow = () => {
    const row = /^#row-(\d+)$/.exec(location.hash);
    if (row && Number(row[1]) < count) openRow(Number(row[1]));
  };
  addEventListener("hashchange", follow);
  follow();
}

async function main() {
  theme();
  overview();
  byId("footer").append(`mods ${visible(String(meta.mods))} \u00b7 `, meta.texts.beside
    ? `the texts of the rows lie in ${meta.texts.beside} beside this page`
    : meta.texts.kept ? "this page holds all it shows" : "the run folder holds no texts of its rows");
  await new Promise((go) => requestAnimationFrame(() => setTimeout(go)));
  await readColumns();
  for (const draw of [scores, moving, coverage, rowsSection, keys]) {
    await draw();
    await new Promise((go) => setTimeout(go));
  }
  document.documentElement.dataset.ready = "";
}

main().catch((error) => {
  document.querySelector("main").prepend(h("p", { class: "note bad" }, `This page could not be drawn: ${error.message}`));
  console.error(error);
});

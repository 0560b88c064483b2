// Tables that sort, galleries that enlarge, claims that filter, contents that follow.
(() => {
  const make = (tag, props, ...children) => {
    const e = Object.assign(document.createElement(tag), props);
    e.append(...children);
    return e;
  };

  // Sorting: numbers by data-v, text by its words; empty cells stay last.
  const key = cell => cell.dataset.v !== undefined ? Number(cell.dataset.v) : cell.textContent.trim();
  const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
  for (const table of document.querySelectorAll("table")) {
    const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0], rows = [...body.rows];
    heads.forEach((th, i) => {
      const button = make("button", { type: "button" }, ...th.childNodes);
      th.append(button);
      button.addEventListener("click", () => {
        // Numbers start with the largest, a third press brings the first order back.
        const first = th.classList.contains("num") ? "descending" : "ascending";
        const other = first === "ascending" ? "descending" : "ascending";
        const now = th.getAttribute("aria-sort");
        const next = now === first ? other : now === other ? null : first;
        heads.forEach(h => h.removeAttribute("aria-sort"));
        let order = rows;
        if (next) {
          th.setAttribute("aria-sort", next);
          const sign = next === "ascending" ? 1 : -1;
          order = rows.map((r, k) => ({ r, k, v: key(r.cells[i]) })).sort((a, b) =>
            (a.v === "") - (b.v === "") || sign * compare(a.v, b.v) || a.k - b.k).map(x => x.r);
        }
        body.append(...order);
      });
    });
    const caption = table.closest("figure.table")?.querySelector("figcaption");
    if (caption) {
      const csv = make("button", { type: "button", className: "tool", textContent: "CSV", title: "Save this table as CSV" });
      csv.setAttribute("aria-label", "Save this table as CSV");
      csv.addEventListener("click", () => {
        const field = s => /[",\n]/.test(s) ? `"${s.replaceAll('"', '""')}"` : s;
        const lines = [...table.rows].map(r => [...r.cells].map(c => field(c.dataset.v ?? c.textContent.trim())).join(","));
        save(URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" })), table.dataset.name + ".csv");
      });
      caption.append(csv);
    }
  }
  const save = (href, name) => make("a", { href, download: name }).click();
  window.locimemSave = save;

  const dialog = document.getElementById("zoom");
  for (const img of document.querySelectorAll(".gallery img")) {
    const button = make("button", { type: "button" });
    button.setAttribute("aria-label", "Enlarge: " + img.alt);
    img.replaceWith(button);
    button.append(img);
    button.addEventListener("click", () => {
      dialog.querySelector("img").src = img.src;
      dialog.querySelector("img").alt = img.alt;
      dialog.querySelector("p").textContent = img.closest(".row").querySelector("h4").textContent + " \u00b7 " + img.alt;
      dialog.showModal();
    });
  }
  dialog.addEventListener("click", e => { if (e.target === dialog || e.target.closest("button")) dialog.close(); });

  const filters = [...document.querySelectorAll("button[data-verdict]")];
  for (const b of filters) {
    b.addEventListener("click", () => {
      const on = b.getAttribute("aria-pressed") !== "true";
      filters.forEach(f => f.setAttribute("aria-pressed", String(on && f === b)));
      for (const c of document.querySelectorAll(".claim")) c.hidden = on && c.dataset.verdict !== b.dataset.verdict;
    });
  }

  const links = new Map([...document.querySelectorAll(".toc a")].map(a => [a.hash.slice(1), a]));
  const contents = document.querySelector(".toc details");
  if (matchMedia("(max-width: 66rem)").matches) contents.open = false;
  const seen = new IntersectionObserver(entries => {
    for (const e of entries) if (e.isIntersecting) {
      links.forEach(a => a.removeAttribute("aria-current"));
      links.get(e.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-15% 0px -75% 0px" });
  document.querySelectorAll("main > section").forEach(s => seen.observe(s));

  // All of it is printed, whatever is folded on the screen.
  addEventListener("beforeprint", () => document.querySelectorAll(".claim details, .provenance details, .helps").forEach(d => { d.open = true; }));
})();

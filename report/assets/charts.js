// Draws each chart with Chart.js; bands, whiskers and reference lines are plugins.
(() => {
  const charts = JSON.parse(document.getElementById("chart-data").textContent) || [];
  const color = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const looks = { // beside the colour, so that series differ without it too
    candidate: { point: "circle", dash: [] }, shared: { point: "line", dash: [7, 4] }, independent: { point: "rect", dash: [] },
    external: { point: "triangle", dash: [2, 3] }, controlled: { point: "circle", dash: [] },
    p1: { point: "circle", dash: [] }, p2: { point: "rect", dash: [7, 4] }, p3: { point: "triangle", dash: [] }, p4: { point: "rectRot", dash: [2, 3] },
    p5: { point: "circle", dash: [] }, p6: { point: "rect", dash: [7, 4] }, p7: { point: "triangle", dash: [] }, p8: { point: "rectRot", dash: [2, 3] },
  };
  const number = v => v === 0 ? "0" : Math.abs(v) >= 1e6 || Math.abs(v) < 1e-5 ? v.toExponential(2) : v.toLocaleString("en", { maximumSignificantDigits: 4, useGrouping: false });
  const present = v => v !== null && v !== undefined;

  const visible = chart => chart.data.datasets.filter((_, i) => chart.isDatasetVisible(i));

  const bands = {
    id: "bands",
    beforeDatasetsDraw(chart) {
      const { ctx, chartArea: a, scales: { y } } = chart;
      ctx.save();
      ctx.beginPath();
      ctx.rect(a.left, a.top, a.width, a.height);
      ctx.clip();
      chart.data.datasets.forEach((d, k) => {
        if (!d.lo || d.whiskers || !chart.isDatasetVisible(k)) return;
        const points = chart.getDatasetMeta(k).data;
        let run = [];
        const fill = () => {
          if (run.length > 1) {
            ctx.beginPath();
            run.forEach(i => ctx.lineTo(points[i].x, y.getPixelForValue(d.hi[i])));
            run.reverse().forEach(i => ctx.lineTo(points[i].x, y.getPixelForValue(d.lo[i])));
            ctx.closePath();
            ctx.globalAlpha = .17;
            ctx.fillStyle = d.borderColor;
            ctx.fill();
          }
          run = [];
        };
        points.forEach((_, i) => { if (present(d.lo[i]) && present(d.hi[i])) run.push(i); else fill(); });
        fill();
      });
      ctx.restore();
    },
  };

  const whiskers = {
    id: "whiskers",
    afterDatasetsDraw(chart) {
      const { ctx, scales: { y } } = chart;
      chart.data.datasets.forEach((d, k) => {
        if (!d.lo || !d.whiskers || !chart.isDatasetVisible(k)) return;
        ctx.save();
        ctx.strokeStyle = chart.config.type === "bar" ? color("text") : d.borderColor;
        ctx.lineWidth = 1.25;
        chart.getDatasetMeta(k).data.forEach((p, i) => {
          if (!present(d.lo[i]) || !present(d.hi[i])) return;
          const lo = y.getPixelForValue(d.lo[i]), hi = y.getPixelForValue(d.hi[i]), w = Math.min(5, (p.width || 10) / 2);
          ctx.beginPath();
          ctx.moveTo(p.x, lo); ctx.lineTo(p.x, hi);
          ctx.moveTo(p.x - w, lo); ctx.lineTo(p.x + w, lo);
          ctx.moveTo(p.x - w, hi); ctx.lineTo(p.x + w, hi);
          ctx.stroke();
        });
        ctx.restore();
      });
    },
  };

  const say = (ctx, text, x, y, align) => { // with a rim, so that lines below do not hide it
    ctx.save();
    ctx.setLineDash([]);
    ctx.textAlign = align;
    ctx.lineWidth = 4;
    ctx.lineJoin = "round";
    ctx.strokeStyle = color("surface");
    ctx.strokeText(text, x, y);
    ctx.fillText(text, x, y);
    ctx.restore();
  };

  const lines = {
    id: "lines",
    beforeDatasetsDraw(chart) {
      const { ctx, chartArea: a, scales: { x, y } } = chart, spec = chart.$spec;
      ctx.save();
      ctx.strokeStyle = ctx.fillStyle = color("muted");
      ctx.font = "12px " + Chart.defaults.font.family;
      ctx.setLineDash([4, 3]);
      for (const r of spec.reference || []) {
        const h = y.getPixelForValue(r.y);
        ctx.beginPath();
        ctx.moveTo(a.left, h); ctx.lineTo(a.right, h);
        ctx.stroke();
        say(ctx, r.name, a.right - 4, a.bottom - h < 20 ? h - 5 : h + 14, "right");
      }
      if (spec.diagonal) {
        const lo = Math.max(x.min, y.min), hi = Math.min(x.max, y.max);
        if (lo < hi) {
          ctx.beginPath();
          ctx.moveTo(x.getPixelForValue(lo), y.getPixelForValue(lo));
          ctx.lineTo(x.getPixelForValue(hi), y.getPixelForValue(hi));
          ctx.stroke();
          const right = x.getPixelForValue(hi), room = a.right - right > 50;
          say(ctx, "y = x", right + (room ? 8 : -8), y.getPixelForValue(hi) + (room ? 12 : 26), room ? "left" : "right");
        }
      }
      if (spec.kind === "line" && chart.getActiveElements().length) { // where the reader points
        const at = chart.getActiveElements()[0].element.x;
        ctx.setLineDash([]);
        ctx.globalAlpha = .35;
        ctx.beginPath();
        ctx.moveTo(at, a.top); ctx.lineTo(at, a.bottom);
        ctx.stroke();
      }
      ctx.restore();
    },
  };

  const shades = (kind, look) => {
    const c = color(look), fill = kind === "scatter" ? c + "88" : kind === "bar" ? c + "d9" : c;
    return { borderColor: c, backgroundColor: fill, pointBackgroundColor: fill, pointBorderColor: c, pointHoverBackgroundColor: c, pointHoverBorderColor: c };
  };

  const paint = chart => { // colours of the theme
    const text = color("text"), muted = color("muted"), grid = color("line"), surface = color("surface");
    for (const d of chart.data.datasets) Object.assign(d, shades(chart.config.type, d.look));
    for (const s of Object.values(chart.options.scales)) {
      s.ticks.color = muted;
      s.title.color = muted;
      s.grid.color = grid;
      s.border.color = grid;
    }
    Object.assign(chart.options.plugins.tooltip, { backgroundColor: surface, titleColor: text, bodyColor: text, borderColor: color("muted"), borderWidth: 1 });
    chart.update("none");
  };

  const swatch = (look, kind) => {
    const ns = "http://www.w3.org/2000/svg", svg = document.createElementNS(ns, "svg"), l = looks[look];
    const add = (tag, attrs) => {
      const e = document.createElementNS(ns, tag);
      for (const [k, v] of Object.entries(attrs)) e.setAttribute(k, v);
      svg.append(e);
    };
    for (const [k, v] of Object.entries({ width: 26, height: 12, viewBox: "0 0 26 12", "aria-hidden": "true" })) svg.setAttribute(k, v);
    svg.style.color = `var(--${look})`;
    if (kind === "bar") add("rect", { x: 7, y: 0, width: 12, height: 12, rx: 2, fill: "currentColor" });
    if (kind === "line") add("line", { x1: 0, y1: 6, x2: 26, y2: 6, stroke: "currentColor", "stroke-width": 2.2, "stroke-dasharray": l.dash.join(" ") });
    if (kind !== "bar") {
      if (l.point === "circle") add("circle", { cx: 13, cy: 6, r: 4, fill: "currentColor" });
      if (l.point === "rect") add("rect", { x: 9.5, y: 2.5, width: 7, height: 7, fill: "currentColor" });
      if (l.point === "triangle") add("path", { d: "M13 1.5 L17.5 10 L8.5 10 Z", fill: "currentColor" });
      if (l.point === "rectRot") add("path", { d: "M13 1 L18 6 L13 11 L8 6 Z", fill: "currentColor" });
      if (l.point === "line" && kind === "scatter") add("circle", { cx: 13, cy: 6, r: 3, fill: "currentColor" });
    }
    return svg;
  };

  const build = (figure, spec) => {
    const canvas = figure.querySelector("canvas"), byName = !!spec.categories;
    const dense = Math.max(...spec.series.map(s => s.y.length)) > 60;
    const datasets = spec.series.map(s => {
      const l = looks[s.look];
      return {
        ...shades(spec.kind, s.look), label: s.name, look: s.look, lo: s.lo, hi: s.hi, names: s.labels, whiskers: spec.kind !== "line",
        data: byName ? s.y : s.y.map((y, i) => ({ x: s.x[i], y })),
        borderWidth: spec.kind === "line" ? 2 : spec.kind === "scatter" ? 1 : 0, borderDash: l.dash, tension: 0, borderRadius: 2,
        pointStyle: l.point === "line" ? (spec.kind === "scatter" ? "circle" : false) : l.point,
        pointRadius: spec.kind === "scatter" ? (s.y.length > 150 ? 2.5 : 3.5) : dense ? 0 : 3, pointHoverRadius: 5, pointHitRadius: 8,
        maxBarThickness: 44, categoryPercentage: .78, barPercentage: .92,
      };
    });
    const tick = { font: { size: 11.5 }, autoSkipPadding: 8 };
    const axis = title => ({ title: { display: !!title, text: title, font: { size: 12.5 } }, ticks: { ...tick }, grid: {}, border: {} });
    const x = axis(spec.x), y = axis(spec.y);
    x.grid.display = spec.kind === "scatter";
    x.type = byName ? "category" : "linear";
    if (byName) Object.assign(x.ticks, { maxRotation: 90, minRotation: 0, autoSkip: spec.categories.length > 12 });
    else x.ticks.callback = number;
    y.ticks.callback = number;
    y.grace = "4%";
    y.beginAtZero = spec.kind === "bar";
    y.afterDataLimits = scale => {
      for (const d of visible(scale.chart)) for (const v of [...(d.lo || []), ...(d.hi || [])]) if (present(v)) {
        scale.min = Math.min(scale.min, v);
        scale.max = Math.max(scale.max, v);
      }
      for (const r of spec.reference || []) {
        scale.min = Math.min(scale.min, r.y);
        scale.max = Math.max(scale.max, r.y);
      }
    };
    if (!byName && spec.kind === "line") { // no empty margin left and right
      const xs = spec.series.flatMap(s => s.x);
      x.min = Math.min(...xs);
      x.max = Math.max(...xs);
    }
    const chart = new Chart(canvas, {
      type: spec.kind,
      data: { labels: spec.categories, datasets },
      plugins: [bands, whiskers, lines, { id: "spec", beforeInit: c => { c.$spec = spec; } }],
      options: {
        animation: false, responsive: true, maintainAspectRatio: false,
        interaction: spec.kind === "scatter" ? { mode: "nearest", intersect: true } : byName ? { mode: "index", intersect: false } : { mode: "nearest", axis: "x", intersect: false },
        scales: { x, y },
        plugins: {
          legend: { display: false },
          colors: { enabled: false }, // paint gives them
          tooltip: {
            padding: 10, usePointStyle: true, boxPadding: 4, cornerRadius: 6, titleFont: { size: 12.5 }, bodyFont: { size: 12.5 },
            callbacks: {
              title: items => !items.length ? "" : items[0].dataset.names?.[items[0].dataIndex] ?? (byName ? items[0].label : `${spec.x} ${number(items[0].parsed.x)}`),
              label: item => {
                const d = item.dataset, i = item.dataIndex;
                const between = d.lo && present(d.lo[i]) && present(d.hi[i]) ? `  [${number(d.lo[i])}, ${number(d.hi[i])}]` : "";
                return spec.kind === "scatter" ? ` ${d.label}: (${number(item.parsed.x)}, ${number(item.parsed.y)})${between}` : ` ${d.label}: ${number(item.parsed.y)}${between}`;
              },
            },
          },
        },
      },
    });

    const legend = figure.querySelector(".legend");
    spec.series.forEach((s, i) => {
      const b = document.createElement("button");
      b.type = "button";
      b.setAttribute("aria-pressed", "true");
      b.append(swatch(s.look, spec.kind), s.name);
      b.addEventListener("click", () => {
        const on = !chart.isDatasetVisible(i);
        chart.setDatasetVisibility(i, on);
        b.setAttribute("aria-pressed", String(on));
        chart.update("none");
      });
      legend.append(b);
    });

    const png = document.createElement("button");
    Object.assign(png, { type: "button", className: "tool", textContent: "PNG", title: "Save this chart as PNG" });
    png.setAttribute("aria-label", "Save this chart as PNG");
    png.addEventListener("click", () => {
      const sheet = document.createElement("canvas"), c = sheet.getContext("2d");
      [sheet.width, sheet.height] = [canvas.width, canvas.height];
      c.fillStyle = color("surface");
      c.fillRect(0, 0, sheet.width, sheet.height);
      c.drawImage(canvas, 0, 0);
      window.locimemSave(sheet.toDataURL("image/png"), spec.name + ".png");
    });
    figure.querySelector("figcaption").append(png);

    // The arrow keys walk along the points; what they meet is also said.
    let at = -1;
    canvas.addEventListener("keydown", e => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
      if (!step && e.key !== "Escape") return;
      e.preventDefault();
      const shown = chart.data.datasets.map((d, i) => i).filter(i => chart.isDatasetVisible(i));
      const n = Math.max(0, ...shown.map(i => chart.data.datasets[i].data.length));
      at = step && n ? (at + step + n) % n : -1;
      const active = at < 0 ? [] : shown.filter(i => {
        const v = chart.data.datasets[i].data[at];
        return present(v) && (byName || present(v.y));
      }).map(i => ({ datasetIndex: i, index: at }));
      const some = spec.kind === "scatter" ? active.slice(0, 1) : active;
      chart.setActiveElements(some);
      const p = some.length ? chart.getDatasetMeta(some[0].datasetIndex).data[at] : { x: 0, y: 0 };
      chart.tooltip.setActiveElements(some, { x: p.x, y: p.y });
      chart.update("none");
      figure.querySelector(".live").textContent = some.length ? [chart.tooltip.title, ...chart.tooltip.body.map(b => b.lines)].flat().join(". ") : "";
    });
    canvas.addEventListener("blur", () => {
      at = -1;
      chart.setActiveElements([]);
      chart.tooltip.setActiveElements([], { x: 0, y: 0 });
      chart.update("none");
    });
    paint(chart);
    return chart;
  };

  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  const drawn = [...document.querySelectorAll("figure.chart")].map(f => build(f, charts[f.dataset.chart]));
  document.addEventListener("themechange", () => drawn.forEach(paint));
})();

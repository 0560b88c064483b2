// Runs before anything is drawn: the theme of the system, or the one chosen here.
(() => {
  const root = document.documentElement;
  root.classList.remove("plain");
  root.classList.add("js");
  let kept = null;
  try { kept = localStorage.getItem("locimem-theme"); } catch { /* files may have no storage */ }
  const dark = matchMedia("(prefers-color-scheme: dark)");
  root.dataset.theme = kept || (dark.matches ? "dark" : "light");
  const show = theme => {
    root.dataset.theme = theme;
    const b = document.getElementById("theme");
    if (b) {
      b.textContent = theme === "dark" ? "Light theme" : "Dark theme";
    }
    document.dispatchEvent(new Event("themechange"));
  };
  dark.addEventListener("change", e => { if (!kept) show(e.matches ? "dark" : "light"); });
  document.addEventListener("DOMContentLoaded", () => {
    show(root.dataset.theme);
    document.getElementById("theme").addEventListener("click", () => {
      kept = root.dataset.theme === "dark" ? "light" : "dark";
      try { localStorage.setItem("locimem-theme", kept); } catch { /* not kept */ }
      show(kept);
    });
  });
})();

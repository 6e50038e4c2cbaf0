// What the page can do more where scripts run: local times, copying, "/" for the search, and a word when the hub is away.
"use strict";

(() => {
  const SPANS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const THIN = "\u202f";
  const moments = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

  document.documentElement.classList.add("js");

  function span(seconds) {
    const [unit, word] = SPANS.find(([unit]) => seconds >= unit) || [1, "s"];
    return Math.floor(seconds / unit) + THIN + word;
  }

  function ago(moment) {
    const passed = (Date.now() - moment) / 1000;
    if (Math.abs(passed) < 5) { return "just now"; }
    return passed > 0 ? span(passed) + " ago" : "in " + span(-passed);
  }

  function write(node, text) { if (node.textContent !== text) { node.textContent = text; } }

  /** Write every time in the reader's own zone; relative ones are kept right. */
  function tellTimes(root) {
    for (const node of root.querySelectorAll("time[datetime]")) {
      const moment = Date.parse(node.dateTime);
      if (Number.isNaN(moment)) { continue; }
      if (!node.dataset.local) {
        node.dataset.local = "1";
        node.title = exact.format(moment);
      }
      write(node, "relative" in node.dataset ? ago(moment) : moments.format(moment));
    }
    for (const node of root.querySelectorAll("[data-until]")) {
      const left = Math.max(0, Math.ceil((Date.parse(node.dataset.until) - Date.now()) / 1000));
      const text = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
      write(node, left ? text : node.dataset.over);
      node.classList.toggle("over", left === 0);
    }
  }

  /** Copy a node's text; a page without TLS has no clipboard API, there the old command does it. */
  async function copy(button) {
    const node = document.getElementById(button.dataset.copy);
    let done = false;
    try {
      await navigator.clipboard.writeText(node.textContent);
      done = true;
    } catch {
      getSelection().selectAllChildren(node);
      done = document.execCommand("copy");
    }
    const before = button.textContent;
    button.textContent = done ? "Copied" : "Press Ctrl+C";
    setTimeout(() => { button.textContent = before; }, 2000);
  }

  function trouble(sentence) {
    const strip = document.getElementById("trouble");
    strip.textContent = sentence;
    strip.hidden = !sentence;
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) { copy(button); }
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) { menu.open = false; }
    }
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const find = document.querySelector("[data-find]") || document.getElementById("find");
      if (find) { event.preventDefault(); find.focus(); find.select(); }
    }
    if (event.key === "Escape") {
      const menu = event.target.closest("details.menu[open]");
      if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
    }
  });

  document.addEventListener("htmx:afterRequest", (event) => { if (event.detail.successful) { trouble(""); } });
  document.addEventListener("htmx:sendError", () => trouble("The hub does not answer. What you see is from before."));
  document.addEventListener("htmx:responseError", (event) => {
    const status = event.detail.xhr.status;
    if (status === 401) { location.reload(); return; }
    trouble(`The hub could not bring this page up to date (${status}). What you see is from before.`);
  });
  document.addEventListener("htmx:load", (event) => tellTimes(event.detail.elt.parentNode || event.detail.elt));

  // A request that a later letter makes needless is cut off, which is meant: htmx would call it an error.
  const running = new Map();
  document.addEventListener("htmx:beforeSend", (event) => running.set(event.detail.xhr, event.detail));
  document.addEventListener("htmx:beforeOnLoad", (event) => running.delete(event.detail.xhr));
  document.addEventListener("htmx:abort", () => {
    for (const request of running.values()) { request.error = null; }
    running.clear();
  }, true);

  document.querySelector(".places [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  tellTimes(document);
  setInterval(() => tellTimes(document), 1000);
})();

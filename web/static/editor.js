// The editor's small helpers: check while typing, preview beside, line numbers, jump to a finding.
// Everything here has a way without it; the server makes all the HTML.

"use strict";

(function () {
  const form = document.getElementById("editor");
  if (!form) return;
  const text = document.getElementById("text");
  const gutter = document.getElementById("gutter");
  const findings = document.getElementById("findings");
  const state = document.getElementById("state");
  const seen = document.getElementById("seen");
  const rules = document.getElementById("rule");
  const saved = text.dataset.dirty ? null : text.defaultValue;
  let marks = new Map();
  let checking = null;
  let timer = 0;

  // --- line numbers ---

  function number() {
    const lines = text.value.split("\n").length;
    gutter.replaceChildren();
    for (let line = 1; line <= lines; line++) {
      const row = document.createElement("div");
      row.textContent = line;
      if (marks.has(line)) row.className = marks.get(line);
      gutter.append(row);
    }
    gutter.scrollTop = text.scrollTop;
    gutter.style.height = text.offsetHeight + "px";
  }

  function mark() {
    marks = new Map();
    const path = form.dataset.path;
    for (const each of findings.querySelectorAll(".finding")) {
      if (each.dataset.path !== path) continue;
      const line = Number(each.dataset.line);
      const kind = each.classList.contains("error") ? "error" : "warning";
      if (marks.get(line) !== "error") marks.set(line, kind);
    }
    number();
  }

  // --- check while typing ---

  async function check() {
    if (checking) checking.abort();
    checking = new AbortController();
    try {
      const answer = await fetch(form.dataset.check, { method: "POST", body: body(), signal: checking.signal });
      if (answer.status === 401) return tell("You are signed out: sign in in another tab, your text stays here.");
      if (!answer.ok) return tell("The check did not answer.");
      const result = await answer.json();
      findings.innerHTML = result.html;
      choose(result.rules);
      mark();
      tell(changed() ? "Not saved" : "");
    } catch (error) {
      if (error.name !== "AbortError") tell("Carpe cannot be reached. Your text stays here.");
    }
  }

  function choose(found) {
    if (!rules) return;
    const wanted = rules.value;
    const options = found.map((rule) => new Option(rule.title || rule.name, rule.name, false, rule.name === wanted));
    rules.replaceChildren(...(options.length ? options : [new Option("no rule without errors", "")]));
  }

  // --- preview beside ---

  async function preview(event) {
    event.preventDefault();
    seen.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.dataset.preview, { method: "POST", body: body() });
      if (answer.ok) seen.innerHTML = await answer.text();
      else seen.textContent = answer.status === 401 ? "You are signed out: sign in in another tab." : "The preview did not answer.";
    } catch (error) {
      seen.textContent = "Carpe cannot be reached.";
    }
    seen.removeAttribute("aria-busy");
  }

  // --- format ---

  async function layOut(event) {
    event.preventDefault();
    try {
      const answer = await fetch(event.currentTarget.formAction + "?json", { method: "POST", body: body() });
      if (!answer.ok) return tell(answer.status === 401 ? "You are signed out: sign in in another tab." : "The text could not be formatted.");
      const laidOut = (await answer.json()).text;
      if (laidOut === text.value) return tell("Formatted already");
      const line = text.value.slice(0, text.selectionStart).split("\n").length;
      text.setRangeText(laidOut, 0, text.value.length, "start");
      text.dispatchEvent(new Event("input"));
      go(line, 1);
    } catch (error) {
      tell("Carpe cannot be reached. Your text stays here.");
    }
  }

  // --- where the cursor goes ---

  function go(line, column) {
    const lines = text.value.split("\n");
    const before = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
    // Columns count characters; a textarea counts UTF-16 units.
    const at = before + Array.from(lines[line - 1] || "").slice(0, column - 1).join("").length;
    text.focus({ preventScroll: true });
    text.setSelectionRange(at, at);
    const height = parseFloat(getComputedStyle(text).lineHeight);
    text.scrollTop = Math.max(0, (line - 4) * height);
    number();
  }

  // --- small things ---

  function body() { return new FormData(form); }
  function changed() { return text.value !== saved; }
  function tell(sentence) { state.textContent = sentence; }

  text.addEventListener("input", () => {
    number();
    tell("Not saved");
    clearTimeout(timer);
    timer = setTimeout(check, 250);
  });
  text.addEventListener("scroll", () => { gutter.scrollTop = text.scrollTop; });
  new ResizeObserver(number).observe(text);
  findings.addEventListener("click", (event) => {
    const found = event.target.closest(".finding");
    if (!found || found.dataset.path !== form.dataset.path) return;
    event.preventDefault();
    go(Number(found.dataset.line), Number(found.dataset.column));
    text.scrollIntoView({ block: "nearest" });
  });
  const format = document.getElementById("format");
  if (format) format.addEventListener("click", layOut);
  if (seen) for (const button of form.querySelectorAll("button[formaction]:not(#format)")) button.addEventListener("click", preview);
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "s" && !text.readOnly) {
      event.preventDefault();
      form.requestSubmit(form.querySelector("button.main"));
    }
  });
  let leaving = false;
  form.addEventListener("submit", () => { leaving = true; });
  window.addEventListener("beforeunload", (event) => { if (changed() && !leaving) event.preventDefault(); });

  mark();
  if (changed()) tell("Not saved");
  if (Number(text.dataset.line) > 1) go(Number(text.dataset.line), 1);
})();

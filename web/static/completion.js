// The editor's proposals while typing, and a line on the word at the cursor.
// Ctrl+Space asks; arrows choose; Enter or Tab takes; Escape closes. Without this the text area is as it always was.

"use strict";

(function () {
  const form = document.getElementById("editor");
  const text = document.getElementById("text");
  if (!form || !form.dataset.complete || text.readOnly) return;
  const list = document.getElementById("proposals");
  const word = document.getElementById("word");
  let proposals = [];
  let chosen = -1;
  let asking = null;
  let timer = 0;

  // --- asking ---

  // The server counts characters, a text area UTF-16 units.
  function characters(units) { return Array.from(text.value.slice(0, units)).length; }
  function units(count) { return Array.from(text.value).slice(0, count).join("").length; }

  async function ask(address, signal) {
    const body = new FormData(form);
    body.set("at", characters(text.selectionStart));
    const answer = await fetch(address, { method: "POST", body, signal });
    return answer.ok ? answer.json() : null;
  }

  async function propose(first) {
    if (asking) asking.abort();
    asking = new AbortController();
    try {
      const result = await ask(form.dataset.complete, asking.signal);
      show(result ? result.completions : [], first);
    } catch (error) {
      if (error.name !== "AbortError") close();
    }
  }

  async function explain() {
    try {
      const result = await ask(form.dataset.hover);
      word.textContent = result ? result.lines.slice(0, 3).join(" · ") : "";
    } catch (error) {
      word.textContent = "";
    }
  }

  // --- showing ---

  function show(found, first) {
    const at = text.selectionStart;
    proposals = found.filter((each) => text.value.slice(units(each.start), at) !== each.insert);
    if (!proposals.length) return close();
    list.replaceChildren(...proposals.map(row));
    list.hidden = false;
    text.setAttribute("aria-expanded", "true");
    choose(first);
    place();
  }

  function row(each, number) {
    const item = document.createElement("li");
    item.id = "proposal-" + number;
    item.setAttribute("role", "option");
    const label = document.createElement("code");
    label.textContent = each.label;
    const detail = document.createElement("span");
    detail.textContent = each.detail || each.kind;
    item.append(label, detail);
    item.addEventListener("mousedown", (event) => { event.preventDefault(); take(number); });
    return item;
  }

  function choose(number) {
    if (list.children[chosen]) list.children[chosen].removeAttribute("aria-selected");
    chosen = number;
    const item = list.children[chosen];
    if (!item) return text.removeAttribute("aria-activedescendant");
    item.setAttribute("aria-selected", "true");
    item.scrollIntoView({ block: "nearest" });
    text.setAttribute("aria-activedescendant", item.id);
    word.textContent = proposals[chosen].documentation || proposals[chosen].detail;
  }

  // Below the half word: the font has one width, so columns are enough to know where it is.
  function place() {
    const style = getComputedStyle(text);
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = style.font;
    const before = text.value.slice(0, units(proposals[0].start)).split("\n");
    const column = before[before.length - 1].replaceAll("\t", "  ").length;
    const height = parseFloat(style.lineHeight);
    const left = text.offsetLeft + parseFloat(style.paddingLeft) + column * pen.measureText("m").width - text.scrollLeft;
    list.style.left = Math.max(0, Math.min(left, text.offsetLeft + text.clientWidth - list.offsetWidth)) + "px";
    list.style.top = text.offsetTop + parseFloat(style.paddingTop) + before.length * height - text.scrollTop + "px";
  }

  function close() {
    if (asking) asking.abort();
    list.hidden = true;
    proposals = [];
    chosen = -1;
    text.setAttribute("aria-expanded", "false");
    text.removeAttribute("aria-activedescendant");
  }

  function take(number) {
    const each = proposals[Math.max(0, number)];
    close();
    text.focus();
    text.setSelectionRange(units(each.start), text.selectionStart);
    // insertText can be undone; where a browser does not know it, setRangeText does the same without.
    if (!document.execCommand("insertText", false, each.insert)) {
      text.setRangeText(each.insert, text.selectionStart, text.selectionEnd, "end");
      text.dispatchEvent(new Event("input"));
    }
    close();
  }

  // --- keys ---

  text.addEventListener("keydown", (event) => {
    if (event.ctrlKey && event.code === "Space") {
      event.preventDefault();
      return propose(0);
    }
    if (list.hidden) return;
    const last = proposals.length - 1;
    if (event.key === "ArrowDown") choose(chosen >= last ? 0 : chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen <= 0 ? last : chosen - 1);
    else if (event.key === "Escape") close();
    else if (event.key === "Tab" || (event.key === "Enter" && chosen >= 0)) take(chosen);
    else {
      if (event.key === "Enter" || event.key.startsWith("Arrow") || event.key === "Home" || event.key === "End") close();
      return;
    }
    event.preventDefault();
  });
  text.addEventListener("input", (event) => {
    const typed = event.data || "";
    if (/^[\w.]$/.test(typed) || (event.inputType === "deleteContentBackward" && !list.hidden)) propose(-1);
    else close();
  });
  text.addEventListener("blur", close);
  text.addEventListener("scroll", close);
  document.addEventListener("selectionchange", () => {
    if (document.activeElement !== text || !list.hidden) return;
    clearTimeout(timer);
    timer = setTimeout(explain, 300);
  });
})();

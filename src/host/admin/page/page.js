// Saves reloading: the overview stays fresh, and `explain` answers while one types. Everything
// here can also be had without it.
"use strict";

const EVERY = 2000;
const PATIENCE = 250;

/** The document that a URL answers with. */
async function fetched(url, signal) {
  const response = await fetch(url, { signal, cache: "no-store", headers: { accept: "text/html" } });
  if (!response.ok) throw new Error(String(response.status));
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

/** Puts the new children in place of the old, unless they are the same. */
function replace(old, fresh) {
  if (!fresh || old.innerHTML === fresh.innerHTML) return;
  // What is open stays open, and what has the focus keeps it.
  const open = [...old.querySelectorAll("details")].map((details) => details.open);
  const focused = old.contains(document.activeElement) ? place(old, document.activeElement) : null;
  const scrolled = [...old.querySelectorAll("[tabindex]")].map((element) => element.scrollLeft);
  old.replaceChildren(...fresh.childNodes);
  old.querySelectorAll("details").forEach((details, index) => (details.open = open[index] ?? false));
  old.querySelectorAll("[tabindex]").forEach((element, index) => (element.scrollLeft = scrolled[index] ?? 0));
  if (focused !== null) old.querySelectorAll("a, button, summary, [tabindex]")[focused]?.focus({ preventScroll: true });
}

function place(old, element) {
  const index = [...old.querySelectorAll("a, button, summary, [tabindex]")].indexOf(element);
  return index < 0 ? null : index;
}

function follow(parts) {
  const controls = document.querySelector("[data-controls]");
  const button = document.createElement("button");
  const status = document.createElement("span");
  button.type = "button";
  let paused = false;
  const show = (text, state) => {
    status.textContent = text;
    controls.dataset.state = state;
    button.textContent = paused ? "Resume" : "Pause";
  };
  const look = async () => {
    if (!paused && !document.hidden) {
      try {
        const fresh = await fetched(location.href);
        if (!paused) {
          parts.forEach((part) => replace(part, fresh.getElementById(part.id)));
          document.title = fresh.title;
          replace(document.querySelector("footer"), fresh.querySelector("footer"));
          show("live", "live");
        }
      } catch {
        document.title = "No answer · Retort";
        show("no answer", "lost");
      }
    }
    setTimeout(look, EVERY);
  };
  button.addEventListener("click", () => {
    paused = !paused;
    show(paused ? "paused" : "live", paused ? "paused" : "live");
  });
  controls.append(status, button);
  show("live", "live");
  setTimeout(look, EVERY);
}

function explain(form) {
  const answer = document.getElementById("answer");
  const client = form.elements.client;
  const accept = form.elements.accept;
  let timer;
  let asking;
  const ask = async () => {
    asking?.abort();
    asking = new AbortController();
    const usual = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
    const url = `${form.action}?${usual}`;
    try {
      const fresh = await fetched(url, asking.signal);
      replace(answer, fresh.getElementById("answer"));
      for (const hint of form.querySelectorAll(".hint")) replace(hint, fresh.getElementById(hint.id));
      for (const field of form.querySelectorAll("input, textarea")) {
        const wrong = fresh.getElementById(field.id)?.getAttribute("aria-invalid");
        wrong ? field.setAttribute("aria-invalid", wrong) : field.removeAttribute("aria-invalid");
      }
      history.replaceState(null, "", url);
      answer.removeAttribute("aria-busy");
    } catch (error) {
      if (error.name !== "AbortError") form.submit();
    }
  };
  form.addEventListener("input", () => {
    answer.setAttribute("aria-busy", "true");
    clearTimeout(timer);
    timer = setTimeout(ask, PATIENCE);
  });
  client.addEventListener("change", () => {
    accept.value = "";
    accept.placeholder = client.selectedOptions[0].dataset.accept;
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    ask();
  });
}

const parts = [...document.querySelectorAll("[data-live]")];
if (parts.length > 0) follow(parts);
const form = document.querySelector("[data-explain]");
if (form) explain(form);

// The page: reads what is asked from the form or the address, and shows it.
//
// The address says which model is asked: ?server=http://host:8501&model=realm,
// with &version=2 or &label=canary; by default "realm" of the page's own
// server. What is asked stands behind the #, so that each state has a link.

import { make } from "./elements.js";
import { findModes } from "./modes.js";
import { Server } from "./server.js";

const TIMEOUT = 60000; // milliseconds
const TITLE = document.title;
const STRANGE = "The reply is not that of a model which realm_tf has exported.";

const $ = (id) => document.getElementById(id);
const text = $("text");
const result = $("result");

let server = null;
let modes = []; // those that the model has
let mode = null;
let pending = null; // the AbortController of the request under way

// --- Asking -----------------------------------------------------------------

function say(sentence) {
  $("status").textContent = sentence;
}

function clear() {
  $("error").replaceChildren();
  result.replaceChildren();
  say("");
}

function showError(message, retry) {
  const button = make("button", "retry", "Try again");
  button.type = "button";
  button.addEventListener("click", retry);
  $("error").replaceChildren(make("p", "", message), button);
}

/** Ends the request under way, if there is one; its reply is not shown. */
function stop() {
  const stopped = pending;
  pending = null;
  result.removeAttribute("aria-busy");
  stopped?.abort();
  return stopped !== null;
}

/** Sends one request and shows its reply, or an error with a way to retry. */
async function run(request, show, retry) {
  stop();
  const controller = new AbortController();
  pending = controller;
  const timer = setTimeout(
    () => controller.abort(new Error("The server did not reply in a minute.")),
    TIMEOUT
  );
  result.setAttribute("aria-busy", "true");
  $("error").replaceChildren();
  say("Waiting for the server.");
  let reply = null;
  let failure = null;
  try {
    reply = await request(controller.signal);
  } catch (error) {
    failure = error;
  }
  clearTimeout(timer);
  if (pending !== controller) return; // stopped, or overtaken
  stop();
  clear();
  try {
    if (failure) throw failure;
    show(reply);
  } catch (error) {
    clear();
    const isStrange = error instanceof TypeError; // an output is missing
    showError(isStrange ? STRANGE : error.message, retry);
  }
}

function ask() {
  const asked = mode;
  const question = text.value.trim();
  if (!asked || !question) return;
  if (asked.id === "fill" && !question.includes("[MASK]")) {
    stop();
    clear();
    $("hint").textContent = "Write [MASK] where a token is to be filled in.";
    say($("hint").textContent);
    text.focus();
    return;
  }
  $("hint").textContent = "";
  document.title = `${question} · REALM`;
  remember(question);
  run(
    (signal) => server.predict(asked.signature, asked.key, question, signal),
    (outputs) => {
      const { nodes, sentence } = asked.show(outputs, question);
      const link = make("a", "", "Link to this result");
      link.href = location.hash;
      result.append(...nodes, make("p", "link muted", link));
      say(sentence);
    },
    ask
  );
}

// --- State ------------------------------------------------------------------

/** Puts what is asked into the address. */
function remember(question) {
  const state = new URLSearchParams({ mode: mode.id, q: question });
  const hash = question ? `#${state}` : "";
  if (location.hash !== hash) {
    history.pushState(null, "", location.pathname + location.search + hash);
  }
}

/** Takes what is asked from the address. */
function restore() {
  const state = new URLSearchParams(location.hash.slice(1));
  stop();
  clear();
  setMode(modes.find((one) => one.id === state.get("mode")) || modes[0]);
  text.value = state.get("q") || "";
  resize();
  document.title = TITLE;
  ask();
}

function setMode(one) {
  mode = one;
  $("label").textContent = one.label;
  $("hint").textContent = one.hint;
  $("submit").textContent = one.verb;
  $("insert").hidden = one.id !== "fill";
  text.placeholder = one.placeholder;
  $(`mode-${one.id}`).checked = true;
}

function showModes() {
  const choices = modes.map((one) => {
    const input = make("input");
    input.type = "radio";
    input.name = "mode";
    input.id = `mode-${one.id}`;
    input.addEventListener("change", () => {
      stop();
      clear();
      setMode(one);
      ask();
    });
    const label = make("label", "", input, one.name);
    label.dataset.name = one.name;
    return label;
  });
  $("modes").append(...choices);
  $("modes").hidden = modes.length < 2;
}

// --- Keyboard ---------------------------------------------------------------

function resize() {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
}

function onKey(event) {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) {
    return;
  }
  const inText = event.target === text;
  if (event.key === "/" && !inText) {
    event.preventDefault();
    text.focus();
    text.select();
  } else if (event.key === "Enter" && inText && !event.shiftKey) {
    event.preventDefault();
    ask();
  } else if (event.key === "Escape" && mode) {
    stopOrClear();
  }
}

function stopOrClear() {
  if (stop()) {
    say("Stopped.");
  } else {
    const current = mode;
    text.value = "";
    remember("");
    restore();
    setMode(current);
  }
  text.focus();
}

// --- Start ------------------------------------------------------------------

function start() {
  run(
    async (signal) => {
      server = new Server(location.search);
      return server.readMetadata(signal);
    },
    ({ version, signatures }) => {
      modes = findModes(signatures);
      if (!modes.length) {
        throw new Error(`${server.model} is not a model that can be asked.`);
      }
      const facts = [server.model, version && `version ${version}`];
      if (server.isElsewhere) facts.push(server.host);
      $("model").textContent = facts.filter(Boolean).join(" · ");
      showModes();
      const typed = text.value; // while the server was asked
      restore();
      if (!text.value) {
        text.value = typed;
        resize();
      }
    },
    start
  );
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
$("insert").addEventListener("click", () => {
  text.setRangeText("[MASK]", text.selectionStart, text.selectionEnd, "end");
  text.focus();
  resize();
});
text.addEventListener("input", resize);
document.addEventListener("keydown", onKey);
window.addEventListener("popstate", () => mode && restore());
start();
